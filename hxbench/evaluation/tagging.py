"""Tagging a corpus split with a trained method, and scoring it word by word."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from hxbench.corpora.schema import labels
from hxbench.encoding.batch import by_tokens, collate
from hxbench.encoding.rows import Rows
from hxbench.encoding.vocabulary import Vocabulary
from hxbench.evaluation.metrics import METRIC, score, sentence_counts
from hxbench.methods.tagging import TaggingMethod

# What stands for the tag of a word that was cut off: no name, and no part of speech that could be the right one.
NOT_PREDICTED = {"ner": "O", "pos": "?"}


@dataclass(frozen=True)
class Tagged:
    """Gold and predicted labels of a split, one list a sentence; `Marked`."""

    task: str
    language: str
    gold: list[list[str]]
    predicted: list[list[str]]
    words_cut: int  # by truncation; scored as not found, or left out of gold and predicted

    def row(self, split: str) -> dict[str, Any]:
        """Return the score as a row of the store."""
        return {
            "split": split,
            "task": self.task,
            "language": self.language,
            "metric": METRIC[self.task],
            "value": score(self.task, self.gold, self.predicted),
            "sentences": len(self.gold),
            "words": sum(map(len, self.gold)),
            "words_cut": self.words_cut,
        }

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Return the rows of the store: tagging has one metric a task."""
        return [self.row(split)]

    def predictions(self) -> dict[str, list[Any]]:
        """Return the columns sentence, gold and predicted, a row a sentence."""
        return {"sentence": list(range(len(self.gold))), "gold": self.gold, "predicted": self.predicted}

    def sentence_counts(self) -> Iterator[tuple[int, int, int]]:
        """Yield correct, predicted and gold spans of every sentence; for accuracy right words and words twice."""
        for gold, predicted in zip(self.gold, self.predicted, strict=True):
            counts = sentence_counts(self.task, gold, predicted)
            yield counts.correct, counts.predicted, counts.gold


@dataclass
class TaggingData:
    """An encoded split with its gold tags; read once, scored as often as needed."""

    task: str
    language: str
    rows: Rows
    sentence: np.ndarray  # [rows], sentence of the row
    first_word: np.ndarray  # [rows], first word of the row in that sentence
    gold: list[list[str]]

    @classmethod
    def of(cls, task: str, language: str, corpus: Any, encoded: Any) -> "TaggingData":
        """Bring a corpus split and its encoded form together."""
        names = labels(task)
        gold = [[names[tag] for tag in tags] for tags in corpus.data.table.column("tags").to_pylist()]
        table = encoded.data.table
        sentence, first_word = (table.column(name).to_numpy() for name in ("sentence", "first_word"))
        return cls(task, language, Rows(encoded), sentence, first_word, gold)


def tag(
    method: TaggingMethod,
    data: TaggingData,
    vocabulary: Vocabulary,
    batch_size: int,
    device: torch.device,
    *,
    cut_words: Literal["wrong", "unscored"] = "wrong",
) -> Tagged:
    """Predict every word of the split, in batches of similar length and about as many tokens (`by_tokens`).

    A batch has no more tokens than `batch_size` rows of the greatest length.
    `cut_words` says what becomes of words that truncation has cut off: they are misses, or left out of the score.
    Always in fp32, whatever precision the training had: in less, a score depends on the size of the batches.
    """
    names = labels(data.task)
    predicted: list[list[str | None]] = [[None] * len(tags) for tags in data.gold]
    method.eval()
    with torch.no_grad(), method.keeping_weights():
        for rows in by_tokens(data.rows.lengths, batch_size, device):
            pieces, targets = data.rows.take("input_ids", rows), data.rows.take("labels", rows)
            batch = collate(data.task, data.language, pieces, targets, vocabulary)
            tags = method.logits(batch.to(device)).argmax(-1).cpu().numpy()
            owner = batch.positions.numpy() // batch.input_ids.shape[1]
            for i, row in enumerate(rows):
                words = predicted[data.sentence[row]]
                for offset, t in enumerate(tags[owner == i]):
                    words[data.first_word[row] + offset] = names[t]
    cut = sum(word is None for words in predicted for word in words)
    gold = data.gold
    if cut_words == "unscored":
        gold = [
            [right for right, word in zip(tags, words, strict=True) if word is not None]
            for tags, words in zip(gold, predicted, strict=True)
        ]
        predicted = [[word for word in words if word is not None] for words in predicted]
    filled = [[word or NOT_PREDICTED[data.task] for word in words] for words in predicted]
    return Tagged(data.task, data.language, gold, filled, cut)
