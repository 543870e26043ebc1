"""What scores of text-to-text tasks are made of: three whole numbers an example, correct, predicted and gold.

What the numbers are depends on the task's metric:

- accuracy, matthews, f1: 1 or 0, the class that was predicted (-1 for no class), the class that is right;
- pearson, spearman: 0, both scores in thousandths;
- rouge2: bigrams in common, those of the prediction, those of the reference;
- bleu: each holds two numbers (`pair`): matches of words and of bigrams, words of the prediction and matches of
  trigrams, words of the reference and matches of four words.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from hxbench.tasks import TextTask

UNREADABLE = -1  # the class, or the score, of an answer that is none
HALF = 1 << 15  # two numbers below it fit into one of the store's 32 bits
# Tasks whose answers the published code reads as whole numbers; all others compare them as they are written.
_AS_NUMBERS = ("cola", "mrpc", "qqp")
_LARGEST = 1e6  # a score beyond it is taken for none: thousandths have to fit into 32 bits too


def example_counts(
    task: TextTask, gold: Sequence[str], predicted: Sequence[str]
) -> Iterator[tuple[int, int, int]]:
    """Yield correct, predicted and gold of every example.

    An answer that cannot be read is -1: wrong for accuracy, not the positive class for F1, a class of its own for
    Matthews correlation, and a score of -1 for STS-B.
    """
    if task.kind == "generation":
        yield from {"rouge2": _rouge2, "bleu": _bleu}[task.metric](gold, predicted)
        return
    unreadable = 1000 * UNREADABLE if task.kind == "regression" else UNREADABLE
    for right, given in zip(gold, predicted, strict=True):
        one, other = (unreadable if (found := read(task, text)) is None else found for text in (given, right))
        yield int(task.kind == "classification" and one == other), one, other


def read(task: TextTask, text: str) -> int | None:
    """Return the class that a text stands for, or its score in thousandths; None where it is neither.

    CoLA's, MRPC's and QQP's classes are read as whole numbers, as the published code does; those of others have to
    be written as they are, and a score may be any finite number. Raises `ValueError` for a task of free text.
    """
    if task.kind == "generation":
        raise ValueError(f"answers to {task.title} are texts, and nothing to be read")
    try:
        if task.kind == "regression":
            score = float(text)
            return round(1000 * score) if abs(score) <= _LARGEST else None  # NaN is not either
        known = [str(label) for label in range(len(task.labels))]
        return known.index(str(int(text)) if task.name in _AS_NUMBERS else text)
    except ValueError:
        return None


def pair(high: int, low: int) -> int:
    """Return two numbers as one; those of 2^15 and more, which no sentence has, become the largest."""
    return min(high, HALF - 1) * HALF + min(low, HALF - 1)


def _rouge2(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield what ROUGE-2 is made of: words cut and stemmed as `rouge_score` does it."""
    from rouge_score.tokenizers import DefaultTokenizer

    tokenizer = DefaultTokenizer(use_stemmer=True)

    def bigrams(text: str) -> Counter[tuple[str, str]]:
        words = tokenizer.tokenize(text)
        return Counter(itertools.pairwise(words))

    for right, answer in zip(gold, predicted, strict=True):
        there, found = bigrams(right), bigrams(answer)
        yield (there & found).total(), found.total(), there.total()


def _bleu(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield what BLEU is made of: words cut as `sacrebleu` does it by default (13a, case kept)."""
    from sacrebleu.metrics import BLEU

    bleu = BLEU(effective_order=True)  # or it warns of single sentences; the counts are the same
    for right, answer in zip(gold, predicted, strict=True):
        found = bleu.sentence_score(answer, [right])
        one, two, three, four = map(int, found.counts)
        yield pair(one, two), pair(found.sys_len, three), pair(found.ref_len, four)
