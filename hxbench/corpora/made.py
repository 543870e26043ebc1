"""The sandboxes as origins: their files are made once in the cache, then read like any mirror."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hxbench.leftovers import sweep, temporary
from hxbench.places import cache_dir
from hxbench.system_errors import writing


def sandbox_folder(seed: int) -> Path:
    """Return the folder of the sandbox with this seed, making it first if need be (seconds)."""
    from hxbench.sandbox import VERSION, write_sandbox

    return _made(f"v{VERSION}-seed{seed}", lambda folder: write_sandbox(folder, seed))


def english_folder(seed: int) -> Path:
    """Return the folder of the English-like sandbox with this seed, making it first if need be (seconds)."""
    from hxbench.sandbox_english import VERSION, write_english

    return _made(f"english-v{VERSION}-seed{seed}", lambda folder: write_english(folder, seed))


def pet_folder(seed: int) -> Path:
    """Return the folder with what only PET scaling has of the English-like sandbox, as `english_folder` does."""
    from hxbench.sandbox_english.pet import VERSION, write_pet

    return _made(f"english-pet-v{VERSION}-seed{seed}", lambda folder: write_pet(folder, seed))


def _made(name: str, write: Callable[[Path], None]) -> Path:
    """Return a sandbox's folder, written first where there is none.

    It appears whole or not at all, whoever else is making it at the same time.
    """
    folder = cache_dir() / "sandbox" / name
    if folder.is_dir():
        return folder
    part = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent)
        try:
            write(part)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # otherwise another process was first, with the same bytes
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder
