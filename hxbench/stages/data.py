"""The encoded corpora of one run."""

import math
from functools import cached_property
from typing import Any

from hxbench.corpora.load import Corpora
from hxbench.encoding.rows import Rows
from hxbench.encoding.tokens import encode
from hxbench.encoding.vocabulary import vocabulary_of
from hxbench.evaluation.tagging import TaggingData
from hxbench.methods.method import MLM
from hxbench.sampling import Sampler, Stream
from hxbench.settings import Pair
from hxbench.spec import RunSpec
from hxbench.stages.plan import Plan


class RunData:
    """The encoded corpora of a run."""

    def __init__(self, spec: RunSpec, plan: Plan, corpora: Corpora, tokenizer: Any) -> None:
        self.spec, self.corpora, self.tokenizer = spec, corpora, tokenizer
        self.vocabulary = vocabulary_of(tokenizer)
        self._used = plan.train | {Pair(MLM, code): "train" for code in plan.mlm}

    @cached_property
    def train(self) -> dict[Pair, Rows]:
        """The training examples of every stream."""
        return {pair: Rows(self._encoded(pair, split)[1]) for pair, split in self._used.items()}

    def _encoded(self, pair: Pair, split: str) -> tuple[Any, Any]:
        corpus = self.corpora.load(*pair, split)
        fingerprint = self.corpora.fingerprint(*pair, split)
        data = self.spec.data
        return corpus, encode(
            corpus, fingerprint, self.tokenizer, max_length=data.max_length, overflow=data.overflow
        )

    def tagging(self, pair: Pair, split: str) -> TaggingData:
        """Return a split ready to be scored."""
        return TaggingData.of(*pair, *self._encoded(pair, split))

    def updates(self) -> int:
        """Return the number of updates: as given, or so many passes over the labelled batches."""
        training = self.spec.training
        if training.updates:
            return training.updates
        assert training.epochs is not None
        labelled = [r for (task, _), r in self.train.items() if task != MLM]
        return math.ceil(training.epochs * sum(math.ceil(len(r) / training.batch_size) for r in labelled))

    def sampler(self) -> Sampler:
        """Return the sampler over all training streams."""
        training = self.spec.training
        return Sampler(
            [Stream(*pair, rows.lengths) for pair, rows in self.train.items()],
            batch_size=training.batch_size,
            updates=self.updates(),
            seed=self.spec.seed,
            temperature=training.temperature,
            draw=training.draw,
        )
