"""What a model is given for one step: one task, one language, padded tensors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hxbench.encoding.masking import mask_pieces
from hxbench.encoding.vocabulary import Vocabulary

MULTIPLE = 8  # lengths are padded to a multiple: tensor cores want it, and it keeps the number of shapes small
# Tokens, padding included, of a batch that is scored: on a CPU what a layer makes of more leaves the caches, and
# more is padded (e5-small-q4 on one core: 50 rows a second of English-EWT, and 39 with 4,096 tokens).
CPU_TOKENS = 1024


@dataclass(frozen=True)
class Batch:
    """One homogeneous batch.

    `positions` are the flat indices (row · length + column) of the pieces that carry a target, so that heads and
    losses run on those alone and a GPU never has to be asked how many there are. `count` is the number of targets
    in the global batch, of which a process may hold only some rows.
    """

    task: str
    language: str
    input_ids: Tensor  # [batch, length]
    attention_mask: Tensor  # [batch, length]
    positions: Tensor  # [targets]
    targets: Tensor  # [targets]
    count: int
    pieces: int  # of the global batch, padding left out

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        names = ("input_ids", "attention_mask", "positions", "targets")
        there: dict[str, Any] = {name: moved(getattr(self, name), device) for name in names}
        return replace(self, **there)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; to a GPU from pinned memory, as the processor waits for it otherwise."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def pad(rows: list[np.ndarray], value: int, length: int) -> np.ndarray:
    """Return the rows as one array [rows, length], filled up with `value`."""
    out = np.full((len(rows), length), value, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def padded_length(longest: int, multiple: int = MULTIPLE) -> int:
    """Return the length a batch is padded to."""
    return -(-longest // multiple) * multiple


def longest_first(lengths: np.ndarray, most: Callable[[int], int]) -> Iterator[np.ndarray]:
    """Yield all row numbers in batches of similar length, given the lengths of the rows in tokens [rows].

    `most` says how many rows of a padded length make a batch; one does in any case.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, most(padded_length(max(1, int(lengths[order[start]])))))
        yield order[start : start + count]
        start += count


def by_tokens(lengths: np.ndarray, rows: int, device: torch.device) -> Iterator[np.ndarray]:
    """Yield all row numbers in batches of no more tokens than `rows` of the longest rows, on a CPU of fewer."""
    tokens = rows * padded_length(int(lengths.max(initial=1)))
    if device.type == "cpu":
        tokens = min(tokens, CPU_TOKENS)
    return longest_first(lengths, lambda length: tokens // length)


def collate(
    task: str,
    language: str,
    pieces: list[np.ndarray],
    labels: list[np.ndarray] | None,
    vocabulary: Vocabulary,
    *,
    masking: float = 0.15,
    rng: np.random.Generator | None = None,
    share: tuple[int, int] = (0, 1),
    multiple: int = MULTIPLE,
) -> Batch:
    """Return the batch of these rows, padded to a multiple; `share` = (rank, world) is what of it a process gets.

    `labels` hold -100 where a piece carries none; None asks for the masked-language-model task, whose masks are
    drawn from `rng` for the whole global batch, so that they do not depend on the number of processes.
    """
    length = padded_length(max(map(len, pieces)), multiple)
    input_ids = pad(pieces, vocabulary.pad, length)
    attention = np.arange(length) < np.array([len(row) for row in pieces])[:, None]
    if labels is None:
        assert rng is not None
        input_ids, targets = mask_pieces(input_ids, attention, vocabulary, masking, rng)
    else:
        targets = pad(labels, -100, length)
    count, real_pieces = int((targets != -100).sum()), int(attention.sum())
    rank, world = share
    if world > 1:
        mine = slice(rank, None, world)
        if rank >= len(pieces):  # fewer rows than processes: go along with a row that has no targets
            input_ids, attention = input_ids[:1], attention[:1]
            targets = np.full_like(input_ids, -100)
        else:
            input_ids, attention, targets = input_ids[mine], attention[mine], targets[mine]
    flat = targets.reshape(-1)
    positions = np.flatnonzero(flat != -100)
    return Batch(
        task,
        language,
        torch.from_numpy(np.ascontiguousarray(input_ids)),
        torch.from_numpy(attention.astype(np.int64)),
        torch.from_numpy(positions),
        torch.from_numpy(flat[positions]),
        count,
        real_pieces,
    )
