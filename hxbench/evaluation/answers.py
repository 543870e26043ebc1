"""Answering the texts of a split with a trained method, and scoring what it wrote."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hxbench.encoding.batch import by_tokens, longest_first
from hxbench.encoding.rows import Rows
from hxbench.encoding.templates import PHA, Wording, label_texts, target_text
from hxbench.encoding.text_batch import collate_text
from hxbench.encoding.texts import labels_as_decoded, longest_label
from hxbench.evaluation.choosing import choose, spelled
from hxbench.evaluation.text_counts import example_counts, read
from hxbench.evaluation.text_metrics import metric_of_counts
from hxbench.methods.text_method import TextMethod
from hxbench.tasks import LANGUAGE, PET_TASKS, TextTask, right_answers, text_task


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
# PET scaling says how long a summary may be and not how long an answer, and nothing about beams. Its code
# generates at least 128 pieces, which no short answer needs.
UNSTATED = 32
CHOSEN = "chosen"  # the metric of labels chosen by likelihood: the task's own, of these answers


def decoding_of(task: TextTask) -> Decoding:
    """Return how free text of a task is searched for."""
    return DECODING.get(task.name) or Decoding(longest=PET_TASKS[task.name].max_answer or UNSTATED)


@dataclass(frozen=True)
class Answers:
    """Right and given answers of a split, one an example; `Marked`.

    Gold are the texts that were to be written: of STS-B the rounded scores, as in the published code. Of a
    question they are all right answers with a line feed between them. `labels` are the texts of the classes by id,
    none where they are the ids and PHA's code reads them.
    """

    task: str
    language: str
    gold: list[str]
    predicted: list[str]
    cut: int  # sources that were longer than the model reads
    labels: tuple[str, ...] = ()
    chosen: list[str] | None = None  # the most likely label of every example, where that was asked for

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Return the rows of the store, the metric that enters averages first, that of chosen labels last."""
        task = text_task(self.task)
        counts = np.array(list(self.sentence_counts()), dtype=np.int64)
        unreadable = self.unreadable
        chosen = []
        if self.chosen is not None:
            [first, *_] = replace(self, predicted=self.chosen, chosen=None).rows(split)
            chosen = [{**first, "metric": CHOSEN}]
        written = [
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
        return written + chosen

    @property
    def unreadable(self) -> int:
        """Number of answers that are no class, no number or, of free text, nothing at all."""
        task = text_task(self.task)
        free = task.kind == "generation"
        return sum(not text if free else read(task, text, self.labels) is None for text in self.predicted)

    def predictions(self) -> dict[str, list[Any]]:
        """Return the columns sentence, gold and predicted, a row an example: a text, or all right answers."""
        several = self.task == "nq"
        return {
            "sentence": list(range(len(self.gold))),
            "gold": [right_answers(text) if several else [text] for text in self.gold],
            "predicted": [[text] for text in self.predicted],
        }

    def sentence_counts(self) -> Iterator[tuple[int, int, int]]:
        """Yield the counts that every metric of the task is made of, as `text_counts` says."""
        return example_counts(text_task(self.task), self.gold, self.predicted, self.labels)


@dataclass
class AnswerData:
    """An encoded split with its right answers; read once, scored as often as needed."""

    task: TextTask
    place: int  # in the list of tasks that the method was built for
    rows: Rows
    gold: list[str]
    cut: int
    decoding: Decoding
    wording: Wording = PHA
    labels: tuple[str, ...] = ()  # of the classes by id, where they are not what PHA's code reads
    decoded: dict[str, str] = field(default_factory=dict)  # the labels by what the tokenizer makes of them
    choices: tuple[str, ...] = ()  # what the classes by id are called where a backbone chooses among them
    spelled: dict[str, list[int]] = field(default_factory=dict)  # the pieces of the labels of a task with classes

    @classmethod
    def of(
        cls,
        task: TextTask,
        corpus: Any,
        encoded: Any,
        tokenizer: Any,
        score_step: float,
        *,
        place: int,
        wording: Wording = PHA,
        choices: bool = False,
    ) -> "AnswerData":
        """Bring a corpus split and its encoded form together; `choices` are as in `encode_texts`.

        Raises `InputError` for labels that the tokenizer of a backbone that writes cannot tell apart.
        """
        if task.name == "nq":
            gold = list(corpus["target"])
        else:
            gold = [target_text(task, target, score_step, wording) for target in corpus["target"]]
        labels: tuple[str, ...] = ()
        if wording != PHA and task.kind == "classification":
            labels = label_texts(task, score_step, wording)
        rows, cut = Rows(encoded), int(np.sum(encoded["cut"]))
        if choices:
            called = label_texts(task, score_step, wording)
            return cls(task, place, rows, gold, cut, Decoding(longest=1), wording, labels, choices=called)
        if task.kind == "generation":
            decoding = decoding_of(task)
        else:
            decoding = Decoding(longest_label(tokenizer, task, score_step, wording))
        decoded = labels_as_decoded(tokenizer, labels) if labels else {}
        classes = label_texts(task, score_step, wording) if task.kind == "classification" else ()
        written = spelled(tokenizer, classes)
        return cls(task, place, rows, gold, cut, decoding, wording, labels, decoded, spelled=written)

    def read(self, text: str) -> str:
        """Return what an answer says.

        In PET's template it ends with its line or with an end mark, and a label is as the task has it, not as the
        tokenizer writes it.
        """
        if self.wording.template == "pet":
            text = text.partition("\n")[0].partition("</s>")[0]
        text = text.strip()
        return self.decoded.get(text, text)

    def texts(self, ids: Tensor, tokenizer: Any) -> list[str]:
        """Return what the answers [batch, length] say, pieces of text or, [batch, 1], the ids of classes."""
        if self.choices:
            return [self.choices[chosen] for [chosen] in ids.tolist()]
        texts = tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [self.read(text) for text in texts]


def answer(
    method: TextMethod,
    data: AnswerData,
    tokenizer: Any,
    batch_size: int,
    device: torch.device,
    *,
    beams: int | None = None,
    choosing: bool = False,
) -> Answers:
    """Answer every text of the split, in batches of similar length; `beams` overrides those of free text.

    Where a backbone chooses, a batch has no more tokens than `batch_size` texts of the greatest length; where it
    writes, a batch is that many texts, since what is written takes the memory.
    With `choosing` a model that writes is asked for the most likely label of a task with classes as well.

    Always in fp32, whatever precision the training had: in less, a score depends on the size of the batches.
    """
    how = data.decoding
    if beams is not None and data.task.kind == "generation":
        how = replace(how, beams=beams)
    lengths = data.rows.lengths
    predicted = [""] * len(lengths)
    chosen = [""] * len(lengths) if choosing and data.spelled else None
    method.eval()
    for rows in (
        by_tokens(lengths, batch_size, device) if data.choices else longest_first(lengths, lambda _: batch_size)
    ):
        batch = collate_text(
            data.rows.take("input_ids", rows),
            data.rows.take("labels", rows),
            [data.place] * len(rows),
            padding=tokenizer.pad_token_id,
            task=data.task.name,
            language=LANGUAGE,
        ).to(device)
        ids = method.generate(batch, how.longest, shortest=how.shortest, beams=how.beams)
        for row, text in zip(rows, data.texts(ids, tokenizer), strict=True):
            predicted[row] = text
        if chosen is not None:
            for row, text in zip(rows, choose(method, batch, data.spelled), strict=True):
                chosen[row] = text
    return Answers(data.task.name, LANGUAGE, data.gold, predicted, data.cut, data.labels, chosen)
