"""What a process does to itself: it counts its file-system events, dies at one of them, or finds the disk full."""

import errno
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_kinds.command import Fault

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NEED_SPACE = {"open", "os.mkdir", "os.link", "os.symlink", "os.fsync"}
_EVENTS = _NEED_SPACE | {"os.rename", "os.remove", "os.rmdir", "os.truncate"}


class Events:
    """Counts the file-system events of this process from now on and lets `act` see the number of each.

    What Python opens for writing, renames, removes, makes and forces to the disk is an event. What Arrow and
    safetensors write is seen by its size alone (`in_a_write`).
    """

    def __init__(self, act: Callable[[int, str], None]) -> None:
        self.number = 0
        self._act = act
        fsync = os.fsync

        def counted(handle: int) -> None:
            self._see("os.fsync")
            fsync(handle)

        os.fsync = counted
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS:
            return
        if event == "open" and (not isinstance(arguments[2], int) or not arguments[2] & _WRITES):
            return
        if isinstance(arguments[0], str) and arguments[0].startswith(("/dev/", "/proc/")):
            return
        self._see(event)

    def _see(self, event: str) -> None:
        self.number += 1
        self._act(self.number, event)


def count_into(path: Path) -> Fault:
    """Return what keeps the number of events in a file that is open already."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
    return lambda: _keep(Events(lambda number, _: os.pwrite(handle, b"%9d" % number, 0) and None))


def killed_at(number: int) -> Fault:
    """Return what kills the process right before its so-many-th file-system event."""

    def act(seen: int, _event: str) -> None:
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: _keep(Events(act))


def full_from(number: int) -> Fault:
    """Return what makes the disk full from the so-many-th event on: nothing new fits, what is there can go."""

    def act(seen: int, event: str) -> None:
        if seen >= number and event in _NEED_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: _keep(Events(act))


def in_a_write(size: int, *, dies: bool) -> Fault:
    """Return what lets no file grow beyond `size` bytes: the write fails, or the process dies in the middle."""

    def fault() -> None:
        if dies:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return fault


def without_privileges() -> None:
    """Let the rights of files bind this process, whoever it is (capset with no capability, linux/capability.h)."""
    import ctypes

    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


_kept: list[Any] = []


def _keep(thing: Any) -> None:
    _kept.append(thing)
