"""Tables: tab-separated files, JSON lines, one JSON array, Parquet; and files that make one table together.

Tab-separated files have no quoting: a quotation mark is a character like any other. Columns are found by the name
in the header, as MNLI has more of them in its development sets than in training.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from hxbench.data.readers.lines import Options, Row, counted, fault, numbered_lines, open_input, quoted
from hxbench.errors import InputError

_SPACE = re.compile(r"[ \t\r\n]*")
_ONE_LIST = "a JSON file with one list of objects"
_BATCH = 1000  # rows of a Parquet file in memory at once


def read_tsv(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a tab-separated file.

    Raises `InputError` for a header without a wanted column, for a row with other columns than the header, which
    is told from one that only ends too early, and as `numbered_lines` does.
    """
    names = list(options.header)
    for number, line in numbered_lines(path, "a tab-separated"):
        cells = line.split("\t")
        if not names:
            names = cells
            if absent := [name for name in options.columns if name not in names]:
                raise fault(
                    path,
                    number,
                    f"no column {' and no column '.join(absent)}",
                    f"a header with {_listed(options.columns)}",
                )
            continue
        if len(cells) > len(names):
            raise fault(path, number, counted(len(cells), "column"), counted(len(names), "column"))
        yield number, dict(zip(names, cells, strict=False))


def read_json_lines(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the objects of a file with one a line; what is in an inner object `target` counts as columns too.

    Raises `InputError` for a line that is not a JSON object, and as `numbered_lines` does.
    """
    for number, line in numbered_lines(path, "a JSON Lines"):
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


def read_json_array(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the objects of a file that is one JSON array, numbered by the lines they begin in.

    Raises `InputError` for a file that is anything else, with the line from which on it is.
    """
    with open_input(path, "a JSON") as stream:
        raw = stream.read()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = raw.count(b"\n", 0, error.start) + 1
        raise fault(path, number, f"byte 0x{raw[error.start]:02x} is not UTF-8", "a JSON file in UTF-8") from None
    decoder, number, counted_to = json.JSONDecoder(), 1, 0
    place, mark = _after(text, 0, "[")
    end, closed = _after(text, place, "]")
    if mark and closed:
        place, mark = end, closed
    while mark and mark != "]":
        start = _after(text, place)[0]
        number, counted_to = number + text.count("\n", counted_to, start), start
        try:
            row, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise fault(path, number, quoted(text[start:].partition("\n")[0]), _ONE_LIST)
        yield number, row
        place, mark = _after(text, place, ",]")
    if not mark or text[place:].strip():
        place = _after(text, place)[0]
        number += text.count("\n", counted_to, place)
        raise fault(path, number, quoted(text[place:].partition("\n")[0]), _ONE_LIST)


def _after(text: str, place: int, marks: str = "") -> tuple[int, str]:
    """Return the place behind white space and one of `marks`, if there is one, and which."""
    place = _SPACE.match(text, place).end()  # type: ignore[union-attr]
    mark = text[place : place + 1]
    return (place + 1, mark) if mark and mark in marks else (place, "")


def read_polarity(paths: Sequence[Path]) -> Iterator[tuple[Path, Row]]:
    """Yield the lines of files of one class each, `text` and, by the end of the file's name, `label`.

    The files take turns, so that the first so many rows are of all classes.
    """
    for turn in zip_longest(*(numbered_lines(path, "a text") for path in paths)):
        for path, line in zip(paths, turn, strict=True):
            if line:
                yield path, (line[0], {"text": line[1], "label": path.suffix.removeprefix(".")})


def read_parallel(paths: Sequence[Path]) -> Iterator[Row]:
    """Yield the lines of two files side by side, by the end of their names (`ro`, `en`).

    Raises `InputError` where one file has more lines than the other.
    """
    sides = [path.suffix.removeprefix(".") for path in paths]
    for lines in zip_longest(*(numbered_lines(path, "a parallel text") for path in paths)):
        if None in lines:
            short, long = (paths if lines[0] is None else paths[::-1])[:2]
            number = next(line[0] for line in lines if line)
            raise fault(short, number, "no such line", f"one for each line of {long.name}")
        yield lines[0][0], {side: text for side, (_, text) in zip(sides, lines, strict=True)}


def read_parquet(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a Parquet file; a column of a column is `outer.inner`.

    Raises `InputError` for a file that is not Parquet or lacks a wanted column.
    """
    import pyarrow
    from pyarrow.parquet import ParquetFile

    wanted, number = options.columns, 0
    try:
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
