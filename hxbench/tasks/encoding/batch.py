"""What a model is given for one step: padded token ids, and what is to be predicted from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hxbench.tasks import ENGLISH
from hxbench.tasks.encoding.masking import IGNORED as IGNORED
from hxbench.tasks.encoding.masking import Masking

MULTIPLE = 8  # lengths are padded to a multiple: tensor cores want it, and it keeps the number of shapes small
# Tokens, padding included, of a batch that is scored: on a CPU what a layer makes of more leaves the caches, and
# more is padded (e5-small-q4 on one core: 50 rows a second of English-EWT, and 39 with 4,096 tokens).
CPU_TOKENS = 1024
MIXED = "mixed"  # what a batch of several tasks calls its task


@dataclass(frozen=True)
class Batch:
    """One batch, of one task or of several.

    Where single tokens are predicted, `positions` are the flat indices (row · length + column) of those that carry
    a target, so that heads and losses run on those alone and a GPU never has to be asked how many there are.
    `count` is the number of targets and `rows` that of rows in the global batch, of which a process may hold only
    some: `own` rows with targets.
    """

    task: str
    language: str
    input_ids: Tensor  # [batch, length]
    attention_mask: Tensor  # [batch, length]
    tasks: Tensor  # [batch], places in the run's list of tasks
    targets: Tensor  # [targets] at `positions`, or sequences [batch, target length] with -100 behind the end
    positions: Tensor | None  # [targets]; None where targets are sequences of their own
    count: int
    rows: int
    own: int
    tokens: int  # of the global batch, padding left out, and the targets where they are sequences of their own

    def to(self, device: torch.device) -> "Batch":
        names = ["input_ids", "attention_mask", "tasks", "targets"]
        names += [] if self.positions is None else ["positions"]
        tensors: dict[str, Any] = {name: moved(getattr(self, name), device) for name in names}
        return replace(self, **tensors)


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor [...] on a device; to a GPU from pinned memory, as the processor waits for it otherwise."""
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def pad(rows: Sequence[np.ndarray], value: int, length: int) -> np.ndarray:
    """Return the rows as one array [rows, length], filled up with `value`."""
    out = np.full((len(rows), length), value, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def padded_length(longest: int, multiple: int = MULTIPLE) -> int:
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
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray] | Masking,
    *,
    padding: int,
    task: str = MIXED,
    language: str = ENGLISH,
    tasks: Sequence[int] | None = None,
    by_token: bool = False,
    share: tuple[int, int] = (0, 1),
    multiple: int = MULTIPLE,
) -> Batch:
    """Return the batch of these rows, padded to a multiple; `share` = (rank, world) keeps one process's rows.

    `targets` are sequences of their own; with `by_token` one label for each token, -100 where it carries none. A
    `Masking` makes targets of the tokens that it takes out, for the whole global batch, so that they do not depend
    on the number of processes. `padding` is the id that fills up inputs. `tasks` says for every row its place in
    the run's list of tasks, 0 for all without it. With fewer rows than processes a process goes along with a row
    that has no targets.
    """
    lengths = np.array([len(row) for row in inputs])
    length = padded_length(int(lengths.max()), multiple)
    ids, mask = pad(inputs, padding, length), np.arange(length) < lengths[:, None]
    if isinstance(targets, Masking):
        by_token = True
        ids, labels = targets.apply(ids, mask)
    else:
        labels = pad(targets, IGNORED, length if by_token else max(map(len, targets)))
    count, rows, (rank, world) = int((labels != IGNORED).sum()), len(inputs), share
    mine = slice(rank, None, world) if rank < rows else slice(1)
    ids, mask, labels = ids[mine], mask[mine], labels[mine]
    if rank >= rows:
        labels = np.full_like(labels, IGNORED)
    positions = np.flatnonzero(labels.reshape(-1) != IGNORED) if by_token else None
    places = np.zeros(rows, np.int64) if tasks is None else np.array(tasks, np.int64)
    return Batch(
        task,
        language,
        torch.from_numpy(np.ascontiguousarray(ids)),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(places[mine].copy()),
        torch.from_numpy(np.ascontiguousarray(labels if positions is None else labels.reshape(-1)[positions])),
        None if positions is None else torch.from_numpy(positions),
        count,
        rows,
        len(ids) if rank < rows else 0,
        int(lengths.sum()) + (0 if by_token else count),
    )
