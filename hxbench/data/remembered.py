"""Where data were read from the last time: a note in the cache, so that commands need not name a mirror again."""

import json
from collections.abc import Mapping
from pathlib import Path

from hxbench import places
from hxbench.data.digest import write_whole

_FILE = "data-sources.json"


def key_of(profile: str, collection: str = "multilingual") -> str:
    """Return under what name a profile's mirror of a collection is remembered."""
    name = Path(profile).stem
    return name if collection == "multilingual" else f"{name} {collection}"


def remember(found: Mapping[str, str]) -> None:
    """Keep places by name, beside those that are remembered."""
    known = remembered()
    if any(known.get(name) != place for name, place in found.items()):
        write_whole(places.cache_dir() / _FILE, json.dumps({**known, **found}, indent=1).encode())


def remembered() -> dict[str, str]:
    """Return the places by name; none where the note cannot be read."""
    try:
        known = json.loads((places.cache_dir() / _FILE).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return {k: v for k, v in known.items() if isinstance(v, str)} if isinstance(known, dict) else {}
