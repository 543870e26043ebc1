"""What a text-to-text model is given for one step: source and target texts as padded tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hxbench.encoding.batch import MULTIPLE, moved, pad, padded_length

IGNORED = -100
MIXED = "mixed"  # what a batch of several tasks calls its task


@dataclass(frozen=True)
class TextBatch:
    """One batch, of one task or of several.

    `count` is the number of target pieces and `rows` that of examples in the global batch, of which a process may
    hold only some.
    """

    task: str
    language: str
    input_ids: Tensor  # [batch, length]
    attention_mask: Tensor  # [batch, length]
    targets: Tensor  # [batch, target length], -100 behind the end
    tasks: Tensor  # [batch], places in the run's list of tasks
    count: int
    rows: int
    pieces: int  # of the global batch, source and target, padding left out

    def to(self, device: torch.device) -> "TextBatch":
        """Return the batch on a device."""
        names = ("input_ids", "attention_mask", "targets", "tasks")
        there: dict[str, Any] = {name: moved(getattr(self, name), device) for name in names}
        return replace(self, **there)


def collate_text(
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    tasks: Sequence[int],
    *,
    padding: int,
    task: str = MIXED,
    language: str = "en",
    share: tuple[int, int] = (0, 1),
    multiple: int = MULTIPLE,
) -> TextBatch:
    """Return the batch of these rows, padded to a multiple; `share` = (rank, world) keeps one process's rows.

    `padding` is the id that fills up sources, -100 fills up targets. With fewer rows than processes a process goes
    along with a row that has no targets.
    """
    lengths = np.array([len(row) for row in sources])
    count, pieces = sum(map(len, targets)), int(lengths.sum()) + sum(map(len, targets))
    rows, (rank, world) = len(sources), share
    mine = list(range(rank, rows, world)) or [0]
    length = padded_length(int(lengths.max()), multiple)
    longest = max(map(len, targets))
    labels = pad([targets[i] for i in mine], IGNORED, longest)
    if rank >= rows:
        labels[:] = IGNORED
    mask = np.arange(length) < lengths[mine][:, None]
    return TextBatch(
        task,
        language,
        torch.from_numpy(pad([sources[i] for i in mine], padding, length)),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(labels),
        torch.tensor([tasks[i] for i in mine], dtype=torch.long),
        count,
        rows,
        pieces,
    )
