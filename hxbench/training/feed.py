"""Global batch t → this process's tensors."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from hxbench.encoding.batch import MULTIPLE, Batch, collate
from hxbench.encoding.rows import Rows
from hxbench.encoding.text_batch import MIXED, TextBatch, collate_text
from hxbench.encoding.vocabulary import Vocabulary
from hxbench.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.settings import Pair


class Feed:
    """Batches of a training, each a pure function of (seed, t) and of which share of it this process takes."""

    def __init__(
        self,
        sampler: Sampler,
        rows: Mapping[Pair, Rows],
        vocabulary: Vocabulary,
        *,
        masking: float,
        device: torch.device,
        share: tuple[int, int] = (0, 1),
        multiple: int = MULTIPLE,
    ) -> None:
        self.sampler, self.rows, self.vocabulary = sampler, rows, vocabulary
        self.masking, self.device, self.share, self.multiple = masking, device, share, multiple

    def __call__(self, step: int) -> Batch:
        """Return the batch of step `step`; a stream without labels is one for masked language modelling."""
        stream, chosen = self.sampler.batch(step)
        rows = self.rows[Pair(stream.task, stream.language)]
        labelled = "labels" in rows.columns
        batch = collate(
            stream.task,
            stream.language,
            rows.take("input_ids", chosen),
            rows.take("labels", chosen) if labelled else None,
            self.vocabulary,
            masking=self.masking,
            rng=None if labelled else self.sampler.rng(step),
            share=self.share,
            multiple=self.multiple,
        )
        return batch.to(self.device)


class TextFeed:
    """Batches of a text-to-text training, of one task or of several; as pure a function as `Feed`."""

    def __init__(
        self,
        sampler: Sampler | ConcatenatedSampler,
        rows: Mapping[Pair, Rows],
        tasks: Sequence[str],
        *,
        padding: int,
        device: torch.device,
        share: tuple[int, int] = (0, 1),
        multiple: int = MULTIPLE,
    ) -> None:
        """Read `rows` as `sampler` says; an example's task is given by its place in `tasks`."""
        self.sampler, self.rows = sampler, rows
        self.places = {task: place for place, task in enumerate(tasks)}
        self.padding, self.device, self.share, self.multiple = padding, device, share, multiple

    def __call__(self, step: int) -> TextBatch:
        """Return the batch of step `step`, called by its task or, where it has several, mixed."""
        drawn, chosen = self.sampler.batch(step)
        streams, place = (
            ([drawn], np.zeros(len(chosen), np.int64))
            if isinstance(drawn, Stream)
            else (self.sampler.streams, drawn)
        )
        present = np.unique(place)
        sources, targets = ([np.zeros(0, np.int32)] * len(chosen) for _ in range(2))
        # rows keep the order of the shuffle, in which processes share them
        for one in present:
            rows, where = self.rows[Pair(streams[one].task, streams[one].language)], np.flatnonzero(place == one)
            for side, column in ((sources, "input_ids"), (targets, "labels")):
                for i, pieces in zip(where, rows.take(column, chosen[where]), strict=True):
                    side[i] = pieces
        names = {streams[one].task for one in present}
        return collate_text(
            sources,
            targets,
            [self.places[streams[one].task] for one in place],
            padding=self.padding,
            task=names.pop() if len(names) == 1 else MIXED,
            language=streams[present[0]].language,
            share=self.share,
            multiple=self.multiple,
        ).to(self.device)
