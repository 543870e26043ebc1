"""A linear layer with far more outputs than anything else, as generators of adapters are, fast on a CPU.

Its products have a dozen rows. Libraries of matrix products are made for other shapes: on two cores of a Zen 4 the
whole product of 196,608 outputs takes 26 ms and its weight's gradient 25, cut into blocks of outputs 20 and 17.
"""

from typing import Any

import torch
from torch import Tensor, nn

BLOCK = 256  # outputs: a block of weights stays in a core's cache, and rounds as the whole product does
_LEAST_SIZE = 2**22  # weights: those of a smaller layer stay in the caches as a whole
_MOST_ROWS = 64  # with more, the products are of a common shape


class WideLinear(nn.Linear):
    """`nn.Linear`, computed in blocks of outputs where that is faster; outputs and gradients are the same."""

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows·weightᵀ + bias, [rows, out], for [rows, in]."""
        if self.bias is None or not _in_blocks(rows, self.weight):
            return super().forward(rows)
        product: Tensor = _Product.apply(rows, self.weight)
        return product + self.bias


def _in_blocks(rows: Tensor, weight: Tensor) -> bool:
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    wide = weight.numel() >= _LEAST_SIZE and len(weight) % BLOCK == 0
    return plain and wide and rows.dim() == 2 and len(rows) <= _MOST_ROWS


class _Product(torch.autograd.Function):
    """rows·weightᵀ and its gradients, a product a block each."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weight)
        blocks = weight.view(-1, BLOCK, weight.shape[1])
        made = torch.bmm(rows.expand(len(blocks), *rows.shape), blocks.transpose(1, 2))  # [blocks, rows, BLOCK]
        return made.transpose(0, 1).reshape(len(rows), -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        blocks = weight.view(-1, BLOCK, weight.shape[1])
        incoming = gradients[0].view(len(rows), -1, BLOCK).permute(1, 2, 0)  # [blocks, BLOCK, rows]
        of_rows = of_weight = None
        if ctx.needs_input_grad[0]:
            of_rows = gradients[0] @ weight  # a sum over all blocks: cut up, it would be rounded otherwise
        if ctx.needs_input_grad[1]:
            of_weight = torch.bmm(incoming, rows.expand(len(blocks), *rows.shape)).view_as(weight)
        return of_rows, of_weight
