"""A frozen weight with some tuned entries, as stock modules compute with it.

In a linear layer and in embeddings only the gradients of those entries are formed; in any other function it is an
ordinary tensor, whose gradient is formed whole and gathered.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_map

from hxbench.modules.sparse_gradients import Pattern


class _Gathered(torch.autograd.Function):
    """A frozen tensor as a function of the values that stand in it at `places`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, frozen: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        return frozen.data  # its own version counter: a second pass before the gradients writes the same values

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (places,) = ctx.saved_tensors
        return gradients[0].reshape(-1).index_select(0, places), None, None


def gathered(frozen: Tensor, values: Tensor, places: Tensor) -> Tensor:
    """Return `frozen`, in which `values` [k] stand at the flat `places` [k] already, as a function of them."""
    found: Tensor = _Gathered.apply(values, frozen, places)
    return found


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, values: Tensor, bias: Tensor | None, frozen: Tensor, pattern: Pattern
    ) -> Tensor:
        ctx.pattern = pattern
        ctx.save_for_backward(pattern.seen(hidden), frozen)
        return functional.linear(hidden, frozen, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        [incoming], (seen, frozen) = gradients, ctx.saved_tensors
        wanted = ctx.needs_input_grad
        before = incoming @ frozen.to(incoming.dtype) if wanted[0] else None
        values = ctx.pattern.gradient(incoming, seen) if wanted[1] else None
        bias = incoming.flatten(0, -2).sum(0) if wanted[2] else None
        return before, values, bias, None, None


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, ids: Tensor, frozen: Tensor, places: Tensor, padding: int | None
    ) -> Tensor:
        ctx.save_for_backward(ids, places)
        ctx.words, ctx.padding = len(frozen), padding
        return functional.embedding(ids, frozen)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        ids, places = ctx.saved_tensors
        ids, incoming = ids.flatten(), gradients[0].flatten(0, -2)
        tokens, width = incoming.shape
        # the gradients of one word come together at its first token; none of the stock layer's padding
        first = ids.new_full((ctx.words,), tokens)
        first.scatter_reduce_(0, ids, torch.arange(tokens, device=ids.device), "amin")
        if ctx.padding is not None:
            first[ctx.padding] = tokens
        together = torch.ops.aten.embedding_dense_backward(incoming, first[ids], tokens + 1, tokens, False)
        word, column = places.div(width, rounding_mode="floor"), places % width
        values = together.view(-1).index_select(0, first[word] * width + column)
        return values, None, None, None, None


# what is asked of a weight without computing with it
_TENSOR: Any = Tensor
_FACTS = (
    Tensor.dim, Tensor.size, Tensor.data_ptr, Tensor.__len__, _TENSOR.shape.__get__, _TENSOR.dtype.__get__,
    _TENSOR.device.__get__,
)  # fmt: skip


class Tuned(Tensor):
    """A weight [out, in] with the `entries` tuned at the flat `places`, where they stand already."""

    entries: Tensor  # [k]
    places: Tensor  # [k], sorted
    pattern: Callable[[], Pattern]

    @classmethod
    def of(cls, frozen: Tensor, entries: Tensor, places: Tensor, pattern: Callable[[], Pattern]) -> "Tuned":
        """Return `frozen` [out, in] itself, not a copy, with the `entries` [k] at the flat `places` [k]."""
        found = frozen.data.as_subclass(cls)
        found.entries, found.places, found.pattern = entries, places, pattern
        return found

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if func in _FACTS:
                return func(*args, **(kwargs or {}))
            own: Any = {functional.linear: _linear, functional.embedding: _embedding}.get(func)
            if own and isinstance(args[1], Tuned) and not isinstance(args[0], Tuned):
                return own(*args, **(kwargs or {}))
            return func(*tree_map(_whole, args), **tree_map(_whole, kwargs or {}))


def _plain(weight: Tuned) -> Tensor:
    return weight.as_subclass(Tensor)


def _whole(value: Any) -> Any:
    return gathered(_plain(value), value.entries, value.places) if isinstance(value, Tuned) else value


def _linear(hidden: Tensor, weight: Tuned, bias: Tensor | None = None) -> Tensor:
    if not torch.is_grad_enabled():
        return functional.linear(hidden, _plain(weight), bias)
    pattern = weight.pattern()
    if pattern.is_whole:
        return functional.linear(hidden, _whole(weight), bias)
    found: Tensor = _Linear.apply(hidden, weight.entries, bias, _plain(weight), pattern)
    return found


def _embedding(
    ids: Tensor,
    weight: Tuned,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    unusual = max_norm is not None or scale_grad_by_freq or sparse
    if not torch.is_grad_enabled() or unusual or ids.numel() >= len(_plain(weight)):
        rest = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        return functional.embedding(ids, _whole(weight), *rest)
    found: Tensor = _Embedding.apply(weight.entries, ids, _plain(weight), weight.places, padding_idx)
    return found
