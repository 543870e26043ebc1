"""Answering the texts of a split with a trained method, and scoring what it wrote."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hxbench.encoding.rows import Rows
from hxbench.encoding.templates import target_text
from hxbench.encoding.text_batch import collate_text
from hxbench.encoding.texts import longest_label
from hxbench.evaluation.text_counts import example_counts, read
from hxbench.evaluation.text_metrics import metric_of_counts
from hxbench.methods.text_method import TextMethod
from hxbench.tasks import LANGUAGE, TextTask, text_task


@dataclass(frozen=True)
class Decoding:
    """How answers are searched for: their pieces, end mark included, at most and at least, and how many beams."""

    longest: int
    shortest: int = 0
    beams: int = 1


# Of free text (PHA, appendix C, and its code); a label is searched for greedily and is no longer than the longest.
DECODING = {
    "xsum": Decoding(longest=60, shortest=10, beams=6),
    "roen": Decoding(longest=300, beams=4),
    "enro": Decoding(longest=300, beams=4),
}


@dataclass(frozen=True)
class Answers:
    """Right and given answers of a split, one an example; `Marked`.

    Gold are the texts that were to be written: of STS-B the rounded scores, as in the published code.
    """

    task: str
    language: str
    gold: list[str]
    predicted: list[str]
    cut: int  # sources that were longer than the model reads

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Return the rows of the store, the metric that enters averages first.

        `unreadable` counts the answers that are no class, no number or, of free text, nothing at all.
        """
        task = text_task(self.task)
        counts = np.array(list(self.sentence_counts()), dtype=np.int64)
        free = task.kind == "generation"
        unreadable = sum(not text if free else read(task, text) is None for text in self.predicted)
        return [
            {
                "split": split,
                "task": self.task,
                "language": self.language,
                "metric": metric,
                "value": metric_of_counts(metric, counts),
                "sentences": len(self.gold),
                "cut": self.cut,
                "unreadable": unreadable,
            }
            for metric in (task.metric, *task.others)
        ]

    def predictions(self) -> dict[str, list[Any]]:
        """Return the columns sentence, gold and predicted, a row an example with one text each."""
        columns = {"gold": self.gold, "predicted": self.predicted}
        return {
            "sentence": list(range(len(self.gold))),
            **{name: [[text] for text in texts] for name, texts in columns.items()},
        }

    def sentence_counts(self) -> Iterator[tuple[int, int, int]]:
        """Yield the counts that every metric of the task is made of, as `text_counts` says."""
        return example_counts(text_task(self.task), self.gold, self.predicted)


@dataclass
class AnswerData:
    """An encoded split with its right answers; read once, scored as often as needed."""

    task: TextTask
    place: int  # in the list of tasks that the method was built for
    rows: Rows
    gold: list[str]
    cut: int
    decoding: Decoding

    @classmethod
    def of(
        cls, task: TextTask, corpus: Any, encoded: Any, tokenizer: Any, score_step: float, *, place: int
    ) -> "AnswerData":
        """Bring a corpus split and its encoded form together."""
        gold = [target_text(task, target, score_step) for target in corpus["target"]]
        decoding = DECODING.get(task.name) or Decoding(longest_label(tokenizer, task, score_step))
        return cls(task, place, Rows(encoded), gold, int(np.sum(encoded["cut"])), decoding)


def answer(
    method: TextMethod,
    data: AnswerData,
    tokenizer: Any,
    batch_size: int,
    device: torch.device,
    *,
    beams: int | None = None,
) -> Answers:
    """Answer every text of the split, in batches of similar length; `beams` overrides those of free text.

    Always in fp32, whatever precision the training had: in less, a score depends on the size of the batches.
    """
    how = data.decoding
    if beams is not None and data.task.kind == "generation":
        how = replace(how, beams=beams)
    order = np.argsort(-data.rows.lengths, kind="stable")
    predicted = [""] * len(order)
    method.eval()
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        batch = collate_text(
            data.rows.take("input_ids", rows),
            data.rows.take("labels", rows),
            [data.place] * len(rows),
            padding=tokenizer.pad_token_id,
            task=data.task.name,
            language=LANGUAGE,
        )
        ids = method.generate(batch.to(device), how.longest, shortest=how.shortest, beams=how.beams).tolist()
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for row, text in zip(rows, texts, strict=True):
            predicted[row] = text.strip()
    return Answers(data.task.name, LANGUAGE, data.gold, predicted, data.cut)
