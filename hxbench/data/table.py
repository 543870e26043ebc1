"""Examples as memory-mapped Arrow: the columns `fields` and `target`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hxbench.data.arrow import ROWS, Columns, chunks
from hxbench.data.examples import Example

if TYPE_CHECKING:
    import datasets


def example_features() -> "datasets.Features":
    """Return the columns of examples."""
    from datasets import Features, List, Value

    return Features({"fields": List(Value("string")), "target": Value("string")})


def in_columns(examples: Iterable[Example]) -> Iterator[Columns]:
    """Yield examples in columns, some at a time."""
    for chunk in chunks(examples):
        yield [list(column) for column in zip(*chunk, strict=True)]


def examples_of(dataset: "datasets.Dataset") -> Iterator[Example]:
    """Yield the examples of such a dataset, or of a selection from it, in order."""
    for batch in dataset.iter(batch_size=ROWS):
        yield from zip(batch["fields"], batch["target"], strict=True)
