"""The encoded corpora of one text-to-text run."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch

from hxbench.backbones.load import Backbone
from hxbench.corpora.collection import Collection
from hxbench.encoding.rows import Rows
from hxbench.encoding.templates import Wording
from hxbench.encoding.text_batch import TextBatch, collate_text
from hxbench.encoding.texts import encode_texts
from hxbench.evaluation.answers import AnswerData, Answers, answer
from hxbench.evaluation.text_metrics import majority
from hxbench.methods.method import Method
from hxbench.methods.text_method import TextMethod
from hxbench.methods.text_to_text import TextToText
from hxbench.sampling import ConcatenatedSampler, Sampler, Stream, batches_a_pass
from hxbench.settings import Pair, model_tasks
from hxbench.spec import RunSpec
from hxbench.stages.data import drawn_sentences
from hxbench.stages.plan import Plan
from hxbench.stages.retrieval import write_retrieval
from hxbench.store import RunWriter
from hxbench.tasks import TEXT_TASKS
from hxbench.training.feed import TextFeed


class TextRunData:
    """The encoded corpora of a run on texts, as its backbone reads them and answers."""

    def __init__(self, spec: RunSpec, plan: Plan, corpora: Collection, backbone: Backbone) -> None:
        self.spec, self.plan, self.corpora = spec, plan, corpora
        self.tokenizer, self.choices = backbone.tokenizer, backbone.chooses
        tasks = model_tasks(spec.setting, spec.task, spec.suite)
        new = (spec.few_shot.task,) if spec.few_shot and spec.few_shot.task not in tasks else ()
        self.tasks = (*tasks, *new)  # a batch says by its place here what task a row is of
        self._answers: dict[tuple[Pair, str], AnswerData] = {}

    @cached_property
    def train(self) -> dict[Pair, Rows]:
        """The training examples of every task; of a few-shot run only those that it draws."""
        rows = {pair: Rows(self._encoded(pair, split)[1]) for pair, split in self.plan.train.items()}
        if shot := self.spec.few_shot:
            pair = Pair(shot.task, shot.language)
            chosen = drawn_sentences(pair, len(rows[pair]), shot.k, self.spec.seed, shot.draw)
            rows[pair] = rows[pair].only(np.sort(chosen))
        return rows

    def _encoded(self, pair: Pair, split: str) -> tuple[Any, Any]:
        corpus = self.corpora.load(*pair, split)
        data = self.spec.data
        return corpus, encode_texts(
            corpus,
            self.corpora.fingerprint(*pair, split),
            self.tokenizer,
            TEXT_TASKS[pair.task],
            max_length=data.max_length,
            score_step=data.score_step,
            wording=Wording.of(data),
            cut_at=data.cut_at,
            choices=self.choices,
        )

    def updates(self) -> int:
        """Return the number of updates: as given, or so many passes over the training examples."""
        training = self.spec.training
        if training.updates:
            return training.updates
        assert training.epochs is not None
        sizes = [len(rows) for rows in self.train.values()]
        together = training.batches == "concatenated"
        parts = [sizes] if together else [[size] for size in sizes]
        return math.ceil(training.epochs * sum(batches_a_pass(part, training.batch_size) for part in parts))

    def sampler(self) -> Sampler | ConcatenatedSampler:
        """Return which examples come at which step."""
        training = self.spec.training
        streams = [Stream(*pair, rows.lengths) for pair, rows in self.train.items()]
        if training.batches == "concatenated":
            return ConcatenatedSampler(
                streams, batch_size=training.batch_size, updates=self.updates(), seed=self.spec.seed
            )
        return Sampler(
            streams,
            batch_size=training.batch_size,
            updates=self.updates(),
            seed=self.spec.seed,
            temperature=training.temperature,
            draw=training.draw,
            bucket=training.bucket,
        )

    def feed(
        self, sampler: Sampler | ConcatenatedSampler, device: torch.device, share: tuple[int, int]
    ) -> Callable[[int], TextBatch]:
        """Return the batches of the training, of which this process takes its share."""
        padding, multiple = self.tokenizer.pad_token_id, self.spec.training.pad_to
        return TextFeed(
            sampler, self.train, self.tasks, padding=padding, device=device, share=share, multiple=multiple
        )

    def introduce(self, method: Method) -> dict[str, Any]:
        """Show a method that is tuned to a new task the examples it gets of it."""
        assert isinstance(method, TextMethod)
        if method.new_task is None:
            return {}
        assert isinstance(method, TextToText)
        [(pair, rows)] = self.train.items()
        method.eval()
        with torch.no_grad():
            return method.meet(method.encode(batch) for batch in self._batches(method, pair, rows))

    def _batches(self, method: Method, pair: Pair, rows: Rows) -> Iterator[TextBatch]:
        size, device = self.spec.training.eval_batch_size, next(method.parameters()).device
        task = self._place(pair.task)
        for start in range(0, len(rows), size):
            some = np.arange(start, min(start + size, len(rows)))
            batch = collate_text(
                rows.take("input_ids", some),
                rows.take("labels", some),
                [task] * len(some),
                padding=self.tokenizer.pad_token_id,
                task=pair.task,
            )
            yield batch.to(device)

    def _place(self, task: str) -> int:
        """Return the place of a task among the run's own; of one that the model is only applied to, any."""
        return self.tasks.index(task) if task in self.tasks else 0

    def score(self, method: Method, pair: Pair, split: str) -> Answers:
        """Return a split with what the method answers."""
        assert isinstance(method, TextMethod)
        if (pair, split) not in self._answers:
            task = TEXT_TASKS[pair.task]
            corpus, encoded = self._encoded(pair, split)
            self._answers[pair, split] = AnswerData.of(
                task,
                corpus,
                encoded,
                self.tokenizer,
                self.spec.data.score_step,
                place=self._place(pair.task),
                wording=Wording.of(self.spec.data),
                choices=self.choices,
            )
        training, device = self.spec.training, next(method.parameters()).device
        data = self._answers[pair, split]
        return answer(
            method,
            data,
            self.tokenizer,
            training.eval_batch_size,
            device,
            beams=training.beams,
            choosing=training.choose and split == "test",
        )

    def further_rows(self, method: Method, step: int, share: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """Yield what one would score who always gave the most frequent answer of the training set."""
        for pair in self.plan.test[share[0] :: share[1]]:
            task = TEXT_TASKS[pair.task]
            # of a task that it is only applied to, a run reads no training set
            if task.kind == "classification" and pair in self.plan.train:
                known = self.corpora.load(*pair, "train")["target"]
                gold = self.corpora.load(*pair, "test")["target"]
                row = {"split": "test", "task": pair.task, "language": pair.language, "metric": "majority"}
                yield {**row, "value": majority(task, known, gold), "step": 0, "role": "source"}

    def write_further(self, method: Method, writer: RunWriter) -> None:
        """Write what the retriever makes of texts of its tasks and of those it was never trained on."""
        spec = self.spec
        if getattr(method, "probes", ()) and spec.suite == "glue" and not spec.few_shot:
            pairs = dict.fromkeys((*self.plan.test, *self.plan.probes))
            texts = {pair: Rows(self._encoded(pair, "test")[1]) for pair in pairs}
            write_retrieval(writer, method, {p: self._batches(method, p, rows) for p, rows in texts.items()})
