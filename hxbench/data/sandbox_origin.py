"""The sandboxes as origins: their files are made once in the cache, then read like any mirror."""

import shutil
from pathlib import Path

from hxbench import sandbox
from hxbench.leftovers import sweep, temporary
from hxbench.places import cache_dir
from hxbench.sandbox import Sandbox
from hxbench.system_errors import writing


def sandbox_folder(which: Sandbox, seed: int) -> Path:
    """Return the folder of a sandbox, making it first if need be (seconds).

    It appears whole or not at all, whoever else is making it at the same time.
    """
    folder = cache_dir() / "sandbox" / sandbox.sandbox_name(which, seed)
    if folder.is_dir():
        return folder
    part = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        try:
            sandbox.write_sandbox(which, part, seed)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # otherwise another process was first, with the same bytes
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder
