"""The file formats of the English releases: each reader yields numbered rows, as columns by name.

Tab-separated files have no quoting: a quotation mark is a character like any other. Columns are found by the name
in the header, as MNLI has more of them in its development sets than in training. What a column means is
`examples.py`.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hxbench.corpora.lines import counted, fault, numbered_lines, quoted
from hxbench.errors import InputError

Record = tuple[int, dict[str, Any]]
"""Line or row number, from 1, and the values by column. A column that a row lacks is absent."""

KINDS = {"tsv": "a tab-separated", "json": "a JSON Lines", "lines": "a parallel text", "parquet": "a Parquet"}
_BATCH = 1000  # rows of a Parquet file in memory at once


def read_tsv(path: Path, wanted: Sequence[str], header: Sequence[str] = ()) -> Iterator[Record]:
    """Yield the rows of a tab-separated file; `header` has the columns of a file that does not name them.

    Raises `InputError` for a header without a wanted column, for a row with other columns than the header, which
    is told from one that only ends too early, and as `numbered_lines` does.
    """
    names = list(header)
    for number, line in numbered_lines(path, KINDS["tsv"]):
        cells = line.split("\t")
        if not names:
            names = cells
            if absent := [name for name in wanted if name not in names]:
                raise fault(
                    path, number, f"no column {' and no column '.join(absent)}", f"a header with {_listed(wanted)}"
                )
            continue
        if len(cells) > len(names):
            raise fault(path, number, counted(len(cells), "column"), counted(len(names), "column"))
        yield number, dict(zip(names, cells, strict=False))


def read_json_lines(path: Path) -> Iterator[Record]:
    """Yield the objects of a file with one a line; what is in an inner object `target` counts as columns too.

    Raises `InputError` for a line that is not a JSON object, and as `numbered_lines` does.
    """
    for number, line in numbered_lines(path, KINDS["json"]):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise fault(path, number, quoted(line), "a JSON object")
        inner = row.get("target")
        yield number, {**row, **inner} if isinstance(inner, dict) else row


def read_parallel(paths: Sequence[Path]) -> Iterator[Record]:
    """Yield the lines of two files side by side, by the end of their names (`ro`, `en`).

    Raises `InputError` where one file has more lines than the other.
    """
    sides = [path.suffix.removeprefix(".") for path in paths]
    for lines in zip_longest(*(numbered_lines(path, KINDS["lines"]) for path in paths)):
        if None in lines:
            short, long = (paths if lines[0] is None else paths[::-1])[:2]
            number = next(line[0] for line in lines if line)
            raise fault(short, number, "no such line", f"one for each line of {long.name}")
        yield lines[0][0], {side: text for side, (_, text) in zip(sides, lines, strict=True)}


def read_parquet(paths: Sequence[Path], wanted: Sequence[str]) -> Iterator[Record]:
    """Yield the rows of Parquet files, numbered within each; a column of a column is `outer.inner`.

    Raises `InputError` for a file that is not Parquet or lacks a wanted column.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    for path in paths:
        try:
            number = 0
            for batch in ParquetFile(path).iter_batches(batch_size=_BATCH):
                table = pyarrow.Table.from_batches([batch]).flatten().select(list(wanted))
                for row in table.to_pylist():
                    number += 1
                    yield number, row
        except (OSError, KeyError, pyarrow.ArrowException) as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(f"{path}: {reason}; expected a Parquet file with {_listed(wanted)}.") from None


def _listed(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"
