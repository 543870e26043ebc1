"""The bottleneck adapter as a function of its weights, wherever those come from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]
ActivationName = Literal["relu", "gelu_new"]
ACTIVATIONS: dict[str, Activation] = {
    "relu": functional.relu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),  # transformers' name for it
}


@dataclass(frozen=True)
class BottleneckWeights:
    """Weights of bottleneck adapters: x + U·f(D·x + d) + u, f usually ReLU (Hyper-X, section 3).

    Either for one site (shapes as given) or with a leading dimension on every tensor: [sites], which `unbind`
    takes apart, or [batch], which gives every row of a batch an adapter of its own.
    """

    down: Tensor  # [bottleneck, hidden]
    down_bias: Tensor  # [bottleneck]
    up: Tensor  # [hidden, bottleneck]
    up_bias: Tensor  # [hidden]
    scale: Tensor | None = None  # [hidden]; LayerNorm on the up-projection's output, before the residual
    shift: Tensor | None = None  # [hidden]
    activation: Activation = functional.relu

    def unbind(self) -> list["BottleneckWeights"]:
        """Return the weights site by site.

        `unbind` and not indexing: the gradient of one unbind is one stack, that of n selections n full-size sums.
        """
        tensors = (self.down, self.down_bias, self.up, self.up_bias, self.scale, self.shift)
        columns: list[Any] = [t.unbind(0) if t is not None else (None,) * len(self.down) for t in tensors]
        columns.append((self.activation,) * len(self.down))
        return [BottleneckWeights(*row) for row in zip(*columns, strict=True)]

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "BottleneckWeights":
        """Return the weights with every tensor changed in the same way."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        changed: dict[str, Any] = {name: change(value) for name, value in tensors.items()}
        return replace(self, **changed)

    def added(self, hidden: Tensor) -> Tensor:
        """Return what the adapter adds, given its input [batch, length, hidden]."""
        inner = self.activation(_linear(hidden, self.down, self.down_bias))
        added = _linear(inner, self.up, self.up_bias)
        if self.scale is None or self.shift is None:
            return added
        if self.scale.dim() == 1:
            return functional.layer_norm(added, added.shape[-1:], self.scale, self.shift)
        return torch.addcmul(
            self.shift[:, None], functional.layer_norm(added, added.shape[-1:]), self.scale[:, None]
        )

    def apply(self, hidden: Tensor) -> Tensor:
        """Return `hidden` [batch, length, hidden] with the adapter's output added."""
        return hidden + self.added(hidden)


def _linear(value: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return value·weightᵀ + bias; a weight [batch, out, in] has a matrix for each row of the batch."""
    if weight.dim() == 2:
        return functional.linear(value, weight, bias)
    return torch.baddbmm(bias[:, None].to(value.dtype), value, weight.transpose(1, 2).to(value.dtype))
