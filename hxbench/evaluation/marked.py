"""What a scored split is to everything that writes or compares it, whatever kind of task it is of."""

from collections.abc import Iterable
from typing import Any, Protocol


class Marked(Protocol):
    """Gold and predicted labels of one split of one (task, language) pair, marked."""

    @property
    def task(self) -> str:
        """The name of the task."""

    @property
    def language(self) -> str:
        """The code of the language."""

    def rows(self, split: str) -> list[dict[str, Any]]:
        """Return the scores as rows of the store, a metric each and the one that enters averages first.

        Every row has split, task, language, metric, value (0–100, or −100–100 of a correlation) and sentences, the
        number of examples.
        """

    def predictions(self) -> dict[str, list[Any]]:
        """Return the columns sentence (its number), gold and predicted (lists of strings), a row an example."""

    def sentence_counts(self) -> Iterable[tuple[int, int, int]]:
        """Yield correct, predicted and gold of every example, of which the score is made as its metric has it."""
