"""Tuning some entries of frozen tensors: their values are the only parameters, and so is the optimiser's state.

The values are written into the frozen tensor itself before it is used; neither a copy of the tensor nor a mask of
its size is kept. Of a matrix only the gradients of the entries are formed (`tuned_weight`); of a vector or a small
matrix, where this would take longer, they are gathered from all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hxbench.modules.sparse_gradients import Pattern
from hxbench.modules.sparse_weight import Tuned, gathered

SMALL = 1 << 12  # entries of a matrix whose whole gradient is formed sooner than another is asked for


def written(frozen: Tensor, values: Tensor, places: Tensor) -> Tensor:
    """Return `frozen`, changed in place to have `values` [k] at the flat `places` [k], as a function of them."""
    write(frozen, values, places)
    return gathered(frozen, values, places)


def write(frozen: Tensor, values: Tensor, places: Tensor) -> None:
    """Change `frozen` in place to have `values` [k] at the flat `places` [k]."""
    tensor = frozen.data  # its own version counter: a second pass before the gradients writes the same values
    tensor.view(-1).index_copy_(0, places, values.detach().to(tensor.dtype))


class Holder(NamedTuple):
    """Where a stock module has a tensor."""

    module: nn.Module
    attribute: str


def holders_of(root: nn.Module) -> dict[str, tuple[Holder, ...]]:
    """Return, for every parameter below `root` by its first name, all places that have it, tied ones too."""
    names = {id(p): name for name, p in root.named_parameters()}
    found: dict[str, list[Holder]] = {name: [] for name in names.values()}
    for module in root.modules():
        for attribute, parameter in module._parameters.items():
            if parameter is not None:
                found[names[id(parameter)]].append(Holder(module, attribute))
    return {name: tuple(places) for name, places in found.items()}


@contextmanager
def standing_for(tensors: Mapping[str, Tensor], holders: Mapping[str, Sequence[Holder]]) -> Iterator[None]:
    """Let stock modules compute with `tensors` in place of their parameters of these names.

    An instance's own attribute goes before what `nn.Module` looks up among its parameters, which stay untouched.
    """
    places = [(holder, tensor) for name, tensor in tensors.items() for holder in holders[name]]
    for (module, attribute), tensor in places:
        module.__dict__[attribute] = tensor
    try:
        yield
    finally:
        for (module, attribute), _ in places:
            del module.__dict__[attribute]


class Entries(nn.Module):
    """The tuned entries of some tensors, in one parameter `values`; they begin as what is there."""

    def __init__(self, frozen: Mapping[str, Tensor], places: Mapping[str, Tensor]) -> None:
        """Take the entries at the flat `places` of each tensor."""
        super().__init__()
        self.names = tuple(places)
        self._sizes = [len(places[name]) for name in self.names]
        self._patterns: dict[tuple[str, torch.device], Pattern] = {}
        device = next(iter(frozen.values())).device
        self.register_buffer(
            "places", torch.cat([places[name] for name in self.names]).to(device), persistent=False
        )
        first = [frozen[name].detach().reshape(-1)[part] for name, part in self._parts(self.places)]
        self.values = nn.Parameter(torch.cat(first).clone())
        self.register_buffer("first", self.values.detach().clone(), persistent=False)

    places: Tensor
    first: Tensor  # what stood at the places before

    def _parts(self, together: Tensor) -> Iterator[tuple[str, Tensor]]:
        return zip(self.names, together.split(self._sizes), strict=True)

    def written(self, frozen: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the tensors with the entries as they are now, by name."""
        places = dict(self._parts(self.places))
        found: dict[str, Tensor] = {}
        for name, values in self._parts(self.values):
            tensor, some = frozen[name], places[name]
            if tensor.dim() == 2 and tensor.numel() > SMALL:
                write(tensor, values, some)
                found[name] = Tuned.of(tensor, values, some, self._pattern_of(name, tensor, some))
            else:
                found[name] = written(tensor, values, some)
        return found

    def _pattern_of(self, name: str, tensor: Tensor, places: Tensor) -> Callable[[], Pattern]:
        def pattern() -> Pattern:
            key = name, tensor.device
            if key not in self._patterns:
                height, width = tensor.shape
                self._patterns[key] = Pattern.of(places, height, width)
            return self._patterns[key]

        return pattern

    @torch.no_grad()
    def undo(self, frozen: Mapping[str, Tensor]) -> None:
        """Put back what stood there before, bit for bit."""
        places = dict(self._parts(self.places))
        for name, part in self._parts(self.first):
            frozen[name].view(-1).index_copy_(0, places[name], part)
