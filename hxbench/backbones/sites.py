"""Sites: the places in a stock transformer where an adapter may act, and the mechanism that lets it.

A site is a (layer, position). Attaching hangs a forward hook on the stock module at that place; a site without
weights leaves the module's output untouched, and removing the sites gives back the backbone bit for bit.

At most positions an adapter is told what the module put out; at a position before an "add & norm" it may also ask
what that will make of a value, which is what the adapters of AdapterHub are fed. At a parallel position it is fed
what goes into a module inside of a block, and what it makes of that is added to what the block puts out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from torch import Tensor, nn

from hxbench.errors import InputError


class SiteKey(NamedTuple):
    """Where a site is: layer from 0, position by its name in the family."""

    layer: int
    position: str


AddAndNorm = Callable[[Tensor], Tensor]  # value of the module before → LayerNorm(value + residual), same shape
Stacks = Literal["encoder", "encoder-decoder", "decoder"]  # what an architecture consists of
EMBEDDINGS = SiteKey(-1, "embeddings")  # the one site outside the layers: what the embeddings put out


class OutputWeights(Protocol):
    """What an adapter brings to a site that only knows its module's output."""

    def apply(self, hidden: Tensor) -> Tensor:
        """Return the new value [batch, length, hidden] of what the site's module put out."""


class ParallelWeights(Protocol):
    """What an adapter brings to a site beside a module."""

    def added(self, hidden: Tensor) -> Tensor:
        """Return what is added to the block's output, given the module's input; both [batch, length, hidden]."""


class NormedWeights(Protocol):
    """What an adapter brings to a site before an "add & norm"."""

    def apply(self, hidden: Tensor, add_and_norm: AddAndNorm) -> Tensor:
        """Return the new value [batch, length, hidden] of what the site's module put out."""


SiteWeights = (
    OutputWeights | NormedWeights | ParallelWeights
)  # which of them a site takes is a matter of its position


@dataclass(frozen=True)
class Position:
    """A place in a layer, as attribute paths inside it."""

    module: str  # whose output the site changes
    before: bool = False  # the site changes the module's input instead
    beside: str | None = None  # the module whose input the adapter is fed
    layers: str | None = None  # where the layers are in the body, if not where the family says
    block: str | None = None  # of an "add & norm" afterwards: gets the residual as its second input
    norm: str | None = None  # the LayerNorm in that block


@dataclass(frozen=True)
class Family:
    """Where the parts of one architecture are, as attribute paths of the stock model."""

    body: str  # in the model with a language-modelling head; empty where both are one
    layers: str  # in the body; of the encoder where there are two stacks
    positions: Mapping[str, Position]
    mlm_head: str  # takes [n, hidden], returns [n, vocabulary]
    mlm_decoder: str  # the tied output matrix inside the head
    embeddings: str = "embeddings"  # in the body
    stacks: Stacks = "encoder"
    beside: tuple[str, ...] = ()  # patterns of tensors that released weights have and the model has not

    @property
    def stack_paths(self) -> tuple[str, ...]:
        """Where the layers of every stack are in the body, the encoder's first."""
        others = dict.fromkeys(position.layers for position in self.positions.values() if position.layers)
        return tuple(dict.fromkeys((self.layers, *others)))

    def stack_of(self, position: str) -> str:
        """Return where the layers are in the body that have a position."""
        return self.positions[position].layers or self.layers


# After the feed-forward block's second dense layer and its dropout, before "add & norm"; the same place twice, as
# some adapters are fed what is put out there and others what "add & norm" would make of it.
_BERT_LIKE = {
    "attention_output": Position("attention.output.dropout"),
    "ffn_output": Position("output.dropout"),
    "ffn_output_normed": Position("output.dropout", block="output", norm="output.LayerNorm"),
}
# T5's blocks are x + dropout(F(LN(x))): an adapter on F's output acts before the dropout, as Hyperformer's do; one
# parallel to the feed-forward block is fed LN(x) and added behind the dropout (PHA, eq. 8).
_ENCODER, _DECODER = "encoder.block", "decoder.block"
_T5 = {
    "encoder_attention": Position("layer.0.dropout", before=True, layers=_ENCODER),
    "encoder_ffn": Position("layer.1.dropout", before=True, layers=_ENCODER),
    "encoder_parallel": Position("layer.1", beside="layer.1.DenseReluDense", layers=_ENCODER),
    "decoder_attention": Position("layer.0.dropout", before=True, layers=_DECODER),
    "decoder_cross": Position("layer.1.dropout", before=True, layers=_DECODER),
    "decoder_ffn": Position("layer.2.dropout", before=True, layers=_DECODER),
    "decoder_parallel": Position("layer.2", beside="layer.2.DenseReluDense", layers=_DECODER),
}
# BLOOM adds the residual inside of its attention and its feed-forward block, with no module after the last dense
# layer: an adapter acts on what that puts out, before dropout and residual as in T5.
_BLOOM = {
    "attention_output": Position("self_attention.dense"),
    "ffn_output": Position("mlp.dense_4h_to_h"),
}
# The pooler and next-sentence prediction, which masked language modelling does without; numbers that older
# versions of the library saved as tensors; T5 v1.0's table of positions in cross-attention, which nothing used.
_POOLER = r"(.+\.)?pooler\.dense\.(weight|bias)"
_NUMBERS = r"(.+\.)?embeddings\.(position_ids|token_type_ids)"
_TABLE = r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight"
_IN_BERT = (_POOLER, _NUMBERS, r"cls\.seq_relationship\.(weight|bias)")
_IN_ROBERTA = (_POOLER, _NUMBERS)
FAMILIES = {
    "bert": Family("bert", "encoder.layer", _BERT_LIKE, "cls.predictions", "decoder", beside=_IN_BERT),
    "roberta": Family("roberta", "encoder.layer", _BERT_LIKE, "lm_head", "decoder", beside=_IN_ROBERTA),
    "xlm-roberta": Family("roberta", "encoder.layer", _BERT_LIKE, "lm_head", "decoder", beside=_IN_ROBERTA),
    "t5": Family(
        "", _ENCODER, _T5, "lm_head", "", embeddings="shared", stacks="encoder-decoder", beside=(_TABLE,)
    ),
    "bloom": Family(
        "transformer", "h", _BLOOM, "lm_head", "", embeddings="word_embeddings_layernorm", stacks="decoder"
    ),
}


