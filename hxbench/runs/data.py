"""The encoded corpora of one run, as its backbone reads them and answers."""

import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch

from hxbench.answering import CausalText, answering_in
from hxbench.backbones.backbone import Backbone
from hxbench.data import Corpora
from hxbench.data.feed import Feed
from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream, batches_a_pass, probabilities, stream_key
from hxbench.data.texts import tokenised
from hxbench.methods.method import Method
from hxbench.runs.plan import Plan
from hxbench.runs.scored import Scored
from hxbench.runs.scoring import Split, TaggedSplit, TextSplit, batch_of, score_split
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.tasks import MLM, task_of
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.masking import vocabulary_of
from hxbench.tasks.encoding.rows import Rows, occurring
from hxbench.tasks.encoding.templates import Wording
from hxbench.tasks.scoring.text_metrics import majority


def drawn_examples(pair: Pair, size: int, k: int, seed: int, draw: int) -> np.ndarray:
    """Return the numbers of `k` of `size` examples, drawn at random whatever their labels (Hyper-X, App. D).

    The same for every method; of one draw, fewer examples are a part of more.
    """
    return np.random.default_rng([seed, draw, stream_key(*pair)]).permutation(size)[:k]


class RunData:
    """The encoded corpora of a run, and what a method is trained and scored with."""

    def __init__(self, spec: RunSpec, plan: Plan, corpora: Corpora, backbone: Backbone) -> None:
        self.spec, self.plan, self.corpora = spec, plan, corpora
        stacks = backbone.family.stacks
        kind = answering_in(spec, stacks) or CausalText  # of raw text alone no example is read
        self.tokenizer, self.chooses, self.form = backbone.tokenizer, not kind.writes, kind.form(stacks)
        self.vocabulary = vocabulary_of(self.tokenizer)
        shot = spec.few_shot
        new = (shot.task,) if shot and shot.task not in spec.tasks else ()
        self.tasks = (*spec.tasks, *new, MLM)  # a batch says by its place here what task a row is of
        self._used = plan.train | {Pair(MLM, code): "train" for code in plan.mlm}
        self._splits: dict[tuple[Pair, str], Split] = {}

    @cached_property
    def train(self) -> dict[Pair, Rows]:
        """The training examples of every stream; of a few-shot run only those that it draws."""
        rows = {pair: Rows(self.encoded(pair, split)[1]) for pair, split in self._used.items()}
        if shot := self.spec.few_shot:
            pair = Pair(shot.task, shot.language)
            corpus, encoded = self.encoded(pair, "train")
            chosen = drawn_examples(pair, len(corpus), shot.k, self.spec.seed, shot.draw)
            # a long sentence is several rows
            by_row = "sentence" in encoded.column_names
            example = encoded.data.table.column("sentence").to_numpy() if by_row else np.arange(len(encoded))
            rows[pair] = rows[pair].only(np.flatnonzero(np.isin(example, chosen)))
        return rows

    def encoded(self, pair: Pair, split: str) -> tuple[Any, Any]:
        """Return a corpus split and its tokenised form."""
        return tokenised(self.corpora, pair, split, self.tokenizer, self.spec.data, form=self.form)

    def feed(self, sampler: Sampler | ConcatenatedSampler, device: torch.device, share: tuple[int, int]) -> Feed:
        """Return the batches of the training, of which this process takes its share."""
        training = self.spec.training
        return Feed(
            sampler, self.train, self.tasks, self.vocabulary, masking=training.mlm_masking, device=device,
            share=share, multiple=training.pad_to,
        )  # fmt: skip

    def sampler(self) -> Sampler | ConcatenatedSampler:
        """Return which examples come at which step; it knows the number of `updates`."""
        training = self.spec.training
        streams = [Stream(*pair, rows.lengths) for pair, rows in self.train.items()]
        length = {"batch_size": training.batch_size, "updates": self.updates(), "seed": self.spec.seed}
        if training.batches == "concatenated":
            return ConcatenatedSampler(streams, **length)
        return Sampler(
            streams, **length, temperature=training.temperature, draw=training.draw, bucket=training.bucket
        )

    def updates(self) -> int:
        """Return the number of updates: as given, or so many passes over the labelled examples."""
        training = self.spec.training
        if training.updates and training.match_labelled:
            counted = (self.encoded(Pair(MLM, code), "train")[1] for code in self.plan.counted)
            with_all = self._labelled_share(counted)
            ours = self._labelled_share(rows for (task, _), rows in self.train.items() if task == MLM)
            return max(1, round(training.updates * with_all / ours))
        if training.updates:
            return training.updates
        assert training.epochs is not None
        sizes = [len(rows) for rows in self._labelled()]
        parts = [sizes] if training.batches == "concatenated" else [[size] for size in sizes]
        return math.ceil(training.epochs * sum(batches_a_pass(part, training.batch_size) for part in parts))

    def _labelled(self) -> list[Rows]:
        return [rows for (task, _), rows in self.train.items() if task != MLM]

    def _labelled_share(self, texts: Iterable[Any]) -> float:
        """Return the share of updates that are labelled ones when `texts` are trained on beside them."""
        size = self.spec.training.batch_size
        labelled = [batches_a_pass([len(rows)], size) for rows in self._labelled()]
        counts = labelled + [batches_a_pass([len(text)], size) for text in texts]
        return float(probabilities(counts, self.spec.training.temperature)[: len(labelled)].sum())

    def introduce(self, method: Method) -> dict[str, Any]:
        """Show a method, before it is trained, what it has to know of the data; return facts for provenance.

        That is which tokens occur, where it models language among these alone, and the examples of a new task.
        """
        if self.spec.training.mlm_vocabulary == "occurring" and self.plan.mlm and method.masked_lm:
            tokens = occurring(rows for (task, _), rows in self.train.items() if task == MLM)
            method.masked_lm.choose_among(torch.from_numpy(tokens))
            return {"mlm_vocabulary": len(tokens)}
        if method.new_task is None:
            return {}
        [(pair, rows)] = self.train.items()
        method.eval()
        with torch.no_grad():
            return method.meet(method.encode(batch) for batch in self.batches(method, pair, rows))

    def batches(self, method: Method, pair: Pair, rows: Rows) -> Iterator[Batch]:
        """Yield the rows of one task of texts, on the method's device, in their order."""
        size, device = self.spec.training.eval_batch_size, next(method.parameters()).device
        for start in range(0, len(rows), size):
            some = np.arange(start, min(start + size, len(rows)))
            task, language = task_of(pair.task), pair.language
            yield batch_of(rows, some, task, language, self._place(pair.task), self.vocabulary.pad).to(device)

    def _place(self, task: str) -> int:
        """Return the place of a task among the run's own; of one that the model is only applied to, any."""
        return self.tasks.index(task) if task in self.tasks else 0

    def split(self, pair: Pair, split: str) -> Split:
        """Return a split ready to be scored; read once."""
        if (pair, split) not in self._splits:
            data, training = self.spec.data, self.spec.training
            corpus, encoded = self.encoded(pair, split)
            place = self._place(pair.task)
            found: Split
            if task_of(pair.task).answers_texts:
                unasked = training.choose is True and split != "test"  # which beside the answers costs time
                found = TextSplit.of(
                    *pair, corpus, encoded, self.tokenizer, score_step=data.score_step, wording=Wording.of(data),
                    chooses=self.chooses, choose=not unasked and training.choose,
                    beams=training.beams, place=place,
                )  # fmt: skip
            else:
                found = TaggedSplit.of(
                    *pair, corpus, encoded, padding=self.vocabulary.pad, place=place, cut_words=data.cut_words
                )
            self._splits[pair, split] = found
        return self._splits[pair, split]

    def score(self, method: Method, pair: Pair, split: str) -> Scored:
        """Return a split with what the method answers."""
        device = next(method.parameters()).device
        return score_split(method, self.split(pair, split), self.spec.training.eval_batch_size, device)

    def majorities(self, share: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """Yield what one would score who always gave the most frequent answer of the training set, as rows.

        Of a task that it is only applied to, a run reads no training set. `share` = (rank, world) does a part.
        """
        for pair in self.plan.test[share[0] :: share[1]]:
            if (task := task_of(pair.task)).has_classes and pair in self.plan.train:
                known = self.corpora.load(*pair, "train")["target"]
                gold = self.corpora.load(*pair, "test")["target"]
                row = {"split": "test", "task": pair.task, "language": pair.language, "metric": "majority"}
                yield {**row, "value": majority(task, known, gold), "step": 0, "role": "source"}
