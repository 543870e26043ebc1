"""The one walk over a table that every renderer goes along: what is printed where, before any markup."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from hxbench.report.artifact.table import Block, Cell, Column, Row, Table, format_value, interval, spread

_RAISED = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖᵠʳˢᵗᵘᵛʷˣʸᶻ")


@dataclass(frozen=True)
class Words:
    """What is read in one place, with the marks of its footnotes; `sd` and `ends` stand small behind a number."""

    text: str
    marks: tuple[str, ...] = ()
    bold: bool = False
    number: bool = False
    sd: str = ""
    ends: str = ""  # of its interval


@dataclass(frozen=True)
class Place:
    """A cell under its column; `paper` is nothing where the paper has no value."""

    cell: Cell
    column: Column
    ours: Words
    paper: Words | None


@dataclass(frozen=True)
class Line:
    """A row, its title without the indentation that only a terminal keeps."""

    row: Row
    title: Words
    places: tuple[Place, ...]


def heads(table: Table) -> list[tuple[str, Words]]:
    """Return what stands above each column, which may be empty, and its title."""
    return [(column.group, Words(column.title, _marks(column.mark))) for column in table.columns]


def walk(table: Table) -> Iterator[tuple[str, list[Line]]]:
    """Yield the title of each block, which may be empty, and its rows."""
    for block in table.blocks:
        yield block.title, [_line(row, table.columns) for row in block.rows]


def spans(titles: Iterable[str]) -> list[tuple[str, list[int]]]:
    """Return the neighbours that share a title above them, as that title and their places."""
    return [
        (title, [place for place, _ in some]) for title, some in groupby(enumerate(titles), key=lambda at: at[1])
    ]


def with_runs(table: Table) -> tuple[Table, int]:
    """Return a table without the rows that have no runs, and how many these are."""
    blocks = [
        Block(block.title, tuple(row for row in block.rows if has_runs(row, table.columns)))
        for block in table.blocks
    ]
    gone = sum(len(block.rows) for block in table.blocks) - sum(len(block.rows) for block in blocks)
    return replace(table, blocks=tuple(block for block in blocks if block.rows)), gone


def has_runs(row: Row, columns: tuple[Column, ...]) -> bool:
    """Return whether anything of ours is in a row; that it has no seeds is nothing."""
    cells = (cell for cell, column in zip(row.cells, columns, strict=True) if column.kind != "seeds")
    return any(cell.mean is not None or cell.text for cell in cells)


_OF_COMMANDS = re.compile(r"\bhxbench [a-z]|(?<![\w-])--[a-z]")
_SECTION = re.compile(r"\b(options|training|data|backbone)\.(?=[a-z_])")  # of a recipe


def remarks_on_paper(table: Table) -> list[str]:
    """Return the remarks for who types nothing: none on commands, fields of recipes by their own names."""
    return [_SECTION.sub("", text) for text in table.remarks if not _OF_COMMANDS.search(text)]


def raised(marks: str) -> str:
    """Return marks as they are written where there is no markup: letters raised, `*` as it is."""
    return marks.translate(_RAISED)


def place_of(cell: Cell, column: Column) -> Place:
    """Return what is printed in a cell under a column."""
    return Place(cell, column, _ours(cell, column), _paper(cell, column))


def _line(row: Row, columns: tuple[Column, ...]) -> Line:
    places = [place_of(cell, column) for cell, column in zip(row.cells, columns, strict=True)]
    return Line(row, Words(row.title.strip(), _marks(row.mark), row.strong), tuple(places))


def _marks(mark: str) -> tuple[str, ...]:
    return (mark,) if mark else ()


def _ours(cell: Cell, column: Column) -> Words:
    if cell.text is not None:
        return Words(cell.text)
    if cell.mean is None:
        return Words("–", cell.marks)
    kind = column.kind
    shown = format_value(cell.mean, kind)
    return Words(shown, cell.marks, cell.best, True, spread(cell, kind), interval(cell, kind))


def _paper(cell: Cell, column: Column) -> Words | None:
    if cell.published is None:
        return None
    return Words(format_value(cell.published, column.kind), cell.published_marks, number=True)
