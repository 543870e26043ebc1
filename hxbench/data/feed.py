"""Global batch t → this process's tensors."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.spec.settings import Pair
from hxbench.tasks import MLM, task_of
from hxbench.tasks.encoding.batch import MIXED, MULTIPLE, Batch, collate
from hxbench.tasks.encoding.masking import Masking, Vocabulary
from hxbench.tasks.encoding.rows import Rows


class Feed:
    """Batches of a training, each a pure function of (seed, t) and of which share of it this process takes."""

    def __init__(
        self,
        sampler: Sampler | ConcatenatedSampler,
        rows: Mapping[Pair, Rows],
        tasks: Sequence[str],
        vocabulary: Vocabulary,
        *,
        masking: float = 0.15,
        device: torch.device,
        share: tuple[int, int] = (0, 1),
        multiple: int = MULTIPLE,
    ) -> None:
        """Read `rows` as `sampler` says; a row's task is given by its place in `tasks`."""
        self.sampler, self.rows, self.vocabulary = sampler, rows, vocabulary
        self.places = {task: place for place, task in enumerate(tasks)}
        self.masking, self.device, self.share, self.multiple = masking, device, share, multiple

    def __call__(self, step: int) -> Batch:
        """Return the batch of step `step`, called by its task or, where it has several, mixed."""
        drawn, chosen = self.sampler.batch(step)
        if isinstance(drawn, Stream):
            streams, place = [drawn], np.zeros(len(chosen), np.int64)
        else:
            streams, place = self.sampler.streams, drawn
        present = [streams[one] for one in np.unique(place)]
        tasks = {stream.task for stream in present}
        inputs = self._taken("input_ids", streams, place, chosen)
        if tasks == {MLM}:
            assert isinstance(self.sampler, Sampler)
            targets: Sequence[np.ndarray] | Masking = Masking(
                self.vocabulary, self.masking, self.sampler.rng(step)
            )
        else:
            targets = self._taken("labels", streams, place, chosen)
        return collate(
            inputs,
            targets,
            padding=self.vocabulary.pad,
            task=tasks.pop() if len(tasks) == 1 else MIXED,
            language=present[0].language,
            tasks=[self.places[streams[one].task] for one in place],
            by_token=task_of(present[0].task).type == "tagging",
            share=self.share,
            multiple=self.multiple,
        ).to(self.device)

    def _taken(
        self, column: str, streams: Sequence[Stream], place: np.ndarray, chosen: np.ndarray
    ) -> list[np.ndarray]:
        """Return the values of a column in the order of the shuffle, in which processes share the rows."""
        out = [np.zeros(0, np.int32)] * len(chosen)
        for one in np.unique(place):
            rows, where = self.rows[Pair(streams[one].task, streams[one].language)], np.flatnonzero(place == one)
            for i, values in zip(where, rows.take(column, chosen[where]), strict=True):
                out[i] = values
        return out
