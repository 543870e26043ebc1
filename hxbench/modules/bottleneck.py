"""The bottleneck adapter: a function of its weights, wherever they come from, or with parameters of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.sites import AddAndNorm

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


class Bottlenecks(nn.Module):
    """The parameters of one adapter in every layer; matrices N(0, std²), biases 0.

    A LayerNorm on what the up-projection puts out begins as every LayerNorm, so that with it an adapter does not
    begin close to the identity.
    """

    def __init__(
        self,
        layers: int,
        hidden: int,
        bottleneck: int,
        std: float,
        *,
        layer_norm: bool = False,
        activation: ActivationName = "relu",
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.down = nn.Parameter(torch.empty(layers, bottleneck, hidden).normal_(std=std))
        self.down_bias = nn.Parameter(torch.zeros(layers, bottleneck))
        self.up = nn.Parameter(torch.empty(layers, hidden, bottleneck).normal_(std=std))
        self.up_bias = nn.Parameter(torch.zeros(layers, hidden))
        self.scale = nn.Parameter(torch.ones(layers, hidden)) if layer_norm else None
        self.shift = nn.Parameter(torch.zeros(layers, hidden)) if layer_norm else None

    def start_small(self) -> None:
        """Begin so close to the identity as PHA's published code: Xavier-uniform with gain 1e-4, biases 0."""
        _, bottleneck, hidden = self.down.shape
        bound = 1e-4 * (6 / (bottleneck + hidden)) ** 0.5
        for matrix in (self.down, self.up):
            nn.init.uniform_(matrix, -bound, bound)
        for bias in (self.down_bias, self.up_bias):
            nn.init.zeros_(bias)

    def by_layer(self) -> list[BottleneckWeights]:
        return BottleneckWeights(
            self.down, self.down_bias, self.up, self.up_bias, self.scale, self.shift, self.activation
        ).unbind()


@dataclass(frozen=True)
class NormedStack:
    """Adapters on top of each other at one site, the lowest first (AdapterHub `Stack` of `SeqBnConfig`).

    Each is fed what "add & norm" makes of the value below it, z, and adds to z itself:
    z + U·ReLU(D·LayerNorm(z + x) + d) + u, with x the block's residual and the backbone's own LayerNorm.
    """

    adapters: Sequence[BottleneckWeights]

    def apply(self, hidden: Tensor, add_and_norm: AddAndNorm) -> Tensor:
        """Return the new value [batch, length, hidden]; the stock block adds x and normalises once more."""
        for one in self.adapters:
            hidden = hidden + one.added(add_and_norm(hidden))
        return hidden
