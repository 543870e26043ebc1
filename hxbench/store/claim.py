"""One process at a time works on a run, with nothing but files that every network file system has.

A claim is a file made with `O_CREAT | O_EXCL`; its holder touches it now and then. It is stale when its process is
known to be gone, or when nobody touched it for `STALE_SECONDS`. The second rule alone holds for what is no claim:
not readable, a folder, from the future. A stale claim is renamed out of the way: of many takers the file system
lets one succeed, and that one looks at what it has moved before it believes it.
"""

import contextlib
import errno
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any, Self

from hxbench.errors import RunError
from hxbench.leftovers import remove
from hxbench.plain_data import load_json, read_text
from hxbench.printing import shown
from hxbench.processes import is_alive, machine

STALE_SECONDS = 120.0
HEARTBEAT_SECONDS = 15.0
_ATTEMPTS = 20
_LARGEST = 10_000  # bytes of a claim


class RunBusy(RunError):  # noqa: N818 - a state of affairs, named as callers speak of it
    """Another live process works on the run."""


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a claim says, `{}` while it is being written and when it is none, None when there is none."""
    try:
        said = load_json(read_text(path, _LARGEST), path.name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _pid(said: dict[str, Any]) -> int | None:
    """Return the process that holds a claim, None where it says none that there could be."""
    pid = said.get("pid")
    return pid if type(pid) is int and 0 < pid < 2**31 else None


def _age(path: Path) -> float:
    """Return seconds between now and the last heartbeat, by the clock of the file system that holds the claim."""
    probe = path.with_name(f".clock-{secrets.token_hex(6)}")
    try:
        beat = path.lstat().st_mtime
    except OSError:
        return 0.0
    try:
        probe.touch()
        now = probe.stat().st_mtime
    except OSError:  # a full disk: this machine's clock is the best there is
        now = time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return abs(now - beat)


def _stale(path: Path, said: dict[str, Any]) -> bool:
    pid = _pid(said)
    if said.get("machine") == machine() and pid is not None and not is_alive(pid):
        return True
    return _age(path) > STALE_SECONDS


def _create(path: Path, text: bytes) -> bool:
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        if os.write(handle, text) < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        path.unlink(missing_ok=True)  # with a claim that says nothing, nobody could hold the run for a while
        raise
    finally:
        os.close(handle)
    return True


def is_held(path: Path) -> bool:
    """Return whether a live process holds the claim at `path`."""
    said = _read(path)
    return said is not None and not _stale(path, said)


class Claim:
    """The claim at `path`, held from `acquire` to `release`, or to the end of a `with` block.

    `what` is said of it when somebody else has it.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self._what = what
        self._token = secrets.token_hex(16)
        self._pid = os.getpid()
        self._stop = threading.Event()
        self.since = 0.0  # when it was acquired, by the clock of the file system

    def acquire(self) -> None:
        """Take the claim and keep it fresh; raises `RunBusy` when a live process has it."""
        self._take()
        threading.Thread(target=self._beat, name=f"claim {self.path.name}", daemon=True).start()

    def _take(self) -> None:
        host = socket.gethostname()
        mine = {"host": host, "machine": machine(), "pid": self._pid, "token": self._token}
        text = json.dumps(mine).encode()
        for _ in range(_ATTEMPTS):
            if _create(self.path, text):
                with contextlib.suppress(OSError):
                    self.since = self.path.stat().st_mtime
                return
            said = _read(self.path)
            if said is None:
                continue
            if not _stale(self.path, said):
                host = shown(said.get("host", "?"))
                who = f" (process {pid} on {host})" if (pid := _pid(said)) else ""
                raise RunBusy(f"{self._what} is being worked on by another process{who}.")
            self._set_aside(said)
        raise RunBusy(f"{self._what} is wanted by several processes at once; try again.")

    def _set_aside(self, judged: dict[str, Any]) -> None:
        aside = self.path.with_name(f"{self.path.name}.{self._token}")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:  # another taker was faster
            return
        moved = _read(aside)
        if moved and moved.get("token") != judged.get("token"):
            # between our look and our rename a faster taker made it new: give it back, unless yet another has come
            _create(self.path, json.dumps(moved).encode())
        remove(aside)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the claim back; a forked child that inherited it leaves it to its parent."""
        self._stop.set()
        if os.getpid() == self._pid and self.held():
            self.path.unlink(missing_ok=True)
