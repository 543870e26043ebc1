"""From a reader's stream to a memory-mapped Arrow file: written once, never seen half-written."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.corpora.digest import temporary
from hxbench.corpora.schema import features, labels

if TYPE_CHECKING:
    import datasets

_ROWS = 1000  # rows held in memory at once
_LEFT_BEHIND = 3600.0  # a temporary file this old belongs to a process that was killed (seconds)

Tagged = tuple[list[str], list[str]]


def open_arrow(path: Path, fingerprint: str) -> "datasets.Dataset | None":
    """Return the corpus in `path`, memory-mapped, or None where there is none that can be read."""
    if not path.exists():
        return None
    import pyarrow
    from datasets import Dataset
    from datasets.table import MemoryMappedTable

    try:
        return Dataset(MemoryMappedTable.from_file(str(path)), fingerprint=fingerprint)
    except (OSError, pyarrow.ArrowInvalid):
        return None


def write_arrow(path: Path, task: str, rows: Iterable[Tagged] | Iterable[str]) -> None:
    """Write the rows of a reader to `path`: `(words, tags)` for tagging tasks, sentences for `mlm`."""
    ids = {name: number for number, name in enumerate(labels(task))}

    def columns(chunk: list[Any]) -> list[Any]:
        if not ids:
            return [chunk]
        words, tags = zip(*chunk, strict=True)
        return [words, [[ids[tag] for tag in sentence] for sentence in tags]]

    write_columns(path, features(task), rows, columns)


def write_columns(
    path: Path, features: "datasets.Features", rows: Iterable[Any], columns: Callable[[list[Any]], list[Any]]
) -> None:
    """Write rows to `path`; `columns` turns some of them into one sequence for each of the features.

    Two processes may write the same file at once: each writes its own and the later rename wins, with the same
    bytes. Whatever a reader raises passes through and leaves nothing behind.
    """
    import pyarrow
    from datasets.arrow_writer import ArrowWriter

    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    part = temporary(path)
    schema = features.arrow_schema
    try:
        with ArrowWriter(path=str(part), features=features) as writer:
            for chunk in _chunks(rows):
                pairs = zip(columns(chunk), schema, strict=True)
                arrays = [pyarrow.array(column, type=field.type) for column, field in pairs]
                writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
            writer.finalize()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    stream = iter(rows)
    while chunk := list(islice(stream, _ROWS)):
        yield chunk


def _sweep(path: Path) -> None:
    """Remove what killed processes left of this file."""
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - stale.stat().st_mtime > _LEFT_BEHIND:
                stale.unlink()
