"""From a reader's stream to a memory-mapped Arrow file: written once, never seen half-written, checked before use.

Size, SHA-256 and number of rows of each file stand in a note beside it. A flipped bit in an Arrow file trains
another model without a word, or ends the interpreter. So whoever opens one has it checked in full, once a process
as long as the file stays the same. What is not there, not whole, of other columns than wanted, or came here with
its note under another name is made, in silence. Who only asks how many rows there are reads the note alone.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench import manifest
from hxbench.data.digest import read_note, state_of, write_note
from hxbench.errors import InputError
from hxbench.leftovers import replace_file, sweep
from hxbench.system_errors import writing

if TYPE_CHECKING:
    import datasets

ROWS = 1000  # held in memory at once
_TRIES = 3  # another process may put its file in place of ours before we open it

Columns = list[Any]
"""Some rows: one sequence of values for each column."""


@dataclass(frozen=True)
class _Note:
    size: int  # bytes
    sha256: str
    rows: int


_checked: dict[Path, tuple[list[int], _Note]] = {}  # in which a file was found to be whole


def cached(
    path: Path, fingerprint: str, features: "datasets.Features", make: Callable[[], Iterable[Columns]]
) -> "datasets.Dataset":
    """Return the data set in `path`, memory-mapped and checked; `make` gives its rows where it is not there."""
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


def write_sealed(path: Path, write: Callable[[Path], int]) -> None:
    """Let `write` fill a temporary file and return its number of rows; then put it in place, with its note.

    Two processes may do so at once: the later rename wins, with the same bytes.
    """

    def sealed(part: Path) -> _Note:
        rows = write(part)
        return _Note(part.stat().st_size, manifest.file_digest(part), rows)

    with writing(path):
        sweep(path.parent)
        note = replace_file(path, sealed)
    write_note(_place(path), asdict(note))


def is_whole(path: Path) -> bool:
    """Return whether the file is there and is the one of its note, to the last bit."""
    try:
        state, note = state_of(path.stat()), _read(path)
        if note is None or note.size != state[0]:
            return False
        if _checked.get(path) == (state, note):
            return True
        if manifest.file_digest(path) != note.sha256:
            return False
        if state_of(path.stat()) == state:
            _checked[path] = state, note
    except OSError:
        return False
    return True


def rows_of(path: Path) -> int | None:
    """Return the number of rows by the note alone, None where there is no file of its size."""
    try:
        note = _read(path)
        return note.rows if note and note.size == path.stat().st_size else None
    except OSError:
        return None


def _place(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _read(path: Path) -> _Note | None:
    known = read_note(_place(path))
    try:
        return _Note(**known) if known else None
    except TypeError:  # of another version
        return None
