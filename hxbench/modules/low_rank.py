"""LoRA's branch as a function of its matrices, and beside a projection that makes query, key and value at once.

`peft` puts one branch beside a whole projection. Of BLOOM's the parameters come to the same number, as 8·H + 8·3H
is 2·(8·H + 8·H), but the paper's has two branches and leaves the key alone.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.families import Part, Projection


def low_rank(hidden: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Return scale · B·A·x for x [batch, length, in], A = `down` [rank, in], B = `up` [out, rank]."""
    return functional.linear(functional.linear(hidden, down), up) * scale


def in_fused(own: Tensor, part: Part) -> Tensor:
    """Return what is added to a fused projection, [batch, length, all], given that of one part, […, own].

    Query, key and value stand next to each other, once for each head of keys, or once for all of them.
    """
    return functional.pad(own.unflatten(-1, (part.groups, -1)), (part.before, part.behind)).flatten(-2)


def out_of_fused(fused: Tensor, part: Part) -> Tensor:
    """Return what is of one part, […, own], in what is added to a fused projection, […, all]."""
    grouped = fused.unflatten(-1, (part.groups, -1))
    return grouped[..., part.before : grouped.shape[-1] - part.behind].flatten(-2)


def start_down(matrix: Tensor) -> Tensor:
    """Begin an A [rank, in] in place as `peft` does, Kaiming-uniform; a B begins at zero."""
    return nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))


class FusedLowRank(nn.Module):
    """Two branches beside a fused projection, for the query and for the value.

    With `shared` the query's branch is added to the value too, and the value's own is never applied.
    """

    def __init__(
        self,
        query: Projection,
        value: Projection,
        rank: int,
        alpha: float,
        dropout: float,
        *,
        shared: bool = False,
    ) -> None:
        super().__init__()
        assert query.part is not None
        assert value.part is not None
        self.query, self.value, self.scale, self.shared = query.part, value.part, alpha / rank, shared
        self.query_a, self.value_a = (
            nn.Parameter(start_down(torch.empty(rank, one.width_in))) for one in (query, value)
        )
        self.query_b, self.value_b = (nn.Parameter(torch.zeros(one.width_out, rank)) for one in (query, value))
        self.dropout = nn.Dropout(dropout)

    def as_one(self) -> tuple[Tensor, Tensor]:
        """Return A [2·rank, in] and B [all, 2·rank] of the one branch that adds the same: the value's behind."""
        query = in_fused(self.query_b.T, self.query)
        if self.shared:
            return self.query_a, (query + in_fused(self.query_b.T, self.value)).T
        return torch.cat([self.query_a, self.value_a]), torch.cat([query, in_fused(self.value_b.T, self.value)]).T

    def take_one(self, down: Tensor, up: Tensor) -> None:
        """Take both branches out of A [2·rank, in] and B [all, 2·rank] of the one that `as_one` returned."""
        rank = len(self.query_a)
        self.query_a.copy_(down[:rank])
        self.query_b.copy_(out_of_fused(up[:, :rank].T, self.query).T)
        if not self.shared:
            self.value_a.copy_(down[rank:])
            self.value_b.copy_(out_of_fused(up[:, rank:].T, self.value).T)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what is added to the projection's output, [batch, length, all parts], for its input."""
        read = self.dropout(hidden)
        query = low_rank(read, self.query_a, self.query_b, self.scale)
        value = query if self.shared else low_rank(read, self.value_a, self.value_b, self.scale)
        return in_fused(query, self.query) + in_fused(value, self.value)
