"""The architecture of a backbone that is here, read from its `config.json` without the library."""

import os
from pathlib import Path

from hxbench import places, plain_data
from hxbench.errors import InputError
from hxbench.printing import shortened

CONFIG = "config.json"
_LONGEST = 120  # characters of a name


def architecture_in(folder: Path) -> str:
    """Return the `model_type` of a backbone's folder; `InputError` where its configuration does not give it."""
    path = folder / CONFIG
    try:
        # the files of the hub's cache are links
        kind = plain_data.load_json(plain_data.read_text(os.path.realpath(path)), CONFIG)["model_type"]
    except (OSError, ValueError, TypeError, KeyError):
        raise InputError(f"{path} is damaged: it does not give the model_type.") from None
    return shortened(str(kind), _LONGEST)


def hub_cache() -> Path:
    """Return where the hub's client keeps what it has fetched."""
    return places.cache_dir() / "hub" / "hf"


def hub_mark(name: str, commit: str) -> Path:
    """Return the mark that all files of a commit have come; a snapshot grows file by file."""
    return places.cache_dir() / "hub" / "backbones" / f"{name}@{commit}".replace("/", "--")


def hub_folder(name: str, revision: str | None) -> Path | None:
    """Return the folder of a hub's backbone in the cache; None for one that is not there as a whole."""
    if not hub_cache().is_dir():
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, CONFIG, cache_dir=hub_cache(), revision=revision)
    except HFValidationError:  # a name that the hub cannot have: whoever fetches it says so
        return None
    if not isinstance(found, str) or not hub_mark(name, Path(found).parent.name).exists():
        return None
    return Path(found).parent
