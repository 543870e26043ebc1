"""What scores of text-to-text tasks are made of: three whole numbers an example, correct, predicted and gold.

What the numbers are depends on the task's metric:

- accuracy, matthews, f1, macro_f1: 1 or 0, the class that was predicted (-1 for no class), the one that is right;
- pearson, spearman: 0, both scores in thousandths;
- rouge2: bigrams in common, those of the prediction, those of the reference;
- rougel: words of the longest common subsequence, those of the prediction, those of the reference;
- squad_f1, exact_match: the first holds two numbers (`pair`): 1 or 0, whether the prediction is one of the right
  answers, and the words it has in common with the closest of them; then its words and those of that answer;
- bleu: each holds two numbers (`pair`): matches of words and of bigrams, words of the prediction and matches of
  trigrams, words of the reference and matches of four words.
"""

import itertools
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence

from hxbench.tasks import Task, right_answers

UNREADABLE = -1  # the class of an answer that is none
HALF = 1 << 15  # two numbers below it fit into one of the store's 32 bits
# Tasks whose answers the published code reads as whole numbers; all others compare them as they are written.
_AS_NUMBERS = ("cola", "mrpc", "qqp")
_NO_MARKS = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_LARGEST = 1e6  # a score beyond it is taken for none: thousandths have to fit into 32 bits too


def example_counts(
    task: Task, gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str] = ()
) -> Iterator[tuple[int, int, int]]:
    """Yield correct, predicted and gold of every example.

    Of a question `gold` has all right answers. An answer that cannot be read is -1: wrong for accuracy, not the
    positive class for F1, a class of its own for Matthews correlation, and a score of -1 for STS-B
    (`Scores.unread`).
    """
    if task.type == "generation":
        makers = {"rouge2": _rouge2, "rougel": _rouge_l, "bleu": _bleu, "squad_f1": _squad}
        yield from makers[task.metric](gold, predicted)
        return
    unreadable = task.scale.unread() if task.type == "regression" else UNREADABLE
    for right, given in zip(gold, predicted, strict=True):
        one, other = (
            unreadable if (found := read(task, text, labels)) is None else found for text in (given, right)
        )
        yield int(task.type == "classification" and one == other), one, other


def read(task: Task, text: str, labels: Sequence[str] = ()) -> int | None:
    """Return the class that a text stands for, or its score in thousandths; None where it is neither.

    With `labels`, the texts of the classes by id, it has to be one of them. Without any, CoLA's, MRPC's and QQP's
    classes are read as whole numbers, as the published code does; those of others have to be written as they are.
    """
    if task.type == "generation":
        raise ValueError(f"answers to {task.title} are texts, and nothing to be read")
    try:
        if task.type == "regression":
            score = float(text)
            return round(1000 * score) if abs(score) <= _LARGEST else None  # NaN is not either
        if labels:
            return list(labels).index(text)
        known = [str(label) for label in range(len(task.labels))]
        return known.index(str(int(text)) if task.name in _AS_NUMBERS else text)
    except ValueError:
        return None


def pair(high: int, low: int) -> int:
    """Return two numbers as one; those of 2^15 and more, which no sentence has, become the largest."""
    return min(high, HALF - 1) * HALF + min(low, HALF - 1)


def _stems(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the words of every text, cut and stemmed as `rouge_score` does it."""
    from rouge_score.tokenizers import DefaultTokenizer

    return map(DefaultTokenizer(use_stemmer=True).tokenize, texts)


def _rouge2(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    for words in zip(_stems(gold), _stems(predicted), strict=True):
        there, found = (Counter(itertools.pairwise(side)) for side in words)
        yield (there & found).total(), found.total(), there.total()


def _rouge_l(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield what ROUGE-L is made of, for whole texts and not sentence by sentence (Lin 2004)."""
    for there, found in zip(_stems(gold), _stems(predicted), strict=True):
        yield common_subsequence(there, found), len(found), len(there)


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, one step for each of the words of `other`.

    Bit by bit of one large number (Crochemore et al. 2001): a bit is off where the table of lengths grows by one.
    """
    places: dict[str, int] = {}
    for n, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << n
    whole = row = (1 << len(one)) - 1
    for word in other:
        match = row & places.get(word, 0)
        row = ((row + match) | (row - match)) & whole
    return len(one) - row.bit_count()


def _squad(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield what SQuAD's F1 and exact match are made of, of the right answer with the highest F1.

    An answer without words, such as "the", has none in common with any, as in the script of SQuAD 1.1.
    """
    for right, answer in zip(gold, predicted, strict=True):
        found = squad_words(answer)
        known = [squad_words(text) for text in right_answers(right)]
        shared = [(Counter(found) & Counter(words)).total() for words in known]
        scores = [common / max(len(found) + len(words), 1) for common, words in zip(shared, known, strict=True)]
        best = scores.index(max(scores))
        yield pair(int(found in known), shared[best]), len(found), len(known[best])


def squad_words(text: str) -> list[str]:
    """Return the words of an answer: in small letters, without ASCII punctuation and articles (SQuAD's script)."""
    return _ARTICLE.sub(" ", text.lower().translate(_NO_MARKS)).split()


def _bleu(gold: Sequence[str], predicted: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Yield what BLEU is made of: words cut as `sacrebleu` does it by default (13a, case kept)."""
    from sacrebleu.metrics import BLEU

    bleu = BLEU(effective_order=True)  # or it warns of single sentences; the counts are the same
    for right, answer in zip(gold, predicted, strict=True):
        found = bleu.sentence_score(answer, [right])
        one, two, three, four = map(int, found.counts)
        yield pair(one, two), pair(found.sys_len, three), pair(found.ref_len, four)
