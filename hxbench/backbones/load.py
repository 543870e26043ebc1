"""Getting a backbone: from the hub, a local folder, or the cache of those pre-trained here."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from hxbench import manifest
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.checkpoint import (
    drawn_tensors,
    family_in,
    listed_tensors,
    quietly,
    require_files,
    require_shape,
    require_sizes,
)
from hxbench.backbones.entry import require_parts
from hxbench.backbones.families import Family, family_of
from hxbench.backbones.fetch import fetch_backbone, pinned
from hxbench.backbones.shape import auto_class, config_of, has_own_output, import_model, new_model, shape_of
from hxbench.backbones.tokenizer import load_tokenizer
from hxbench.errors import InputError
from hxbench.printing import shortened
from hxbench.spec.architecture import CONFIG
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.recipe import entry_digest

_RANDOM_BODY = 0  # the seed of random weights
_LONGEST_REASON = 300  # characters of what the library says
_PRECISIONS = ("bf16", "fp32")  # what to choose where another fails


def require_precision(family: Family, precision: str) -> None:
    """Raise `InputError` for a family whose backbones do not work in a precision."""
    failing: Mapping[Any, str] = family.precisions
    if why := failing.get(precision):
        others = " or ".join(one for one in _PRECISIONS if one not in failing)
        raise InputError(f"{family.title} {why}: set the precision to {others}.")


def folder_fingerprint(folder: Path) -> str:
    """Return a short hash of what a local backbone consists of; `InputError` if a file is missing.

    That are its files, and the entry of its family where it is not one of ours.
    """
    digest = hashlib.sha256()
    for path in require_files(folder):
        digest.update(manifest.file_digest(path).encode())
    digest.update(entry_digest(family_in(folder)).encode())
    return digest.hexdigest()[:16]


def load_backbone(
    spec: BackboneSpec, *, offline: bool = False, family: Family | None = None, beside: Collection[str] = ()
) -> Backbone:
    """Return the backbone with its weights, or with random ones of the same shape when the spec says so.

    The random ones are the same every time: a method trained on them, or on an adapter that was, finds them again.
    An encoder may come without its language-modelling head, which is then drawn (`Backbone.draw`). `family` is
    another entry than that which is known for it; its weights may have the tensors `beside` more, which are left
    aside. Only safetensors are read and no code from the repository is run. Raises `InputError` when files are
    missing, damaged (SHA-256 manifest, where there is one) or of a family without a map of sites, when
    configuration, weights and tokenizer do not belong together, and for a model that writes whose configuration
    lacks one of the ids that padding, ending and decoding go by.
    """
    if spec.folder:
        folder = Path(spec.folder)
        require_files(folder)
        manifest.verify(folder)
    else:
        folder = fetch_backbone(spec, offline=offline)
    try:
        return _loaded(folder, family, random=spec.weights == "random", beside=beside)
    except InputError as error:
        raise InputError(f"backbone {spec.name}: {error}", error.example) from None
    except Exception as error:  # the library raises whatever a strange file leads it to
        raise _in_words(spec, error) from None


def _loaded(folder: Path, family: Family | None, *, random: bool, beside: Collection[str]) -> Backbone:
    from transformers import AutoConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # it would break into ours
    family = family or family_in(folder)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    require_sizes(config)
    tensors = listed_tensors(folder)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        outline = new_model(config, family)
    require_parts(outline, family)
    parameters = sum(p.numel() for p in outline.parameters())
    require_shape(config, family, tensors, parameters)
    tokenizer = load_tokenizer(folder, padding=family.padding)
    if family.end_pads and tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    _require_ids(config, family, tokenizer)
    # drawn from a seed of its own, and nothing that comes later is drawn differently for it
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_RANDOM_BODY)
        if random:
            return Backbone(new_model(config, family), tokenizer, family)
        with quietly():
            model, report = auto_class(config, family).from_pretrained(
                folder, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32,
                output_loading_info=True, ignore_mismatched_sizes=True,
            )  # fmt: skip
    if has_own_output(config) and "lm_head.weight" not in tensors:  # the library would tie it to the words
        raise InputError("the weights lack lm_head.weight, the output matrix that config.json says they have.")
    backbone = Backbone(model, tokenizer, family, drawn_tensors(family, tensors, report, beside))
    if backbone.output.weight is not model.get_input_embeddings().weight:
        # Before transformers 5.24 UMT5 goes by it when it runs: states before a matrix of its own are not scaled.
        # The library sets it in every configuration of that family, whatever the file says.
        model.config.tie_word_embeddings = False
    return backbone


def _require_ids(config: Any, family: Family, tokenizer: Any) -> None:
    """Raise `InputError` for a tokenizer or a configuration with ids that the embeddings have no row for."""
    rows = config.vocab_size
    # marks that no text spells and no batch needs may lie beyond, such as an image's of a model for texts alone
    named = ("pad", "eos", "bos", "unk", "cls", "sep", "mask")
    needed = {getattr(tokenizer, f"{name}_token_id") for name in named}
    spare = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special} - needed
    largest = max((number for number in tokenizer.get_vocab().values() if number not in spare), default=-1)
    if largest >= rows:
        raise InputError(f"its tokenizer has ids up to {largest:,}, but its embeddings have {rows:,} rows.")
    for name in family.tokens:
        if getattr(tokenizer, f"{name}_id") is None:
            raise InputError(f"its tokenizer has no {name}, which batches need.")
    for name in family.ids:
        given = getattr(config, name, None)
        if not isinstance(given, int):
            raise InputError(f"config.json gives no {name}, without which {family.title} cannot write.")
        if not 0 <= given < rows:
            raise InputError(f"config.json gives {name} as {given:,}, but its embeddings have {rows:,} rows.")


def meta_backbone(spec: BackboneSpec, family: Family | None = None) -> Backbone:
    """Return the backbone's shape on the meta device: no weights, no tokenizer, no download.

    With a `family` it is not looked whether its entry names what there is.
    Raises `InputError` for a shape that is none, and for a hub's whose recipe gives none and which is not in the
    cache.
    """
    try:
        config = _shape_alone(spec)
        entry = family or family_of(config.model_type, spec.files)
        require_sizes(config)
        import_model(config, entry)
        with torch.device("meta"):
            model = new_model(config, entry)
        if family is None:
            require_parts(model, entry)
    except InputError:
        raise
    except Exception as error:  # the library raises whatever a strange shape leads it to
        raise _in_words(spec, error) from None
    return Backbone(model, None, entry)


def _shape_alone(spec: BackboneSpec) -> Any:
    """Return the configuration of a backbone: its recipe's, that of the one made here, or of its files."""
    from transformers import AutoConfig

    if shape := shape_of(spec) if spec.pretrain else spec.shape:
        return config_of(shape)
    if spec.folder:
        if not (Path(spec.folder) / CONFIG).is_file():
            require_files(Path(spec.folder))  # which says what there should be
        return AutoConfig.from_pretrained(spec.folder, trust_remote_code=False)
    try:
        folder = fetch_backbone(pinned(spec), offline=True)
    except InputError:
        raise InputError(
            f"backbone {spec.name}: its recipe gives no shape, so nothing can be counted before it is here: "
            f"hxbench prepare --backbone {spec.hub} fetches it."
        ) from None
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _in_words(spec: BackboneSpec, error: Exception) -> InputError:
    """Return what to say for an error of the library's, whose messages may be long."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"backbone {spec.name}: {shortened(reason, _LONGEST_REASON).rstrip('.')}.")
