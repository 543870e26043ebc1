"""Getting a backbone: from the hub, a local folder, or the cache of those pre-trained here."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hxbench import manifest
from hxbench.backbones.checkpoint import (
    drawn_tensors,
    family_in,
    listed_tensors,
    quietly,
    require_files,
    require_shape,
    require_sizes,
)
from hxbench.backbones.families import (
    Family,
    Layers,
    Projection,
    ProjectionRole,
    Side,
    SiteRole,
    biased_modules,
    family_of,
    layers_of,
    norms_of,
    projections_of,
    require_parts,
)
from hxbench.backbones.fetch import fetch_backbone, pinned
from hxbench.backbones.shape import (
    auto_class,
    config_of,
    has_own_output,
    import_model,
    new_model,
    shape_of,
)
from hxbench.backbones.sites import SiteKey
from hxbench.backbones.tokenizer import load_tokenizer
from hxbench.errors import InputError
from hxbench.printing import shortened
from hxbench.spec.architecture import CONFIG
from hxbench.spec.recipe import entry_digest
from hxbench.spec.run_spec import BackboneSpec

_RANDOM_BODY = 0  # the seed of random weights
_LONGEST_REASON = 300  # characters of what the library says
_PRECISIONS = ("bf16", "fp32")  # what to choose where another fails


class _Cap(nn.Module):
    """Logits, bounded smoothly (Gemma 2)."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return logits of the same shape between -most and most."""
        return torch.tanh(logits / self.most) * self.most


