"""Encoded splits with their right answers, and scoring them with a trained method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from hxbench.data.texts import labels_as_decoded, longest_label
from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.runs.scored import Scored
from hxbench.spec.run_spec import Choice
from hxbench.tasks import Decoding, Task, right_answers, task_of
from hxbench.tasks.encoding.batch import Batch, by_tokens, collate, longest_first
from hxbench.tasks.encoding.classes import THOUSAND
from hxbench.tasks.encoding.rows import Rows
from hxbench.tasks.encoding.templates import PHA, Wording, label_texts, target_text
from hxbench.tasks.encoding.tokenizing import tokens_of

# PET scaling says how long a summary may be and not how long an answer, and nothing about beams. Its code
# generates at least 128 tokens, which no short answer needs.
UNSTATED = 32
A = TypeVar("A")


def score_split(method: Method, split: "Split", batch_size: int, device: torch.device) -> Scored:
    """Return a split with the answers of a method to every row of it (`answer_split`)."""
    return split.scored(answer_split(method, split, batch_size, device, split.answers))


def answer_split(
    method: Method,
    split: "Split",
    batch_size: int,
    device: torch.device,
    answers_of: Callable[[Method, Batch], list[list[A]]],
) -> list[list[A]]:
    """Return what `answers_of` makes of every row of a split, in batches of similar length.

    A batch has no more tokens than `batch_size` rows of the greatest length; where answers are written, which then
    take the memory, it has that many rows.
    Always in fp32, whatever precision the training had: in less, a score depends on the size of the batches.
    """
    lengths = split.rows.lengths
    answers: list[list[A]] = [[]] * len(lengths)
    batches = (
        longest_first(lengths, lambda _: batch_size) if split.writes else by_tokens(lengths, batch_size, device)
    )
    method.eval()
    with torch.no_grad(), method.keeping_weights():
        for rows in batches:
            found = answers_of(method, split.batch(rows).to(device))
            for row, answer in zip(rows, found, strict=True):
                answers[row] = answer
    return answers


def batch_of(rows: Rows, chosen: np.ndarray, task: Task, language: str, place: int, padding: int) -> Batch:
    """Return the batch of some rows of a task, whose place in the run's list is `place`."""
    return collate(
        rows.take("input_ids", chosen), rows.take("labels", chosen), padding=padding,
        by_token=task.type == "tagging", task=task.name, language=language, tasks=[place] * len(chosen),
    )  # fmt: skip


@dataclass
class TaggedSplit:
    """Sentences whose words are tagged; a long one may be several rows."""

    task: Task
    language: str
    rows: Rows
    sentence: np.ndarray  # [rows], sentence of the row
    first_word: np.ndarray  # [rows], first word of the row in that sentence
    gold: list[list[str]]
    padding: int
    place: int = 0  # of the task in the run's list
    writes: bool = False
    cut_words: Literal["wrong", "unscored"] = "wrong"  # of words that truncation has cut off

    @classmethod
    def of(cls, task: str, language: str, corpus: Any, encoded: Any, **others: Any) -> "TaggedSplit":
        """Bring a corpus split and its encoded form together."""
        names = task_of(task).labels
        gold = [[names[tag] for tag in tags] for tags in corpus.data.table.column("tags").to_pylist()]
        table = encoded.data.table
        sentence, first_word = (table.column(name).to_numpy() for name in ("sentence", "first_word"))
        return cls(task_of(task), language, Rows(encoded), sentence, first_word, gold, **others)

    def batch(self, rows: np.ndarray) -> Batch:
        """Return the batch of these rows."""
        return batch_of(self.rows, rows, self.task, self.language, self.place, self.padding)

    def answers(self, method: Method, batch: Batch) -> list[list[str]]:
        """Return the tags of every row's words."""
        tags = method.generate(batch).cpu().numpy()
        assert batch.positions is not None
        owner = batch.positions.cpu().numpy() // batch.input_ids.shape[1]
        return [[self.task.labels[tag] for tag in tags[owner == i]] for i in range(len(batch.input_ids))]

    def scored(self, answers: Sequence[list[str]]) -> Scored:
        """Return the sentences with their tags; words that were cut off are misses, or left out of the score."""
        predicted: list[list[str | None]] = [[None] * len(tags) for tags in self.gold]
        for tags, sentence, first in zip(answers, self.sentence, self.first_word, strict=True):
            predicted[sentence][first : first + len(tags)] = tags
        cut, gold = sum(word is None for words in predicted for word in words), self.gold
        if self.cut_words == "unscored":
            gold = [
                [right for right, word in zip(tags, words, strict=True) if word is not None]
                for tags, words in zip(gold, predicted, strict=True)
            ]
            predicted = [[word for word in words if word is not None] for words in predicted]
        filled = [[word or self.task.cut_off for word in words] for words in predicted]
        return Scored(self.task.name, self.language, gold, filled, cut)


