"""The invertible adapter of MAD-X: a NICE coupling on the embeddings, undone before the output matrix."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hxbench.modules.hypernetwork import initialise_linear

REDUCTION = 2  # of the two nets' hidden layer (AdapterHub `SeqBnInvConfig`)


def _net(size_in: int, size_out: int) -> nn.Sequential:
    inner = size_in // REDUCTION
    return nn.Sequential(nn.Linear(size_in, inner), nn.ReLU(), nn.Linear(inner, size_out))


class Coupling(nn.Module):
    """An invertible map of hidden vectors, each half shifted by a function of the other."""

    def __init__(self, hidden: int, std: float) -> None:
        super().__init__()
        self.split = hidden // 2
        self.first = _net(hidden - self.split, self.split)  # shifts the first half
        self.second = _net(self.split, hidden - self.split)
        initialise_linear(self, std)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return y of x, both [..., hidden]: y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁)."""
        one, two = hidden[..., : self.split], hidden[..., self.split :]
        one = one + self.first(two)
        return torch.cat([one, two + self.second(one)], dim=-1)

    def inverse(self, hidden: Tensor) -> Tensor:
        """Return x of y, both [..., hidden]."""
        one, two = hidden[..., : self.split], hidden[..., self.split :]
        two = two - self.second(one)
        return torch.cat([one - self.first(two), two], dim=-1)


@dataclass(frozen=True)
class CouplingWeights:
    """A coupling as what an adapter brings to the embeddings' site."""

    coupling: Coupling

    def apply(self, hidden: Tensor) -> Tensor:
        """Return `hidden` [batch, length, hidden] mapped forward."""
        mapped: Tensor = self.coupling(hidden)
        return mapped