@dataclass
class Backbone:
    """A stock language model, masked, text-to-text or causal, with its tokenizer and the map of its parts."""

    model: nn.Module
    tokenizer: Any
    family: Family
    drawn: tuple[str, ...] = ()  # names of the tensors that the weights lacked: a language-modelling head

    @property
    def body(self) -> nn.Module:
        """The encoder, embeddings included, without any head; of a text-to-text model all of it."""
        return self.model.get_submodule(self.family.body)

    @property
    def mlm_head(self) -> nn.Module:
        """The head that maps [n, hidden] to [n, vocabulary]."""
        parts = [self.model.get_submodule(path) for path in self.family.head]
        if self.family.cap and (cap := getattr(self.model.config, self.family.cap, None)) is not None:
            parts.append(_Cap(cap))
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)

    @property
    def output(self) -> nn.Linear:
        """The output matrix [vocabulary, hidden] of that head, which may be tied to the word embeddings."""
        found = self.model.get_submodule(self.family.output)
        assert isinstance(found, nn.Linear)
        return found

    @property
    def answering_root(self) -> nn.Module:
        """What answers are usually made with: of an encoder alone not the language-modelling head."""
        return self.body if self.chooses else self.model

    @property
    def is_text_to_text(self) -> bool:
        """Whether it has an encoder and a decoder, as T5."""
        return self.family.stacks == "encoder-decoder"

    @property
    def chooses(self) -> bool:
        """Whether it is an encoder alone, as BERT: it writes nothing, and a head has to choose among classes."""
        return self.family.stacks == "encoder"

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return self._number(self.family.width)

    @property
    def embedded_size(self) -> int:
        """Width of embedded tokens, which an encoder may project to that of its hidden states."""
        words: Any = self.body.get_submodule(self.family.words)
        return int(words.weight.shape[1])

    @property
    def heads(self) -> int:
        """Number of attention heads in a layer."""
        return self._number(self.family.heads)

    @property
    def key_heads(self) -> int:
        """Number of heads of keys and values in a layer, each of which may serve several heads of queries."""
        return self._number(self.family.key_heads or self.family.heads)

    @property
    def end(self) -> int:
        """The token that ends a text: its tokenizer's, as that is learned, without one the configuration's."""
        given = getattr(self.tokenizer, "eos_token_id", None)
        if given is None:
            given = getattr(self.model.config, "eos_token_id", None)
        return int(next(iter(given), 0) if isinstance(given, list | tuple) else given or 0)

    @property
    def padding(self) -> int:
        """The token that fills up sequences, which masks hide: the configuration's, or the end's without one."""
        given = getattr(self.model.config, "pad_token_id", None)
        return self.end if given is None or given < 0 else int(given)

    @property
    def longest(self) -> int | None:
        """The largest number of tokens it can read, where its positions are limited."""
        name = self.family.longest
        return None if name is None else self._number(name) - self.family.offset

    def _number(self, name: str) -> int:
        return int(getattr(self.model.config, name))

    @property
    def stacks(self) -> list[Layers]:
        """Its stacks with their layers, the encoder first."""
        return layers_of(self.body, self.family)

    def sites(self, role: SiteRole, side: Side | None = None) -> list[SiteKey]:
        """Return the sites of a role, stack by stack and layer by layer; none where the family has no such place.

        Of one side alone: `reading` is the encoder of two stacks and the lower half of one, whose middle layer
        goes to the upper; `answering` is the rest.
        """
        both, found = self.stacks, []
        for number, (name, stack, layers) in enumerate(both):
            if role not in stack.sites:
                continue
            for layer in range(len(layers)):
                reads = number == 0 if len(both) > 1 else layer < len(layers) // 2
                if side in (None, "reading" if reads else "answering"):
                    found.append(SiteKey(layer, self.family.site_name(name, role)))
        return found

    def projections(self, *roles: ProjectionRole) -> list[Projection]:
        """Return the linear projections of these roles, stack by stack, layer by layer, in the order of the roles.

        Those of cross-attention have roles of their own. What a layer lacks is passed over.
        """
        heads = {"heads": self.heads, "key_heads": self.key_heads}
        return list(projections_of(self.body, self.family, roles, **heads))

    def biased(self) -> dict[str, nn.Module]:
        """Return the modules whose output BitFit adds to, by their names in stored units, in the model's order."""
        return biased_modules(self.model, self.family)

    def norms(self) -> list[nn.Parameter]:
        """Return the parameters of every layer normalisation of the body, in its order."""
        return [parameter for norm in norms_of(self.body, self.family) for parameter in norm.parameters()]

    @property
    def layer_count(self) -> int:
        """Number of transformer layers; of a text-to-text model those of the encoder (`layers_at` knows all)."""
        return self.depths[0]

    def layers_at(self, position: str) -> int:
        """Return the number of layers that have a position: an encoder and its decoder may differ in depth."""
        return self._depth(self.family.stack_of(position))

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers of every stack, the encoder's first."""
        return tuple(map(self._depth, self.family.stack_paths))

    def _depth(self, stack: str) -> int:
        return len(self.body.get_submodule(stack))  # type: ignore[arg-type]

    def draw(self, *key: int) -> None:
        """Draw what the weights lacked (`drawn`) from a key alone, whatever was drawn before in this process.

        As the architecture begins: matrices N(0, initializer_range²), LayerNorms 1, biases 0. An output matrix
        that is tied to the word embeddings is none of it.
        """
        parts = dict(self.model.named_parameters())
        generator = torch.Generator().manual_seed(_whole(*key))
        for name in self.drawn:
            tensor = parts.get(name)
            if tensor is None or tensor.is_meta:  # tied to one that comes under another name
                continue
            with torch.no_grad():
                if tensor.dim() > 1:
                    std = float(self.model.config.initializer_range)  # type: ignore[union-attr, arg-type]
                    tensor.copy_(torch.empty(tensor.shape).normal_(std=std, generator=generator))
                else:
                    tensor.fill_(1.0 if name.endswith("weight") else 0.0)


def _whole(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


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
        # UMT5 goes by it when it runs: states before a matrix of its own are not scaled. The library sets it in
        # every configuration of that family, whatever the file says.
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
            raise InputError(f"its tokenizer has no {name}, which batches are made with.")
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
