"""Bottleneck adapters with parameters of their own; how AdapterHub stacks them (MAD-X)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hxbench.backbones.sites import AddAndNorm
from hxbench.modules.bottleneck import ACTIVATIONS, ActivationName, BottleneckWeights


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
        """Return the weights layer by layer."""
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
