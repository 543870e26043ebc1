"""LoRA's branch as a function of its matrices, and beside a projection that makes query, key and value at once.

`peft` puts one branch beside a whole projection. Of BLOOM's the parameters come to the same number, as 8·H + 8·3H
is 2·(8·H + 8·H), but the paper's has two branches and leaves the key alone.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def low_rank(hidden: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Return scale · B·A·x for x [batch, length, in], A = `down` [rank, in], B = `up` [out, rank]."""
    return functional.linear(functional.linear(hidden, down), up) * scale


def in_fused(part: Tensor, place: int, groups: int) -> Tensor:
    """Return what is added to a fused projection, [batch, length, 3·hidden], of which `part` is one of three.

    Query, key and value stand next to each other, `groups` times: once for each head, or once for all of them.
    `place` 0 is the query, 2 the value.
    """
    by_head = part.unflatten(-1, (groups, -1))
    parts = [by_head if one == place else torch.zeros_like(by_head) for one in range(3)]
    return torch.stack(parts, dim=-2).flatten(-3)


def start_down(matrix: Tensor) -> Tensor:
    """Begin an A in place as `peft` does, Kaiming-uniform; a B begins at zero."""
    return nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))


class FusedLowRank(nn.Module):
    """Two branches beside a fused projection, for the query and for the value.

    With `shared` the query's branch is added to the value too, and the value's own is never applied.
    """

    def __init__(
        self, hidden: int, groups: int, rank: int, alpha: float, dropout: float, *, shared: bool = False
    ) -> None:
        super().__init__()
        self.groups, self.scale, self.shared = groups, alpha / rank, shared
        self.query_a, self.value_a = (nn.Parameter(start_down(torch.empty(rank, hidden))) for _ in range(2))
        self.query_b, self.value_b = (nn.Parameter(torch.zeros(hidden, rank)) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what is added to the projection's output, [batch, length, 3·hidden], for its input."""
        read = self.dropout(hidden)
        query = low_rank(read, self.query_a, self.query_b, self.scale)
        value = query if self.shared else low_rank(read, self.value_a, self.value_b, self.scale)
        return in_fused(query, 0, self.groups) + in_fused(value, 2, self.groups)
