"""Where things are: the store, the cache, and the files shipped with the package."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Return the folder `recipes` or `published`, from the wheel or from the checkout."""
    inside = _PACKAGE / "shipped" / name
    if inside.is_dir():
        return inside
    return _PACKAGE.parent / {"recipes": "recipes", "published": "results/published"}[name]


def cache_dir() -> Path:
    """Return the cache folder: `HXBENCH_CACHE`, else `$XDG_CACHE_HOME/hxbench`, else `~/.cache/hxbench`."""
    if chosen := os.environ.get("HXBENCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hxbench"


def store_dir(chosen: Path | None = None) -> Path:
    """Return the results store: `chosen`, else `HXBENCH_STORE`, else `./results`."""
    return chosen or Path(os.environ.get("HXBENCH_STORE") or "results")
