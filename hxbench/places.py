"""Where things are: the store, the cache, and the files shipped with the package."""

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from hxbench.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
# Groups of entry points, each with the folder that the packages which it names have.
_RECIPES, _FAMILIES = ("hxbench.recipes", "recipes"), ("hxbench.families", "families")


@cache
def shipped(name: str) -> Path:
    """Return the folder `recipes` or `published`, from the wheel or from the checkout."""
    inside = _PACKAGE / "shipped" / name
    if inside.is_dir():
        return inside
    return _PACKAGE.parent / {"recipes": "recipes", "published": "results/published"}[name]


def recipe_folders() -> tuple[Path, ...]:
    """Return the folders with recipes by name, ours first; `InputError` for a package without one."""
    return (shipped("recipes"), *_folders_at(tuple(sys.path), *_RECIPES))


def folders_of(kind: str) -> tuple[Path, ...]:
    """Return the folders with recipes of a kind, ours first; families may also come in packages of theirs."""
    alone = _folders_at(tuple(sys.path), *_FAMILIES) if kind == "families" else ()
    return (*(folder / kind for folder in recipe_folders()), *alone)


@cache
def _folders_at(_path: tuple[str, ...], group: str, name: str) -> tuple[Path, ...]:
    from importlib.metadata import entry_points  # which imports much

    others = []
    for point in sorted(entry_points(group=group), key=lambda one: (one.module, one.name)):
        try:
            package = find_spec(point.module)
        except (ImportError, ValueError):
            package = None
        where = (package and package.submodule_search_locations) or ()
        found = next((Path(one) / name for one in where if (Path(one) / name).is_dir()), None)
        if found is None:
            raise InputError(
                f"entry point {point.name} of {group}: no package {point.module} has a folder {name}."
            )
        others.append(found)
    return tuple(dict.fromkeys(others))


def cache_dir() -> Path:
    """Return the cache folder: `HXBENCH_CACHE`, else `$XDG_CACHE_HOME/hxbench`, else `~/.cache/hxbench`."""
    if chosen := os.environ.get("HXBENCH_CACHE"):
        folder = expanded(chosen, "HXBENCH_CACHE")
    elif base := os.environ.get("XDG_CACHE_HOME"):
        folder = expanded(base, "XDG_CACHE_HOME") / "hxbench"
    else:
        folder = _home() / ".cache" / "hxbench"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the cache {folder} is a file; a folder is expected: name another with HXBENCH_CACHE.")
    return folder


def store_dir(chosen: Path | None = None) -> Path:
    """Return the results store: `chosen`, else `HXBENCH_STORE`, else `./results`."""
    if chosen is not None:
        return expanded(str(chosen), "--store")
    return expanded(os.environ.get("HXBENCH_STORE") or "results", "HXBENCH_STORE")


def expanded(path: str, named_by: str) -> Path:
    """Return a path with `~` and `~user` in front replaced; `InputError` for a user that there is not."""
    if path == "~" or path.startswith("~/"):
        return _home() / path[2:]
    full = os.path.expanduser(path)
    if full.startswith("~") and not Path(path).exists():
        user = path.partition("/")[0]
        raise InputError(
            f"{named_by} {path}: there is no user {user[1:]} on this machine; ./{user} is a folder here."
        )
    return Path(full)


def _home() -> Path:
    if home := os.environ.get("HOME"):
        return Path(home)
    import pwd

    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # no such variable, and nobody in the list of users either
        raise InputError(
            "there is no home folder on this machine (HOME is not set): name a cache folder with HXBENCH_CACHE."
        ) from None
