"""Getting a backbone: from the hub, a local folder, or the cache of those pre-trained here."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hxbench import manifest
from hxbench.backbones.sites import Family, family_of
from hxbench.errors import InputError
from hxbench.recipe import BackboneSpec

_NEEDED = ("config.json", "tokenizer.json", "model.safetensors")


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


def _place(spec: BackboneSpec, offline: bool) -> str:
    """Return the local folder that holds the backbone's files, downloading them first from the hub."""
    if spec.folder:
        return spec.folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    assert spec.hub is not None
    try:
        return snapshot_download(
            spec.hub,
            revision=spec.revision,
            allow_patterns=[
                "config.json",
                "tokenizer*",
                "vocab*",
                "merges.txt",
                "special_tokens_map.json",
                "*.safetensors",
            ],
            local_files_only=offline,
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        why = "it is not in the local cache and --offline was asked for" if offline else str(error).splitlines()[0]
        raise InputError(
            f"backbone {spec.hub} (revision {spec.revision or 'main'}) cannot be had: {why}"
        ) from None


def load_backbone(spec: BackboneSpec, *, offline: bool = False) -> Backbone:
    """Return the backbone with its weights, or with random ones of the same shape when the spec says so.

    Only safetensors are read and no code from the repository is run. Raises `InputError` when files are missing,
    damaged (SHA-256 manifest, where there is one) or of a family without a map of sites.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would break into ours
    folder = _place(spec, offline)
    if spec.folder:
        manifest.verify(Path(folder))
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        family = family_of(config.model_type)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        if spec.weights == "random":
            model = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
        else:
            model = AutoModelForMaskedLM.from_pretrained(
                folder, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
    except (OSError, ValueError) as error:
        raise InputError(f"backbone {spec.name}: {str(error).strip().splitlines()[0]}") from None
    return Backbone(model, tokenizer, family)


def meta_backbone(spec: BackboneSpec) -> Backbone:
    """Return the backbone's shape on the meta device: no weights, no tokenizer, no download."""
    from transformers import AutoConfig, AutoModelForMaskedLM

    shape = dict(spec.shape or {})
    if spec.pretrain:
        shape = bert_shape(spec)
    if shape:
        config = AutoConfig.for_model(shape.pop("model_type"), **shape)
    elif spec.folder:
        config = AutoConfig.from_pretrained(spec.folder, trust_remote_code=False)
    else:
        raise InputError(
            f"backbone {spec.name}: its recipe gives no shape, so nothing can be counted without a download."
        )
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
    }
