"""A split with the right and the given answers, and what is stored of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hxbench.tasks import APART, task_of
from hxbench.tasks.scoring import bootstrap
from hxbench.tasks.scoring.metrics import score, sentence_counts
from hxbench.tasks.scoring.text_counts import example_counts, read
from hxbench.tasks.scoring.text_metrics import metric_of_counts, resampled

CHOSEN = "chosen"  # the metric of labels chosen by likelihood: the task's own, of these answers


@dataclass(frozen=True)
class Scored:
    """Gold and predicted labels of one split of one (task, language) pair, a list an example.

    Of a sentence whose words are tagged it has the label of every word. Of a text gold are all right answers as
    they were to be written, STS-B's scores rounded as in the published code, and predicted is the one given.
    """

    task: str
    language: str
    gold: list[list[str]]
    predicted: list[list[str]]
    cut: int = 0  # words that truncation cut off, for which `cut_off` is predicted, or texts that were cut
    labels: tuple[str, ...] = ()  # the texts of the classes by id; none where the ids are read as PHA's code does
    chosen: list[list[str]] | None = None  # the most likely label of every text, where that was asked for

    @property
    def by_word(self) -> bool:
        """Whether words are tagged."""
        return task_of(self.task).type == "tagging"

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Return the scores as rows of the store, a metric each and the one that enters averages first.

        Every row has split, task, language, metric, value (0–100, or −100–100 of a correlation) and sentences, the
        number of examples. That of labels chosen by likelihood comes last.
        """
        task = task_of(self.task)
        where = {"split": split, "task": self.task, "language": self.language}
        if self.by_word:
            words = {"words": sum(map(len, self.gold)), "words_cut": self.cut}
            value = score(self.task, self.gold, self.predicted)
            return [{**where, "metric": task.metric, "value": value, "sentences": len(self.gold), **words}]
        counts = np.array(list(self.sentence_counts()), dtype=np.int64)
        texts = {"sentences": len(self.gold), "cut": self.cut, "unreadable": self.unreadable}
        found = [
            {**where, "metric": metric, "value": metric_of_counts(metric, counts), **texts}
            for metric in task.metrics
        ]
        if self.chosen is not None:
            found.append({**replace(self, predicted=self.chosen, chosen=None).rows(split)[0], "metric": CHOSEN})
        return found

    def intervals(self) -> dict[str, tuple[float, float]]:
        """Return the ends of the interval of each metric over examples, drawn as reports draw them."""
        task = task_of(self.task)
        counts = np.array(list(self.sentence_counts()), dtype=np.int64)
        drawn = bootstrap.draws(f"{self.task}-{self.language}", len(counts))
        if self.by_word:
            return {task.metric: bootstrap.interval([bootstrap.scores(counts, drawn)])}
        return {metric: bootstrap.interval([resampled(metric, counts, drawn)]) for metric in task.metrics}

    @property
    def unreadable(self) -> int:
        """Number of answers to texts that are no class, no number or, of free text, nothing at all."""
        task = task_of(self.task)
        free = task.type == "generation"
        return sum(not text if free else read(task, text, self.labels) is None for [text] in self.predicted)

    def predictions(self) -> dict[str, list[Any]]:
        """Return the columns sentence (its number), gold and predicted (lists of strings), a row an example."""
        return {"sentence": list(range(len(self.gold))), "gold": self.gold, "predicted": self.predicted}

    def sentence_counts(self) -> Iterator[tuple[int, int, int]]:
        """Yield correct, predicted and gold of every example, of which the score is made as its metric has it.

        Of tagged words they are spans, or for accuracy right words and words twice.
        """
        if self.by_word:
            for gold, predicted in zip(self.gold, self.predicted, strict=True):
                yield sentence_counts(self.task, gold, predicted)
            return
        gold_texts, given = [APART.join(right) for right in self.gold], [text for [text] in self.predicted]
        yield from example_counts(task_of(self.task), gold_texts, given, self.labels)
