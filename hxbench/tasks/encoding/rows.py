"""Fast reading of tokenised examples from a memory-mapped Arrow table."""

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np


class Rows:
    """Random access to the list columns of an Arrow data set, without copying the table into memory.

    Raises `ValueError` for a data set that was shuffled or picked from: its table still has the old order.
    """

    def __init__(self, dataset: Any) -> None:
        if dataset._indices is not None:
            raise ValueError("rows are read in the order of the table, which is not that of this data set")
        table = dataset.data.table
        self.columns = [name for name in ("input_ids", "labels") if name in table.column_names]
        self._chunks: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        for name in self.columns:
            chunks = [c for c in table.column(name).chunks if len(c)]
            # offsets index into the unsliced values, so a sliced chunk needs no copy either
            self._chunks[name] = [
                (c.offsets.to_numpy(zero_copy_only=True), c.values.to_numpy(zero_copy_only=True)) for c in chunks
            ]
        sizes = [len(offsets) - 1 for offsets, _ in self._chunks["input_ids"]]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        spans = [np.diff(offsets) for offsets, _ in self._chunks["input_ids"]]
        self.lengths = np.concatenate(spans).astype(np.int32) if spans else np.zeros(0, np.int32)

        self._chosen: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def only(self, rows: np.ndarray) -> "Rows":
        """Return some of the rows, in the order given, numbered from 0."""
        some = copy.copy(self)
        some._chosen = rows if self._chosen is None else self._chosen[rows]
        some.lengths = self.lengths[rows]
        return some

    def tokens(self) -> list[np.ndarray]:
        """Return all tokens of these rows, in few arrays."""
        if self._chosen is not None:
            return self.take("input_ids", np.arange(len(self)))
        return [values[offsets[0] : offsets[-1]] for offsets, values in self._chunks["input_ids"]]

    def take(self, column: str, rows: np.ndarray) -> list[np.ndarray]:
        """Return the values of `column` at the given rows."""
        if self._chosen is not None:
            rows = self._chosen[rows]
        chunk_of = np.searchsorted(self._starts, rows, side="right") - 1
        out = []
        for row, chunk in zip(rows, chunk_of, strict=True):
            offsets, values = self._chunks[column][chunk]
            local = row - self._starts[chunk]
            out.append(values[offsets[local] : offsets[local + 1]])
        return out


def occurring(parts: Iterable[Rows]) -> np.ndarray:
    """Return the ids of all tokens that occur in some rows, special ones included, in ascending order."""
    texts = [text for rows in parts for text in rows.tokens()]
    return np.flatnonzero(np.bincount(np.concatenate([np.zeros(0, np.int32), *texts])))
