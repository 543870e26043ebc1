"""The gradient of a weight matrix at some of its entries, from what a linear layer is given and what it is told.

That of a whole weight [out, in] is the product of incoming gradients [out, tokens] and inputs [tokens, in]; it is
a third of a step's work. Few entries are sampled from it: each is a sum over the tokens. Where entries are dense
in the rows and columns that have any, the product of these alone is cheaper.
"""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")

# What an entry and what a row or column costs to be sampled, in entries of a product: on a CPU as measured (one
# thread, float32, 768 to 2048 tokens); a GPU multiplies much faster than it gathers: that it samples only from far
# fewer entries is reckoned from its specification and not measured.
_ENTRY, _LINE = {"cpu": 5, "cuda": 500}, {"cpu": 20, "cuda": 0}


def _chosen(all_of: Tensor, size: int) -> tuple[Tensor | None, Tensor, int]:
    """Return the lines with entries (None for all, when most have), each entry's among them, and their number."""
    lines, place = torch.unique(all_of, return_inverse=True)
    return (lines, place, len(lines)) if len(lines) <= size // 2 else (None, all_of, size)


@dataclass(frozen=True)
class Pattern:
    """Which entries of a weight [out, in] are wanted; what is kept of the inputs is all that they need of them."""

    rows: Tensor | None  # [rows], those with entries; None for all
    columns: Tensor | None  # [columns], likewise
    shape: tuple[int, int]  # rows, columns
    flat: Tensor  # [entries], places in rows × columns
    starts: Tensor | None  # [rows + 1], where each row begins among the entries; None where they are not sampled
    column: Tensor | None  # [entries], likewise

    @classmethod
    def of(cls, places: Tensor, height: int, width: int) -> "Pattern":
        """Return the pattern of the flat `places` [entries], sorted, in a weight [height, width]."""
        rows, row, row_count = _chosen(places.div(width, rounding_mode="floor"), height)
        columns, column, column_count = _chosen(places % width, width)
        kind = places.device.type
        dear = len(places) * _ENTRY.get(kind, 0) + (row_count + column_count) * _LINE.get(kind, 0)
        starts = None
        if kind in _ENTRY and row_count * column_count > dear:
            ends = torch.bincount(row, minlength=row_count).cumsum(0)
            starts = torch.cat([ends.new_zeros(1), ends])
        shape = row_count, column_count
        flat = row * column_count + column
        return cls(rows, columns, shape, flat, starts, None if starts is None else column)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cheaper than the gradient of the whole weight."""
        return self.rows is None and self.columns is None and self.starts is None

    def seen(self, inputs: Tensor) -> Tensor:
        """Return what is needed of the inputs [..., in] of the layer, [..., columns]."""
        return inputs if self.columns is None else inputs.index_select(-1, self.columns)

    def gradient(self, incoming: Tensor, seen: Tensor) -> Tensor:
        """Return the gradients [entries], given those of the layer's output [..., out] and what was `seen`."""
        left, right = incoming.flatten(0, -2).t(), seen.flatten(0, -2)
        if self.rows is not None:
            left = left.index_select(0, self.rows)
        if self.starts is None or self.column is None:
            return (left @ right.to(left.dtype)).reshape(-1).index_select(0, self.flat)
        kind = torch.promote_types(left.dtype, torch.float32)  # in half precision nothing can be sampled
        empty = torch.sparse_csr_tensor(
            self.starts, self.column, torch.zeros(len(self.flat), dtype=kind, device=left.device), self.shape,
            check_invariants=False,
        )  # fmt: skip
        return torch.sparse.sampled_addmm(empty, left.to(kind), right.to(kind), beta=0.0).values()
