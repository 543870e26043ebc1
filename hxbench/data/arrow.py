"""From a reader's stream to a memory-mapped Arrow file: written once, never seen half-written, checked before use.

One policy for all Arrow files of the cache, those of corpora and those of their encoded forms (`seal.py`): what is
not there, not whole, or of other columns than wanted is made, in silence.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.data.seal import is_whole, write_sealed
from hxbench.errors import InputError

if TYPE_CHECKING:
    import datasets

ROWS = 1000  # held in memory at once
_TRIES = 3  # another process may put its file in place of ours before we open it

Columns = list[Any]
"""Some rows: one sequence of values for each column."""


def cached(
    path: Path, fingerprint: str, features: "datasets.Features", make: Callable[[], Iterable[Columns]]
) -> "datasets.Dataset":
    """Return the data set in `path`, memory-mapped and checked; `make` gives its rows if they have to be written.

    Raises `InputError` for a disk that does not give back what was written, and whatever `make` raises.
    """
    for _ in range(_TRIES):
        if (dataset := _opened(path, fingerprint, features)) is not None:
            return dataset
        write_sealed(path, lambda part: _write(part, features, make()))
    if (dataset := _opened(path, fingerprint, features)) is not None:
        return dataset
    raise InputError(f"{path} cannot be read back after writing; is the disk of the cache sound?")


def fingerprint_of(identity: Mapping[str, Any]) -> str:
    """Return 16 hex digits for everything that rows depend on."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the rows in lists of `ROWS`."""
    stream = iter(rows)
    while chunk := list(islice(stream, ROWS)):
        yield chunk


def batches(dataset: "datasets.Dataset") -> Iterator[tuple[dict[str, list[Any]], list[int]]]:
    """Yield the rows of a data set in columns by name, `ROWS` at a time, with their numbers."""
    for start in range(0, len(dataset), ROWS):
        batch = dataset[start : start + ROWS]
        yield batch, list(range(start, min(start + ROWS, len(dataset))))


def in_columns(rows: Iterable[tuple[Any, ...]]) -> Iterator[Columns]:
    """Yield rows in columns, `ROWS` at a time."""
    for chunk in chunks(rows):
        yield [list(column) for column in zip(*chunk, strict=True)]


def rows_of_columns(dataset: "datasets.Dataset", *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a data set, or of a selection from it, in order: their values in these columns."""
    for batch in dataset.iter(batch_size=ROWS):
        yield from zip(*(batch[name] for name in names), strict=True)


def _opened(path: Path, fingerprint: str, features: "datasets.Features") -> "datasets.Dataset | None":
    if not is_whole(path):
        return None
    import pyarrow
    from datasets import Dataset
    from datasets.table import MemoryMappedTable

    try:
        dataset = Dataset(MemoryMappedTable.from_file(str(path)), fingerprint=fingerprint)
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException):  # another version wrote it
        return None
    return dataset if dataset.features == features else None


def _write(path: Path, features: "datasets.Features", rows: Iterable[Columns]) -> int:
    """Write rows to `path`; return how many."""
    import pyarrow
    from datasets.arrow_writer import ArrowWriter

    schema = features.arrow_schema
    count = 0
    with ArrowWriter(path=str(path), features=features) as writer:
        for columns in rows:
            arrays = [
                pyarrow.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)
            ]
            count += len(arrays[0])
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
        writer.finalize()
    return count
