"""LoRA on the query and the value of a projection that makes query, key and value at once, as BLOOM's does.

`peft` puts one branch beside a whole projection. The parameters come to the same number, as 8·3H + 8·H is
2·(8·H + 8·H), but the paper's has two branches and leaves the key alone.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class FusedLowRank(nn.Module):
    """x → α/r · B·A·x for query and value, 0 for the key, in the order of the projection's output.

    A begins Kaiming-uniform and B at zero, as `peft` has it.
    """

    def __init__(self, hidden: int, heads: int, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.heads, self.scale = heads, alpha / rank
        self.query_a, self.value_a = (nn.Parameter(torch.empty(rank, hidden)) for _ in range(2))
        self.query_b, self.value_b = (nn.Parameter(torch.zeros(hidden, rank)) for _ in range(2))
        for matrix in (self.query_a, self.value_a):
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what is added to the projection's output, [batch, length, 3·hidden], for its input."""
        read = self.dropout(hidden)
        query, value = (
            functional.linear(functional.linear(read, a), b).unflatten(-1, (self.heads, -1)) * self.scale
            for a, b in ((self.query_a, self.query_b), (self.value_a, self.value_b))
        )
        # a head's query, key and value stand next to each other
        return torch.stack([query, torch.zeros_like(query), value], dim=-2).flatten(-3)
