"""What every collection of corpora can be asked, whichever tasks and languages it has."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from hxbench.data.transfer import Progress
from hxbench.languages import Language

if TYPE_CHECKING:
    import datasets

    from hxbench.data.load import Origin


class Collection(Protocol):
    """The corpora of one origin under one set of reading options; `load.Corpora` says what each answer means."""

    languages: dict[str, Language]
    origin: "Origin"

    def splits(self, task: str, language: str) -> tuple[str, ...]:
        """Return which of train, dev and test exist for a pair."""

    def load(self, task: str, language: str, split: str) -> "datasets.Dataset":
        """Return a split, memory-mapped."""

    def size(self, task: str, language: str, split: str) -> int:
        """Return the number of rows of a split."""

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """Return 16 hex digits for the rows of a split."""

    def require(self, task: str, language: str, split: str) -> None:
        """Raise `InputError`, with where it was looked for, unless the origin has a split."""

    def missing(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the pairs that the origin lacks."""

    def fetch(self, pairs: Iterable[tuple[str, str]], progress: Progress | None = None) -> None:
        """Download what the pairs need and the cache lacks."""
