"""Temporary files and folders that say whose they are, so that what a killed process left can be told and removed.

What is written stands under such a name until it is whole and is then renamed: nobody ever uses half of it. A name
has the machine and the process. It is a leftover at once when its process is one of this machine and is gone. All
others are when they were quiet for an hour: the process id may serve somebody else by now.
"""

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from hxbench.processes import is_alive, machine

T = TypeVar("T")
_QUIET = 3600.0  # seconds
_OWNED = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}\.tmp")
# names without a machine, and those of libraries: tmp and eight letters
_OTHER = re.compile(r".+\.tmp|tmp[a-z0-9_]{8}|\.clock-[0-9a-f]{12}|.+\.claim\.[0-9a-f]{32}")


def temporary(path: Path) -> Path:
    """Return a name beside `path` that no other process uses and that `sweep` knows."""
    return path.with_name(f".{path.name}.{_machine()}-{os.getpid()}-{os.urandom(4).hex()}.tmp")


def replace_file(path: Path, write: Callable[[Path], T]) -> T:
    """Let `write` fill a file beside `path`, rename it to `path`, and return what `write` does.

    Whatever it or the system raises passes through and leaves nothing behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    try:
        found = write(part)
        # a quota or a network file system reports what it could not keep here, before the old file is given up
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return found


def sweep(folder: Path) -> None:
    """Remove the leftovers in a folder; what cannot be removed stays, and what a live process writes."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):  # its process has just finished with it
                if _OTHER.fullmatch(name) and _is_left(folder / name):
                    remove(folder / name)


def remove(path: Path) -> None:
    """Remove what is at `path`, whatever it is, if that can be done; nothing behind a link is touched."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            for _ in range(3):  # a child of the killed process may write into it meanwhile
                shutil.rmtree(path, ignore_errors=True)
                if not path.exists():
                    break
        else:
            path.unlink()


@cache
def _machine() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _is_left(path: Path) -> bool:
    owned = _OWNED.fullmatch(path.name)
    if owned and owned[1] == _machine() and not is_alive(int(owned[2])):
        return True
    return time.time() - _last_change(path) > _QUIET


def _last_change(path: Path) -> float:
    """Return when a file, or anything in a folder, was last written to."""
    times = [path.lstat().st_mtime]
    for folder, _, names in os.walk(path):
        for name in (".", *names):
            with contextlib.suppress(OSError):
                times.append(os.lstat(os.path.join(folder, name)).st_mtime)
    return max(times)
