"""Getting a backbone: from the hub, a local folder, or the cache of those pre-trained here."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from hxbench import manifest
from hxbench.backbones.fetch import NEEDED, fetch_backbone, pinned
from hxbench.backbones.shape import auto_class, has_own_output, import_model, is_text_to_text, new_model, shape_of
from hxbench.backbones.sites import Family, family_of
from hxbench.errors import InputError
from hxbench.spec import BackboneSpec

_RANDOM_BODY = 0  # the seed of random weights
_ANSWERING_IDS = {  # what padding, ending and decoding go by, by the stacks of a model that writes
    "encoder-decoder": ("pad_token_id", "eos_token_id", "decoder_start_token_id"),
    "decoder": ("pad_token_id", "eos_token_id"),
}


@dataclass
class Backbone:
    """A stock language model, masked, text-to-text or causal, with its tokenizer and the map of its parts."""

    model: nn.Module
    tokenizer: Any
    family: Family

    @property
    def body(self) -> nn.Module:
        """The encoder, embeddings included, without any head; of a text-to-text model all of it."""
        return self.model.get_submodule(self.family.body)

    @property
    def mlm_head(self) -> nn.Module:
        """The head that maps [n, hidden] to [n, vocabulary]."""
        return self.model.get_submodule(self.family.mlm_head)

    @property
    def is_text_to_text(self) -> bool:
        """Whether it has an encoder and a decoder, as T5."""
        return is_text_to_text(self.model.config)

    @property
    def chooses(self) -> bool:
        """Whether it is an encoder alone, as BERT: it writes nothing, and a head has to choose among classes."""
        return self.family.stacks == "encoder"

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return int(self.model.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def layer_count(self) -> int:
        """Number of transformer layers; of a text-to-text model those of the encoder, the decoder has as many."""
        return len(self.body.get_submodule(self.family.layers))  # type: ignore[arg-type]


def require_precision(backbone: Backbone | str, precision: str) -> None:
    """Raise `InputError` for a backbone, or a configuration's `model_type`, that does not work in a precision."""
    kind = backbone if isinstance(backbone, str) else str(backbone.model.config.model_type)  # type: ignore[union-attr]
    if kind == "t5" and precision == "fp16":
        raise InputError("T5 overflows in fp16, as it was trained in bf16: set the precision to bf16 or fp32.")


def folder_fingerprint(folder: Path) -> str:
    """Return a short hash of the files a local backbone consists of; `InputError` if one is missing."""
    digest = hashlib.sha256()
    for name in NEEDED:
        path = folder / name
        if not path.is_file():
            raise InputError(f"backbone folder {folder}: {name} is missing (needed: {', '.join(NEEDED)}).")
        digest.update(manifest.file_digest(path).encode())
    return digest.hexdigest()[:16]


def load_backbone(spec: BackboneSpec, *, offline: bool = False) -> Backbone:
    """Return the backbone with its weights, or with random ones of the same shape when the spec says so.

    The random ones are the same every time: a method trained on them, or on an adapter that was, finds them again.
    Only safetensors are read and no code from the repository is run. Raises `InputError` when files are missing,
    damaged (SHA-256 manifest, where there is one) or of a family without a map of sites, and for a model that
    writes whose configuration lacks one of the ids that padding, ending and decoding go by.
    """
    from transformers import AutoConfig, AutoTokenizer
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
                model = new_model(config)
        else:
            with _quietly(has_own_output(config)):
                model = auto_class(config).from_pretrained(
                    folder, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
                )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"backbone {spec.name}: {reason}") from None
    for name in _ANSWERING_IDS.get(family.stacks, ()):
        if not isinstance(getattr(config, name, None), int):
            which = config.model_type.upper()
            raise InputError(
                f"backbone {spec.name}: config.json gives no {name}, without which {which} cannot write."
            )
    return Backbone(model, tokenizer, family)


@contextmanager
def _quietly(wanted: bool) -> Iterator[None]:
    """Keep back the library's advice to untie an output matrix that is not tied."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    if wanted:
        logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def meta_backbone(spec: BackboneSpec) -> Backbone:
    """Return the backbone's shape on the meta device: no weights, no tokenizer, no download.

    Raises `InputError` for a hub's whose recipe gives no shape and which is not in the cache.
    """
    from transformers import AutoConfig

    shape = dict(spec.shape or {})
    if spec.pretrain:
        shape = shape_of(spec)
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
    import_model(config)
    with torch.device("meta"):
        model = new_model(config)
    return Backbone(model, None, family_of(config.model_type))
