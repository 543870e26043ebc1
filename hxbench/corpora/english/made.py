"""The English-like sandbox as an origin: its files are made once in the cache, then read like any mirror."""

import os
import shutil
from pathlib import Path

from hxbench.places import cache_dir


def english_folder(seed: int) -> Path:
    """Return the folder of the English-like sandbox with this seed, making it first if need be (seconds).

    It appears whole or not at all, whoever else is making it at the same time.
    """
    from hxbench.sandbox_english import VERSION, write_english

    folder = cache_dir() / "sandbox" / f"english-v{VERSION}-seed{seed}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        write_english(part, seed)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was first, with the same bytes
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