@dataclass(frozen=True)
class Labels:
    """The labels of a task among which the likeliest is chosen, in the place of writing or beside it.

    By the text of PET scaling a model that writes scores 0 by guessing; its Figure 7 has scores that only a choice
    among labels could have given. With both answers each can be compared with the paper's.
    """

    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]  # as the model would have to write each, its end token included
    normalised: bool = False  # by the mean over a label's tokens, and not by their sum

    @classmethod
    def of(cls, tokenizer: Any, texts: Sequence[str], *, normalised: bool = False) -> Self:
        """Return labels by their texts; `InputError` for two that have the same tokens."""
        tokens = tuple((*ids, tokenizer.eos_token_id) for ids in tokens_of(tokenizer, list(texts)))
        for place, ids in enumerate(tokens):
            if (first := tokens.index(ids)) < place:
                raise InputError(
                    f"the backbone's tokenizer cannot tell these labels apart: {texts[first]}, {texts[place]}."
                )
        return cls(tuple(texts), tokens, normalised)

    @torch.no_grad()
    def scores(self, method: Method, batch: Batch) -> Tensor:
        """Return what the labels are chosen by, [batch, labels]: log p of their tokens, the sum or the mean."""
        found = method.likelihoods(batch, self.tokens)
        return found / found.new_tensor(list(map(len, self.tokens))) if self.normalised else found

    def chosen(self, method: Method, batch: Batch) -> list[str]:
        """Return the label with the greatest score of every row, of equal ones the first."""
        return [self.texts[place] for place in self.scores(method, batch).argmax(1).tolist()]

    def probabilities(self, method: Method, batch: Batch) -> list[list[float]]:
        """Return the share of every label among all of them, for every row: the softmax over their scores."""
        shares: list[list[float]] = self.scores(method, batch).double().softmax(1).tolist()
        return shares


def labels_of(tokenizer: Any, task: Task, score_step: float, wording: Wording, choose: Choice) -> Labels | None:
    """Return what a run chooses among on a task; None where it does not choose, or the task has no labels."""
    texts = label_texts(task, score_step, wording) if choose else ()
    return Labels.of(tokenizer, texts, normalised=choose == "normalised") if texts else None


