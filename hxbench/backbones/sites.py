"""Sites: the places in a stock transformer where an adapter may act, and the mechanism that lets it.

A site is a (layer, position). Attaching hangs a forward hook on the stock module at that place; a site without
weights leaves the module's output untouched, and removing the sites gives back the backbone bit for bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from hxbench.errors import InputError


class SiteKey(NamedTuple):
    """Where a site is: layer from 0, position by its name in the family."""

    layer: int
    position: str


class SiteWeights(Protocol):
    """What an adapter brings to one site."""

    def apply(self, hidden: Tensor) -> Tensor:
        """Return the new value [batch, length, hidden] of what the site's module put out."""


@dataclass(frozen=True)
class Family:
    """Where the parts of one architecture are, as attribute paths of the stock model."""

    body: str  # in the model with a language-modelling head
    layers: str  # in the body
    positions: Mapping[str, str]  # position → path inside a layer
    mlm_head: str  # takes [n, hidden], returns [n, vocabulary]
    mlm_decoder: str  # the tied output matrix inside the head


# ffn_output: after the feed-forward block's second dense layer and its dropout, before "add & norm"
_BERT_LIKE = {"ffn_output": "output.dropout"}
FAMILIES = {
    "bert": Family("bert", "encoder.layer", _BERT_LIKE, "cls.predictions", "decoder"),
    "roberta": Family("roberta", "encoder.layer", _BERT_LIKE, "lm_head", "decoder"),
    "xlm-roberta": Family("roberta", "encoder.layer", _BERT_LIKE, "lm_head", "decoder"),
}


def family_of(model_type: str) -> Family:
    """Return the family of a configuration's `model_type`; `InputError` for one without a map of sites."""
    if model_type not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise InputError(f"backbones of type '{model_type}' have no map of sites yet (known types: {known}).")
    return FAMILIES[model_type]


class Sites:
    """The sites of one backbone at the given positions, in layer order."""

    def __init__(self, body: nn.Module, family: Family, positions: Sequence[str]) -> None:
        layers: Any = body.get_submodule(family.layers)
        self.keys = [SiteKey(i, position) for i in range(len(layers)) for position in positions]
        self._weights: Mapping[SiteKey, SiteWeights] = {}
        self._handles = [
            layers[key.layer].get_submodule(family.positions[key.position]).register_forward_hook(self._hook(key))
            for key in self.keys
        ]

    def _hook(self, key: SiteKey) -> Any:
        def act(_module: nn.Module, _inputs: tuple[Any, ...], hidden: Tensor) -> Tensor:
            weights = self._weights.get(key)
            return hidden if weights is None else weights.apply(hidden)

        return act

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
