"""Backbones of the hub: fetched whole and once, at a commit, and from then on without asking anybody."""

import re
from pathlib import Path

from hxbench import places
from hxbench.backbones.checkpoint import INDEX, UNPICKLED, WEIGHTS
from hxbench.backbones.tokenizer import FILES, WHOLE, has_tokenizer
from hxbench.data.downloads import Downloads
from hxbench.errors import InputError
from hxbench.printing import shortened
from hxbench.spec.architecture import CONFIG, hub_mark
from hxbench.spec.backbone import BackboneSpec
from hxbench.system_errors import writing

_LONGEST = 300  # characters of what the client says
_FETCHED = [CONFIG, "tokenizer*", "vocab*", *FILES, "model*.safetensors", INDEX]


def fetch_backbone(spec: BackboneSpec, *, offline: bool = False) -> Path:
    """Return the local folder with the files of a hub's backbone, in the cache afterwards.

    Only what is read is fetched: never pickled weights, never code. A commit that is in the cache is used without
    asking anybody. Raises `InputError`, offline at once, for a repository, revision or file that is not there, and
    for an endpoint or a proxy that cannot be used.
    """
    assert spec.hub is not None
    downloads = Downloads(places.cache_dir() / "hub", offline=offline)
    forbidden, cache = downloads.offline, downloads.folder
    which = f"backbone {spec.hub} (revision {spec.revision or 'main'})"

    known = _is_commit(spec.revision) and hub_mark(spec.hub, spec.revision or "").exists()
    try:
        folder = downloads.fetch_model(spec.hub, spec.revision, _FETCHED, ask=not (known or forbidden))
    except InputError:
        raise
    except Exception as error:  # the client has many kinds, some of a library of its own
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if forbidden:
            why = f"it is not in the local cache {places.cache_dir()} and {forbidden} was asked for"
        raise InputError(f"{which} cannot be fetched: {shortened(why, _LONGEST)}.") from None
    if (name := _lacking(folder)) is not None:
        if forbidden:
            raise InputError(f"{which}: {name} is not in the local cache and {forbidden} was asked for.")
        reason = f" (pickled weights such as pytorch_model.bin are never loaded; {UNPICKLED})"
        raise InputError(f"{which}: the repository has no {name}{reason if name == WEIGHTS else ''}.")
    mark = hub_mark(spec.hub, folder.name)
    if not known and forbidden and not mark.exists():
        raise InputError(f"{which} is only partly in the local cache and {forbidden} was asked for.")
    if not mark.exists():
        with writing(cache):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    return folder


def _lacking(folder: Path) -> str | None:
    """Return the first file that a backbone needs and a folder has not."""
    if not (folder / CONFIG).exists():
        return CONFIG
    if not has_tokenizer(folder):
        return WHOLE
    return None if any((folder / name).exists() for name in (WEIGHTS, INDEX)) else WEIGHTS


def _is_commit(revision: str | None) -> bool:
    return re.fullmatch("[0-9a-f]{40}", revision or "") is not None


def commit_of(spec: BackboneSpec, *, offline: bool = False) -> str:
    """Return the commit of a hub's backbone; a branch or tag is asked for where it stands now."""
    if spec.revision and _is_commit(spec.revision):
        return spec.revision
    return fetch_backbone(spec, offline=offline).name


def pinned(spec: BackboneSpec) -> BackboneSpec:
    """Return the spec, a hub's at the commit of its fingerprint: its branch may have moved since."""
    commit = spec.fingerprint.rpartition("@")[2]
    return spec.model_copy(update={"revision": commit}) if spec.hub and commit else spec
