"""Which process is which, whether one is alive, and what it does when it is asked to stop."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)


@cache
def machine() -> str:
    """Return host, boot and process-id namespace, within which a process id names one process at a time."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def is_alive(pid: int) -> bool:
    """Return whether a process of this machine is there; a zombie has died and only waits to be noticed."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is somebody else's
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


@contextlib.contextmanager
def handling_stops(handler: Callable[[int, Any], object]) -> Iterator[None]:
    """Let `handler` have SIGINT and SIGTERM inside the block; beside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.signal(number, handler) for number in STOPPING}
    try:
        yield
    finally:
        for number, before in old.items():
            signal.signal(number, before)
