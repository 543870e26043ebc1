"""Examples as memory-mapped Arrow: the columns `fields` and `target`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.corpora.arrow import open_arrow, write_columns
from hxbench.corpora.english.examples import Example
from hxbench.errors import InputError

if TYPE_CHECKING:
    import datasets

_ROWS = 1000  # in memory at once


def write_examples(place: Path, examples: Iterable[Example]) -> None:
    """Write examples to `place` as `arrow.write_columns` does."""
    from datasets import Features, List, Value

    features = Features({"fields": List(Value("string")), "target": Value("string")})
    write_columns(place, features, examples, _columns)


def examples_of(dataset: "datasets.Dataset") -> Iterator[Example]:
    """Yield the examples of such a dataset, or of a selection from it, in order."""
    for batch in dataset.iter(batch_size=_ROWS):
        yield from zip(batch["fields"], batch["target"], strict=True)


def reopen(place: Path, fingerprint: str) -> "datasets.Dataset":
    """Return what was just written to `place`; `InputError` where it cannot be read back."""
    dataset = open_arrow(place, fingerprint)
    if dataset is None:
        raise InputError(f"{place} cannot be read back after writing; is the disk of the cache sound?")
    return dataset


def _columns(chunk: list[Any]) -> list[Any]:
    return [list(column) for column in zip(*chunk, strict=True)]