@dataclass
class TextSplit:
    """Texts that are answered as a whole."""

    task: Task
    language: str
    rows: Rows
    gold: list[list[str]]
    cut: int
    tokenizer: Any
    decoding: Decoding
    chooses: bool = False  # whether a backbone chooses among classes or gives a number, and writes nothing
    place: int = 0  # of the task in the run's list
    wording: Wording = PHA
    classes: tuple[str, ...] = ()  # what the classes by id are called
    decoded: dict[str, str] = field(default_factory=dict)  # these by what the tokenizer makes of them
    labels: Labels | None = None  # what is chosen among by likelihood
    beside: bool = False  # whether that is done beside writing, and not in its place

    @classmethod
    def of(
        cls,
        task: str,
        language: str,
        corpus: Any,
        encoded: Any,
        tokenizer: Any,
        *,
        score_step: float,
        wording: Wording = PHA,
        chooses: bool = False,
        choose: Choice = False,
        beams: int | None = None,
        place: int = 0,
    ) -> "TextSplit":
        """Bring a corpus split and its encoded form together.

        `chooses` says that the backbone chooses among classes, `choose` how one that writes answers where there
        are labels; `beams` overrides those of free text. Raises `InputError` for labels that the tokenizer of a
        backbone that writes cannot tell apart.
        """
        known = task_of(task)
        if known.several_answers:
            gold = [right_answers(target) for target in corpus["target"]]
        elif known.scores:  # a user's own are compared as they are, and rounded where they are to be written
            gold = [[target] for target in corpus["target"]]
        else:
            gold = [[target_text(known, target, score_step, wording)] for target in corpus["target"]]
        classes = label_texts(known, score_step, wording) if known.has_classes else ()
        decoding = Decoding(longest=1)
        if known.type == "generation":
            decoding = known.decoding or Decoding(longest=known.longest_answer or UNSTATED)
            decoding = decoding if beams is None else decoding.model_copy(update={"beams": beams})
        elif not chooses:
            decoding = Decoding(longest=longest_label(tokenizer, known, score_step, wording))
        labels = None if chooses else labels_of(tokenizer, known, score_step, wording, choose)
        written = not chooses and (labels is None or choose is True)
        return cls(
            known, language, Rows(encoded), gold, int(np.sum(encoded["cut"])), tokenizer, decoding, chooses, place,
            wording, classes,
            labels_as_decoded(tokenizer, classes) if classes and wording != PHA and written else {},
            labels, choose is True,
        )  # fmt: skip

    @property
    def writes(self) -> bool:
        """Whether answers are tokens, whose keys and values take memory, and not given by a head."""
        return not self.chooses

    def batch(self, rows: np.ndarray) -> Batch:
        """Return the batch of these rows."""
        return batch_of(self.rows, rows, self.task, self.language, self.place, self.tokenizer.pad_token_id)

    def answers(self, method: Method, batch: Batch) -> list[list[str]]:
        """Return one text for every row; with the most likely label behind it, where both are asked for."""
        if self.labels and not self.beside:
            return [[label] for label in self.labels.chosen(method, batch)]
        how = self.decoding
        ids = method.generate(batch, how.longest, shortest=how.shortest, beams=how.beams)
        found = [[text] for text in self.texts(ids)]
        if self.labels:
            return [[*text, label] for text, label in zip(found, self.labels.chosen(method, batch), strict=True)]
        return found

    def scored(self, answers: Sequence[list[str]]) -> Scored:
        """Return the texts with their answers."""
        given, likely = [text[:1] for text in answers], [text[1:] for text in answers]
        chosen = likely if self.labels and self.beside else None
        labels = () if self.wording == PHA else self.classes  # the ids are read as PHA's code does
        return Scored(self.task.name, self.language, self.gold, given, self.cut, labels, chosen)

    def read(self, text: str) -> str:
        """Return what an answer says.

        In PET's template it ends with its line or with an end mark, and a label is as the task has it, not as the
        tokenizer writes it.
        """
        if self.wording.template == "pet":
            text = text.partition("\n")[0].partition("</s>")[0]
        text = text.strip()
        return self.decoded.get(text, text)

    def texts(self, ids: Tensor) -> list[str]:
        """Return what the answers say: tokens [batch, length], or the ids of classes [batch, 1]."""
        if self.chooses and self.classes:
            return [self.classes[chosen] for [chosen] in ids.tolist()]
        if self.chooses:
            return [f"{number / THOUSAND:.3f}" for [number] in ids.tolist()]
        decode = self.tokenizer.batch_decode
        texts = decode(ids.tolist(), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return [self.read(text) for text in texts]


Split = TaggedSplit | TextSplit  # read once, scored as often as needed
