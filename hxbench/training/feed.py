"""Global batch t → this process's tensors."""

from collections.abc import Mapping

import torch

from hxbench.encoding.batch import Batch, collate
from hxbench.encoding.rows import Rows
from hxbench.encoding.vocabulary import Vocabulary
from hxbench.sampling import Sampler
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
    ) -> None:
        self.sampler, self.rows, self.vocabulary = sampler, rows, vocabulary
        self.masking, self.device, self.share = masking, device, share

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
        )
        return batch.to(self.device)
