"""Tables: tab-separated files, CSV, JSON lines, one JSON array, Parquet; and files that make one table together.

Tab-separated files have no quoting: a quotation mark is a character like any other. Columns are found by the name
in the header, as MNLI has more of them in its development sets than in training. In JSON and Parquet a row may
hold a sentence: a list of words and a list of as many labels.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hxbench.data.readers.columns import DELIMITERS
from hxbench.data.readers.labels import Labels
from hxbench.data.readers.lines import (
    LONGEST_LINE,
    Options,
    Row,
    counted,
    fault,
    numbered_lines,
    open_input,
    quoted,
)
from hxbench.errors import InputError, reason
from hxbench.plain_data import load_json

_BREAKS = re.compile("[\t\r\n]")
_SPACE = re.compile(r"[ \t\r\n]*")
_ONE_LIST = "a JSON file with one list of objects"
_BATCH = 1000  # rows of a Parquet file in memory at once


def read_tsv(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a tab-separated file; `InputError` for a row that is too long."""
    rows = ((number, line.split("\t")) for number, line in numbered_lines(path, "a tab-separated"))
    yield from _named(path, rows, options)


def read_csv(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a file with quotation marks around cells that need them, by the line they begin in.

    Rows without cells are passed over. Raises `InputError` as `read_tsv` does, and for quotation marks that do not
    close or end within a cell.
    """
    delimiter = DELIMITERS.get(options.delimiter, options.delimiter) or ","
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"{path}: the delimiter is {quoted(delimiter)}; expected one letter or mark, such as ; or tab."
        )
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(
        (f"{line}\n" for _, line in numbered_lines(path, "a CSV")), delimiter=delimiter, strict=True
    )

    def rows() -> Iterator[tuple[int, list[str]]]:
        while True:
            number = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise fault(path, number, str(error), 'a row of CSV, with " twice within a quoted cell') from None
            if cells:
                yield number, cells

    yield from _named(path, rows(), options)


def _named(path: Path, rows: Iterable[tuple[int, list[str]]], options: Options) -> Iterator[Row]:
    """Yield the cells of rows by the names in the first, or in `options.header`."""
    names = list(options.header)
    for number, cells in rows:
        if not names:
            names = cells
            if absent := [name for name in options.columns if name not in names]:
                raise fault(
                    path,
                    number,
                    f"no column {' and no column '.join(absent)}",
                    f"a header with {_listed(options.columns)}",
                )
            if twice := [name for name in options.columns if names.count(name) > 1]:
                raise fault(path, number, f"column {twice[0]} is there twice", "one of this name")
            continue
        if len(cells) > len(names):
            raise fault(path, number, counted(len(cells), "column"), counted(len(names), "column"))
        yield number, dict(zip(names, cells, strict=False))


def json_objects(path: Path) -> Iterator[Row]:
    """Yield the objects of a file with one a line, as they stand; `InputError` for a line that is none."""
    for number, line in numbered_lines(path, "a JSON Lines"):
        if line.strip():
            yield number, _object(path, number, line, "a JSON object")


def _object(path: Path, number: int, text: str, expected: str) -> dict[str, Any]:
    try:
        row = load_json(text, "it")
    except ValueError as error:
        found = f"{quoted(text)} ({reason(error).removeprefix('it: ')})"
        raise fault(path, number, found, expected) from None
    if not isinstance(row, dict):
        raise fault(path, number, quoted(text), expected)
    return row


def read_json_lines(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the objects of a file with one a line; what is in an inner object `target` counts as columns too."""
    inner = ((number, row, row.get("target")) for number, row in json_objects(path))
    rows = ((number, {**row, **more} if isinstance(more, dict) else row) for number, row, more in inner)
    yield from _chosen(path, rows, options)


def _chosen(path: Path, rows: Iterable[Row], options: Options | None, unit: str = "line") -> Iterator[Row]:
    """Yield rows with the fields of fields that are wanted; of tagged sentences the words and their labels."""
    options = options or Options()
    if not options.tagged:
        inner = [name for name in options.columns if "." in name]
        for number, row in rows:
            yield number, {**row, **{name: field_of(row, name) for name in inner}} if inner else row
        return
    labels, name = Labels(path, options, unit), options.tags or "tags"
    for number, row in rows:
        words, tags = words_of(path, number, row, options.words or "words", unit), field_of(row, name)
        if not isinstance(tags, list) or not all(isinstance(one, str | int) for one in tags):
            raise fault(path, number, f"{name} is {quoted(str(tags))}", "a list of labels", unit)
        if len(tags) != len(words):
            found = f"{counted(len(words), 'word')} and {counted(len(tags), 'label')}"
            raise fault(path, number, found, "as many of both", unit)
        yield number, {"words": words, "tags": labels.of([(number, str(one)) for one in tags])}


def words_of(path: Path, number: int, row: dict[str, Any], name: str, unit: str = "line") -> list[str]:
    """Return the words of a sentence in a row; `InputError` where they are no list of some."""
    words = field_of(row, name)
    if not isinstance(words, list) or not words or not all(isinstance(one, str) and one.strip() for one in words):
        raise fault(path, number, f"{name} is {quoted(str(words))}", "a list of words", unit)
    if broken := next((one for one in words if _BREAKS.search(one)), None):
        raise fault(path, number, f"the word {quoted(broken)}", "words without tabs and line ends", unit)
    return words


def field_of(row: dict[str, Any], name: str) -> Any:
    """Return a field, of which `a.b` may be b in a; None for one that is not there."""
    if name in row:
        return row[name]
    found: Any = row
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def read_json_array(path: Path, options: Options | None = None) -> Iterator[Row]:
    """Yield the objects of a file that is one JSON array, by the lines they begin in; `InputError` for another."""
    yield from _chosen(path, _objects(path), options)


def _objects(path: Path) -> Iterator[Row]:
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
        yield number, _object(path, number, text[start:place], _ONE_LIST)
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

    The files alternate, so that the first so many rows are of all classes.
    """
    for turn in zip_longest(*(numbered_lines(path, "a text") for path in paths)):
        for path, line in zip(paths, turn, strict=True):
            if line:
                yield path, (line[0], {"text": line[1], "label": path.suffix.removeprefix(".")})


def read_parallel(paths: Sequence[Path]) -> Iterator[Row]:
    """Yield the lines of two files of one length side by side, by the end of their names (`ro`, `en`)."""
    sides = [path.suffix.removeprefix(".") for path in paths]
    for lines in zip_longest(*(numbered_lines(path, "a parallel text") for path in paths)):
        if None in lines:
            short, long = (paths if lines[0] is None else paths[::-1])[:2]
            number = next(line[0] for line in lines if line)
            raise fault(short, number, "no such line", f"one for each line of {long.name}")
        yield lines[0][0], {side: text for side, (_, text) in zip(sides, lines, strict=True)}


def read_parquet(path: Path, options: Options) -> Iterator[Row]:
    """Yield the rows of a Parquet file; a column of a column is `outer.inner`."""
    wanted = options.columns
    if options.tagged:
        wanted = (options.words or "words", options.tags or "tags")
    yield from _chosen(path, _parquet_rows(path, wanted), options, "row")


def _parquet_rows(path: Path, wanted: Sequence[str]) -> Iterator[Row]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    number = 0
    try:
        for batch in ParquetFile(path).iter_batches(batch_size=_BATCH):
            table = pyarrow.Table.from_batches([batch])
            while any(pyarrow.types.is_struct(column.type) for column in table.schema):
                table = table.flatten()
            table = table.select(list(wanted))
            for row in table.to_pylist():
                number += 1
                yield number, row
    except (OSError, KeyError, pyarrow.ArrowException) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: {reason}; expected a Parquet file with {_listed(wanted)}.") from None


def _listed(names: Sequence[str]) -> str:
    return f"the column{'s' if len(names) > 1 else ''} {', '.join(names)}"
