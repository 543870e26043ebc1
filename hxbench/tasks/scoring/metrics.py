"""Span F1 and token accuracy, as percentages, from counts per sentence (Hyper-X, section 5)."""

from collections.abc import Sequence
from typing import NamedTuple

from hxbench.tasks import task_of

Labels = Sequence[Sequence[str]]


class Counts(NamedTuple):
    """What a score is made of: correct, predicted and gold spans; for accuracy right tokens and tokens twice."""

    correct: int
    predicted: int
    gold: int


def sentence_counts(task: str, gold: Sequence[str], predicted: Sequence[str]) -> Counts:
    """Return the counts of one sentence; NER spans are read as seqeval's default (non-strict) mode reads them."""
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} words")
    if task_of(task).metric == "accuracy":
        right = sum(g == p for g, p in zip(gold, predicted, strict=True))
        return Counts(right, len(gold), len(gold))
    from seqeval.metrics.sequence_labeling import get_entities

    true, found = set(get_entities(list(gold))), set(get_entities(list(predicted)))
    return Counts(len(true & found), len(found), len(true))


def score(task: str, gold: Labels, predicted: Labels) -> float:
    """Return span F1 (ner) or accuracy (pos) over all sentences, 0–100: 2·correct / (predicted + gold).

    That is micro F1, or accuracy where both are the number of tokens.
    """
    counts = [sentence_counts(task, g, p) for g, p in zip(gold, predicted, strict=True)]
    total = sum(one.predicted + one.gold for one in counts)
    return 200.0 * sum(one.correct for one in counts) / total if total else 0.0
