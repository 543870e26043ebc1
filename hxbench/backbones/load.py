"""Getting a backbone: from the hub, a local folder, or the cache of those pre-trained here."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from hxbench import manifest, places
from hxbench.backbones.sites import Family, family_of
from hxbench.errors import InputError
from hxbench.spec import BackboneSpec

_RANDOM_BODY = 0  # the seed of random weights
_NEEDED = ("config.json", "tokenizer.json", "model.safetensors")
_FETCHED = [
    "config.json", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "model*.safetensors",
    "model.safetensors.index.json",
]  # fmt: skip


@dataclass
class Backbone:
    """A stock masked language model with its tokenizer and the map of its parts."""

    model: nn.Module
    tokenizer: Any
    family: Family

    @property
    def body(self) -> nn.Module:
        """The encoder, embeddings included, without any head."""
        return self.model.get_submodule(self.family.body)

    @property
    def mlm_head(self) -> nn.Module:
        """The head that maps [n, hidden] to [n, vocabulary]."""
        return self.model.get_submodule(self.family.mlm_head)

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return int(self.model.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def layer_count(self) -> int:
        """Number of transformer layers."""
        return len(self.body.get_submodule(self.family.layers))  # type: ignore[arg-type]


def folder_fingerprint(folder: Path) -> str:
    """Return a short hash of the files a local backbone consists of; `InputError` if one is missing."""
    digest = hashlib.sha256()
    for name in _NEEDED:
        path = folder / name
        if not path.is_file():
            raise InputError(f"backbone folder {folder}: {name} is missing (needed: {', '.join(_NEEDED)}).")
        digest.update(manifest.file_digest(path).encode())
    return digest.hexdigest()[:16]


def fetch_backbone(spec: BackboneSpec, *, offline: bool = False) -> Path:
    """Return the local folder with the files of a hub's backbone, in the cache afterwards.

    Only what is read is fetched: never pickled weights, never code. A commit that is in the cache is used without
    asking anybody. Raises `InputError`, offline at once, and for a repository, revision or file that is not there.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    assert spec.hub is not None
    offline = offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    cache = places.cache_dir() / "hub"
    which = f"backbone {spec.hub} (revision {spec.revision or 'main'})"

    def whole(commit: str) -> Path:
        """Return the mark that all files of a commit have come; a snapshot grows file by file."""
        return cache / "backbones" / f"{spec.hub}@{commit}".replace("/", "--")

    known = _is_commit(spec.revision) and whole(spec.revision or "").exists()
    try:
        folder = Path(
            snapshot_download(
                spec.hub,
                revision=spec.revision,
                cache_dir=cache / "hf",
                allow_patterns=_FETCHED,
                local_files_only=known or offline,
                # the client reads it when it is imported, which may be before the user's setting was made
                endpoint=os.environ.get("HF_ENDPOINT") or None,
                tqdm_class=_silent_bar(),
            )
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OfflineModeIsEnabled, OSError, ValueError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if offline:
            why = f"it is not in the local cache {places.cache_dir()} and --offline was asked for"
        raise InputError(f"{which} cannot be had: {why}.") from None
    for name in _NEEDED:
        if not any((folder / other).exists() for other in (name, f"{name}.index.json")):
            if offline:
                raise InputError(f"{which}: {name} is not in the local cache and --offline was asked for.")
            safe = name.endswith(".safetensors")
            reason = " (pickled weights such as pytorch_model.bin are never loaded)" if safe else ""
            raise InputError(f"{which}: the repository has no {name}{reason}.")
    if not known and offline and not whole(folder.name).exists():
        raise InputError(f"{which} is only partly in the local cache and --offline was asked for.")
    whole(folder.name).parent.mkdir(parents=True, exist_ok=True)
    whole(folder.name).touch()
    return folder


def _is_commit(revision: str | None) -> bool:
    return re.fullmatch("[0-9a-f]{40}", revision or "") is not None


def _silent_bar() -> type:
    from huggingface_hub.utils import tqdm

    class Silent(tqdm):
        """Draws nothing: it would break into our own progress."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"disable": True})

    return Silent


def commit_of(spec: BackboneSpec, *, offline: bool = False) -> str:
    """Return the commit of a hub's backbone; a branch or tag is asked for where it stands now."""
    if spec.revision and _is_commit(spec.revision):
        return spec.revision
    return fetch_backbone(spec, offline=offline).name


def pinned(spec: BackboneSpec) -> BackboneSpec:
    """Return the spec, a hub's at the commit of its fingerprint: its branch may have moved since."""
    commit = spec.fingerprint.rpartition("@")[2]
    return spec.model_copy(update={"revision": commit}) if spec.hub and commit else spec


def load_backbone(spec: BackboneSpec, *, offline: bool = False) -> Backbone:
    """Return the backbone with its weights, or with random ones of the same shape when the spec says so.

    The random ones are the same every time: a method trained on them, or on an adapter that was, finds them again.
    Only safetensors are read and no code from the repository is run. Raises `InputError` when files are missing,
    damaged (SHA-256 manifest, where there is one) or of a family without a map of sites.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would break into ours
    if spec.folder:
        folder = Path(spec.folder)
        manifest.verify(folder)
    else:
        folder = fetch_backbone(spec, offline=offline)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        family = family_of(config.model_type)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if spec.weights == "random":
            with torch.random.fork_rng():
                torch.manual_seed(_RANDOM_BODY)
                model = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
        else:
            model = AutoModelForMaskedLM.from_pretrained(
                folder, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"backbone {spec.name}: {reason}") from None
    return Backbone(model, tokenizer, family)


def meta_backbone(spec: BackboneSpec) -> Backbone:
    """Return the backbone's shape on the meta device: no weights, no tokenizer, no download.

    Raises `InputError` for a hub's whose recipe gives no shape and which is not in the cache.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    shape = dict(spec.shape or {})
    if spec.pretrain:
        shape = bert_shape(spec)
    if shape:
        config = AutoConfig.for_model(shape.pop("model_type"), **shape)
    elif spec.folder:
        config = AutoConfig.from_pretrained(spec.folder, trust_remote_code=False)
    else:
        try:
            folder = fetch_backbone(pinned(spec), offline=True)
        except InputError:
            raise InputError(
                f"backbone {spec.name}: its recipe gives no shape, so nothing can be counted before it is here: "
                f"hxbench prepare --backbone {spec.hub} fetches it."
            ) from None
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
    return Backbone(model, None, family_of(config.model_type))


def bert_shape(spec: BackboneSpec) -> dict[str, Any]:
    """Return the configuration of a BERT that is pre-trained here."""
    assert spec.pretrain is not None
    return {
        "model_type": "bert",
        "vocab_size": spec.pretrain.vocabulary,
        "hidden_size": spec.pretrain.hidden,
        "num_hidden_layers": spec.pretrain.layers,
        "num_attention_heads": spec.pretrain.heads,
        "intermediate_size": spec.pretrain.intermediate,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "hidden_dropout_prob": spec.pretrain.dropout,
        "attention_probs_dropout_prob": spec.pretrain.dropout,
    }
