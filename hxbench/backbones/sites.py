"""Sites: the places in a stock transformer where an adapter may act, and the mechanism that lets it.

A site is a (layer, position). Attaching hangs a forward hook on the stock module at that place; a site without
weights leaves the module's output untouched, and removing the sites gives back the backbone bit for bit.

The places of an architecture are in the entry of its family (`families`).

At most positions an adapter is told what the module put out; at a position before an "add & norm" it may also ask
what that will make of a value, which is what the adapters of AdapterHub are fed. At a parallel position it is fed
what goes into a module inside of a block, and what it makes of that is added to what the block puts out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn

from hxbench.spec.recipe.family import Family, Position


class SiteKey(NamedTuple):
    """Where a site is: layer from 0, position by its name in the family."""

    layer: int
    position: str


AddAndNorm = Callable[[Tensor], Tensor]  # value of the module before → LayerNorm(value + residual), same shape
EMBEDDINGS = SiteKey(-1, "embeddings")  # the one site outside the layers: what the embeddings put out


class OutputWeights(Protocol):
    """What an adapter brings to a site that only knows its module's output."""

    def apply(self, hidden: Tensor) -> Tensor:
        """Return the new value [batch, length, hidden] of what the site's module put out."""


class NormedWeights(Protocol):
    """What an adapter brings to a site before an "add & norm"."""

    def apply(self, hidden: Tensor, add_and_norm: AddAndNorm) -> Tensor:
        """Return the new value [batch, length, hidden] of what the site's module put out."""


class ParallelWeights(Protocol):
    """What an adapter brings to a site beside a module."""

    def added(self, hidden: Tensor) -> Tensor:
        """Return what is added to the block's output, given the module's input; both [batch, length, hidden]."""


SiteWeights = OutputWeights | NormedWeights | ParallelWeights  # which one a site takes follows from its position


class Sites:
    """The sites of one backbone at the given positions, in layer order; that of the embeddings comes first."""

    def __init__(self, body: nn.Module, family: Family, positions: Sequence[str]) -> None:
        inner = [position for position in positions if position != EMBEDDINGS.position]
        self._weights: Mapping[SiteKey, SiteWeights] = {}
        self._handles: list[Any] = []
        self.keys = [EMBEDDINGS] if EMBEDDINGS.position in positions else []
        if self.keys:
            self._attach(EMBEDDINGS, body, family.embeddings)
        places = family.positions
        stacks = {name: body.get_submodule(family.stack_of(name)) for name in inner}
        depth = max((len(stack) for stack in stacks.values()), default=0)  # type: ignore[arg-type]
        for layer in range(depth):
            for name, stack in stacks.items():
                if layer < len(stack):  # type: ignore[arg-type]
                    self.keys.append(SiteKey(layer, name))
                    self._attach(self.keys[-1], stack[layer], places[name])  # type: ignore[index]

    def _attach(self, key: SiteKey, root: nn.Module, position: Position) -> None:
        module, rows = root.get_submodule(position.module), self._in_rows(root, position)
        seen: list[Tensor] = []  # what another module of the block was fed, until the site has acted
        more: list[AddAndNorm] = []  # what weights get beside the module's output

        def act(_module: nn.Module, _inputs: tuple[Any, ...], hidden: Tensor) -> Tensor:
            weights: Any = self._weights.get(key)
            if weights is None:
                return hidden
            if position.fed_by is not None:
                return hidden + weights.added(rows(seen.pop())).view_as(hidden)
            changed: Tensor = weights.apply(rows(hidden), *more).view_as(hidden)
            seen.clear()
            return changed

        def act_before(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            weights: Any = self._weights.get(key)
            return None if weights is None else (weights.apply(inputs[0]), *inputs[1:])

        if position.before:
            self._handles.append(module.register_forward_pre_hook(act_before))
            return
        named = (position.fed_by, position.block, position.residual)  # one of them at most
        if (looked_at := next((path for path in named if path is not None), None)) is not None:
            place = 0 if position.block is None else 1

            def look(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
                seen[:] = [inputs[place]] if key in self._weights else []

            self._handles.append(root.get_submodule(looked_at).register_forward_pre_hook(look))
            if position.fed_by is None:
                norm = nn.Identity() if position.norm is None else root.get_submodule(position.norm)
                more = [lambda value: norm(value + seen[0])]
        self._handles.append(module.register_forward_hook(act))

    def _in_rows(self, layer: nn.Module, position: Position) -> Callable[[Tensor], Tensor]:
        """Return what makes of a module's values those of every text, [batch, length, hidden]: mostly nothing."""
        if not position.flat:
            return lambda value: value
        batch: list[int] = [1]
        look = lambda _module, inputs: batch.__setitem__(0, len(inputs[0]))  # noqa: E731
        self._handles.append(layer.register_forward_pre_hook(look))
        return lambda value: value.unflatten(0, (batch[0], -1))

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


@contextmanager
def changing_input(module: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let a stock module get `change` of its one input [..., hidden] inside the block."""
    handle = module.register_forward_pre_hook(lambda _module, inputs: (change(inputs[0]),))
    try:
        yield
    finally:
        handle.remove()
