"""One process at a time works on a run, with nothing but files that every network file system has.

A claim is a file made with `O_CREAT | O_EXCL`; its holder touches it now and then. It is stale when its process is
known to be gone, or when nobody touched it for `STALE_SECONDS`. A stale claim is renamed out of the way: of many
takers the file system lets one succeed, and that one looks at what it has moved before it believes it.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
from functools import cache
from pathlib import Path
from typing import Any

from hxbench.errors import RunError

STALE_SECONDS = 120.0
HEARTBEAT_SECONDS = 15.0
_ATTEMPTS = 20


class RunBusy(RunError):  # noqa: N818 - a state of affairs, named as callers speak of it
    """Another live process works on the run."""


@cache
def _machine() -> str:
    """Return what must agree for a process id to mean anything: host, boot and process-id namespace."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    with contextlib.suppress(OSError):  # a zombie has died and only waits for its parent to notice
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a claim says, `{}` while it is being written, None when there is none."""
    try:
        said = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _age(path: Path) -> float:
    """Return seconds since the last heartbeat, by the clock of the file system that holds the claim."""
    probe = path.with_name(f".clock-{secrets.token_hex(6)}")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except OSError:
        return 0.0
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def _stale(path: Path, said: dict[str, Any]) -> bool:
    if said.get("machine") == _machine() and isinstance(said.get("pid"), int) and not _alive(said["pid"]):
        return True
    return _age(path) > STALE_SECONDS


def _create(path: Path, text: bytes) -> bool:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(handle, text)
    finally:
        os.close(handle)
    return True


def is_held(path: Path) -> bool:
    """Return whether a live process holds the claim at `path`."""
    said = _read(path)
    return said is not None and not _stale(path, said)


class Claim:
    """The claim at `path`, held from `acquire` to `release`; `what` is said of it when somebody else has it."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what
        self._token = secrets.token_hex(16)
        self._pid = os.getpid()
        self._stop = threading.Event()

    def acquire(self) -> None:
        """Take the claim and keep it fresh; raises `RunBusy` when a live process has it."""
        self._take()
        threading.Thread(target=self._beat, name=f"claim {self.path.name}", daemon=True).start()

    def _take(self) -> None:
        host = socket.gethostname()
        mine = {"host": host, "machine": _machine(), "pid": self._pid, "token": self._token}
        text = json.dumps(mine).encode()
        for _ in range(_ATTEMPTS):
            if _create(self.path, text):
                return
            said = _read(self.path)
            if said is None:
                continue
            if not _stale(self.path, said):
                who = f" (process {said['pid']} on {said.get('host')})" if "pid" in said else ""
                raise RunBusy(f"{self._what} is being worked on by another process{who}.")
            self._set_aside(said)
        raise RunBusy(f"{self._what} is wanted by several processes at once; try again.")

    def _set_aside(self, judged: dict[str, Any]) -> None:
        aside = self.path.with_name(f"{self.path.name}.{self._token}")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:  # another taker was faster
            return
        moved = _read(aside) or {}
        if moved.get("token") != judged.get("token"):
            # between our look and our rename a faster taker made it new: give it back, unless yet another has come
            _create(self.path, json.dumps(moved).encode())
        aside.unlink(missing_ok=True)

    def held(self) -> bool:
        """Return whether the claim is still ours: a process that slept too long may have lost it."""
        return (_read(self.path) or {}).get("token") == self._token

    def require(self) -> None:
        """Raise `RunBusy` when the claim was lost."""
        if not self.held():
            raise RunBusy(f"{self._what} was taken over by another process while this one did not respond.")

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            # a heartbeat that fails is made good by the next one; a lost claim is noticed at the next write
            with contextlib.suppress(OSError):
                if self.held():
                    os.utime(self.path)

    def release(self) -> None:
        """Give the claim back; a forked child that inherited it leaves it to its parent."""
        self._stop.set()
        if os.getpid() == self._pid and self.held():
            self.path.unlink(missing_ok=True)