def family_of(model_type: str) -> Family:
    """Return the family of a configuration's `model_type`; `InputError` for one without a map of sites."""
    if model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise InputError(f"backbones of type '{model_type}' have no map of sites yet (known types: {known}).")
    return FAMILIES[model_type]


class Sites:
    """The sites of one backbone at the given positions, in layer order; that of the embeddings comes first."""

    def __init__(self, body: nn.Module, family: Family, positions: Sequence[str]) -> None:
        inner = [position for position in positions if position != EMBEDDINGS.position]
        self._weights: Mapping[SiteKey, SiteWeights] = {}
        self._handles: list[Any] = []
        self.keys = [EMBEDDINGS] if EMBEDDINGS.position in positions else []
        if self.keys:
            self._attach(EMBEDDINGS, body, Position(family.embeddings))
        stacks = {name: body.get_submodule(family.stack_of(name)) for name in inner}
        depth = max((len(stack) for stack in stacks.values()), default=0)  # type: ignore[arg-type]
        for layer in range(depth):
            for name, stack in stacks.items():
                if layer < len(stack):  # type: ignore[arg-type]
                    self.keys.append(SiteKey(layer, name))
                    self._attach(self.keys[-1], stack[layer], family.positions[name])  # type: ignore[index]

    def _attach(self, key: SiteKey, root: nn.Module, position: Position) -> None:
        more: list[AddAndNorm] = []  # what a site with weights is told beside its module's output
        module = root.get_submodule(position.module)
        if position.before:
            self._handles.append(module.register_forward_pre_hook(self._changing_input_of(key)))
            return
        if position.beside is not None:
            self._handles += self._parallel(key, module, root.get_submodule(position.beside))
            return
        if position.block is not None and position.norm is not None:
            norm, residual = root.get_submodule(position.norm), _Seen()
            more = [lambda value: norm(value + residual.value)]
            look = lambda _module, inputs: residual.see(inputs[1] if key in self._weights else None)  # noqa: E731
            block = root.get_submodule(position.block)
            self._handles += [
                block.register_forward_pre_hook(look),
                block.register_forward_hook(lambda _module, _inputs, _output: residual.see(None)),
            ]

        def act(_module: nn.Module, _inputs: tuple[Any, ...], hidden: Tensor) -> Tensor:
            weights: Any = self._weights.get(key)
            return hidden if weights is None else weights.apply(hidden, *more)

        self._handles.append(module.register_forward_hook(act))

    def _changing_input_of(self, key: SiteKey) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor] | None]:
        def act(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor] | None:
            weights: Any = self._weights.get(key)
            return None if weights is None else (weights.apply(inputs[0]),)

        return act

    def _parallel(self, key: SiteKey, block: nn.Module, beside: nn.Module) -> list[Any]:
        fed = _Seen()
        look = lambda _module, inputs: fed.see(inputs[0] if key in self._weights else None)  # noqa: E731

        def act(_module: nn.Module, _inputs: tuple[Any, ...], hidden: Tensor) -> Tensor:
            weights: Any = self._weights.get(key)
            value = fed.value
            fed.see(None)
            return hidden if weights is None else hidden + weights.added(value)

        return [beside.register_forward_pre_hook(look), block.register_forward_hook(act)]

    @contextmanager
    def using(self, weights: Mapping[SiteKey, SiteWeights]) -> Iterator[None]:
        """Let the sites act with `weights` inside the block; a site that is not named stays the identity."""
        self._weights = weights
        try:
            yield
        finally:
            self._weights = {}

    def remove(self) -> None:
        """Take the hooks off the backbone."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


class _Seen:
    """Holds the residual of a block, or what goes into a module of it, while the block runs, and not longer."""

    def __init__(self) -> None:
        self.value: Any = None

    def see(self, value: Tensor | None) -> None:
        self.value = value


@contextmanager
def changing_input(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let a stock module get `change` of its one input inside the block."""
    handle = module.register_forward_pre_hook(lambda _module, inputs: (change(inputs[0]),))
    try:
        yield
    finally:
        handle.remove()
