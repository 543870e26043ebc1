"""The encoded corpora of one run on tagging tasks."""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import torch

from hxbench.corpora.collection import Collection
from hxbench.encoding.rows import Rows, occurring
from hxbench.encoding.tokens import encode
from hxbench.encoding.vocabulary import vocabulary_of
from hxbench.evaluation.tagging import Tagged, TaggingData, tag
from hxbench.methods.method import MLM, Method
from hxbench.methods.tagging import TaggingMethod
from hxbench.sampling import Sampler, Stream, probabilities, stream_key
from hxbench.settings import Pair
from hxbench.spec import RunSpec
from hxbench.stages.plan import Plan
from hxbench.training.feed import Feed


def drawn_sentences(pair: Pair, size: int, k: int, seed: int, draw: int) -> np.ndarray:
    """Return the numbers of `k` of `size` sentences, drawn at random whatever their labels (Hyper-X, App. D).

    The same for every method; of one draw, fewer sentences are a part of more.
    """
    return np.random.default_rng([seed, draw, stream_key(*pair)]).permutation(size)[:k]


class RunData:
    """The encoded corpora of a run."""

    def __init__(self, spec: RunSpec, plan: Plan, corpora: Collection, tokenizer: Any) -> None:
        self.spec, self.plan, self.corpora, self.tokenizer = spec, plan, corpora, tokenizer
        self.vocabulary = vocabulary_of(tokenizer)
        self._used = plan.train | {Pair(MLM, code): "train" for code in plan.mlm}
        self._counted = [Pair(MLM, code) for code in plan.counted]
        self._tagging: dict[tuple[Pair, str], TaggingData] = {}

    @cached_property
    def train(self) -> dict[Pair, Rows]:
        """The training examples of every stream; of a few-shot run only those of its sentences."""
        rows = {pair: Rows(self._encoded(pair, split)[1]) for pair, split in self._used.items()}
        if shot := self.spec.few_shot:
            pair = Pair(shot.task, shot.language)
            corpus, encoded = self._encoded(pair, "train")
            chosen = drawn_sentences(pair, len(corpus), shot.k, self.spec.seed, shot.draw)
            sentence = encoded.data.table.column("sentence").to_numpy()
            rows[pair] = rows[pair].only(np.flatnonzero(np.isin(sentence, chosen)))
        return rows

    def _encoded(self, pair: Pair, split: str) -> tuple[Any, Any]:
        corpus = self.corpora.load(*pair, split)
        fingerprint = self.corpora.fingerprint(*pair, split)
        data = self.spec.data
        return corpus, encode(
            corpus, fingerprint, self.tokenizer, max_length=data.max_length, overflow=data.overflow,
            label_token=data.label_token,
        )  # fmt: skip

    def tagging(self, pair: Pair, split: str) -> TaggingData:
        """Return a split ready to be scored; read once."""
        if (pair, split) not in self._tagging:
            self._tagging[pair, split] = TaggingData.of(*pair, *self._encoded(pair, split))
        return self._tagging[pair, split]

    def score(self, method: Method, pair: Pair, split: str) -> Tagged:
        """Return a split with its tags as the method predicts them."""
        assert isinstance(method, TaggingMethod)
        size, device = self.spec.training.eval_batch_size, next(method.parameters()).device
        cut_words = self.spec.data.cut_words
        return tag(method, self.tagging(pair, split), self.vocabulary, size, device, cut_words=cut_words)

    def feed(self, sampler: Sampler, device: torch.device, share: tuple[int, int]) -> Feed:
        """Return the batches of the training, of which this process takes its share."""
        training = self.spec.training
        return Feed(
            sampler, self.train, self.vocabulary, masking=training.mlm_masking, device=device, share=share,
            multiple=training.pad_to,
        )  # fmt: skip

    def mlm_tokens(self) -> np.ndarray:
        """Return the ids of all pieces of the running text that is trained on, in ascending order."""
        return occurring(rows for (task, _), rows in self.train.items() if task == MLM)

    def updates(self) -> int:
        """Return the number of updates: as given, or so many passes over the labelled batches."""
        training = self.spec.training
        if training.updates and training.match_labelled:
            with_all = self._labelled_share(self._encoded(pair, "train")[1] for pair in self._counted)
            ours = self._labelled_share(rows for (task, _), rows in self.train.items() if task == MLM)
            return max(1, round(training.updates * with_all / ours))
        if training.updates:
            return training.updates
        assert training.epochs is not None
        return math.ceil(training.epochs * sum(self._batches(r) for r in self._labelled()))

    def _labelled(self) -> list[Rows]:
        return [rows for (task, _), rows in self.train.items() if task != MLM]

    def _batches(self, rows: Rows | Any) -> int:
        return math.ceil(len(rows) / self.spec.training.batch_size)

    def _labelled_share(self, texts: Iterable[Any]) -> float:
        """Return the share of updates that are labelled ones when `texts` are trained on beside them."""
        labelled = [self._batches(rows) for rows in self._labelled()]
        counts = labelled + [self._batches(text) for text in texts]
        return float(probabilities(counts, self.spec.training.temperature)[: len(labelled)].sum())

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
            bucket=training.bucket,
        )
