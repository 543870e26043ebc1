"""A table with nothing of any output format in it: what is in each cell, and what has to be said about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hxbench.printing import printable

Kind = Literal[
    "score", "percent", "share", "count", "parameters", "duration", "bytes", "rate", "seeds", "difference", "text"
]
MISSING = "*"  # the mark of a cell that lacks runs
NOT_ALL = "not all runs are there yet"  # what it means where no commands stand below
UNITS: dict[Kind, str] = {
    "score": "percent", "percent": "percent", "share": "", "count": "", "parameters": "", "duration": "s",
    "bytes": "B", "rate": "tokens/s", "seeds": "", "difference": "points", "text": "",
}  # fmt: skip


class OneLine:
    """What a table is made of: none of its texts ends a line or moves a cursor, whoever has written them."""

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if name not in _NO_TEXTS and (shown := _printable(value)) is not value:
                object.__setattr__(self, name, shown)


_NO_TEXTS = ("seeds", "runs")  # of a cell: numbers and ids, in thousands


def _printable(value: Any) -> Any:
    """Return the same object where nothing of it had to be escaped."""
    if isinstance(value, str):
        return value if (shown := printable(value)) == value else shown
    if isinstance(value, tuple):
        some = tuple(map(_printable, value))
        return value if all(one is other for one, other in zip(some, value, strict=True)) else some
    if isinstance(value, dict):
        return {name: _printable(one) for name, one in value.items()}
    return value


@dataclass(frozen=True)
class Cell(OneLine):
    """Our mean over `n` runs or seeds, with its sample deviation or its interval, and the paper's value."""

    mean: float | None = None
    sd: float | None = None
    n: int = 0
    published: float | None = None
    marks: tuple[str, ...] = ()  # of ours
    published_marks: tuple[str, ...] = ()
    best: bool = False
    on_plateau: int = 0  # of the runs behind it, those that ended on or above the plateau of their labels
    text: str | None = None  # in place of a formatted mean
    covers: frozenset[str] = frozenset()  # what a mean is over; only equals are compared
    low: float | None = None  # the interval of the mean, in place of a deviation
    high: float | None = None
    seeds: tuple[tuple[int, float], ...] = ()  # (seed, value) of what the mean is over
    runs: tuple[str, ...] = ()  # the ids of those behind it


@dataclass(frozen=True)
class Column(OneLine):
    """A column; `group` is what stands above it, `paper` is false where the paper has nothing."""

    title: str
    group: str = ""
    kind: Kind = "score"
    paper: bool = True
    mark: str = ""


@dataclass(frozen=True)
class Row(OneLine):
    """A row of as many cells as there are columns."""

    title: str
    cells: tuple[Cell, ...]
    strong: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Block(OneLine):
    """Rows under a common title; the best of a column is looked for within them."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table(OneLine):
    """A table with its heading, what its marks mean, and the commands that make what it lacks."""

    name: str
    title: str
    stub: str  # the title of the column of row titles
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    layout: Literal["below", "beside"] = "below"  # where the published value stands in a narrow rendering
    heading: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def beside_published(self) -> bool:
        """Whether any cell has a published value beside ours."""
        return any(cell.published is not None for block in self.blocks for row in block.rows for cell in row.cells)


class Marks:
    """Hands out one letter a footnote, in the order of first use."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}
        self._missing = False

    def letter(self, text: str) -> str:
        """Return the mark of the footnote `text`."""
        number = len(self._letters)
        first = chr(ord("a") + number // 26 - 1) if number >= 26 else ""
        return self._letters.setdefault(text, first + chr(ord("a") + number % 26))

    def missing(self) -> str:
        """Return the mark of missing runs."""
        self._missing = True
        return MISSING

    def notes(self) -> tuple[tuple[str, str], ...]:
        """Return (mark, text) of everything that was marked."""
        lacking = [(MISSING, "runs are missing: the commands below make them")] if self._missing else []
        return (*lacking, *((letter, text) for text, letter in self._letters.items()))


def notes_without_commands(notes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return footnotes for where no commands stand below."""
    return tuple((mark, NOT_ALL if mark == MISSING else text) for mark, text in notes)


def format_value(value: float, kind: Kind) -> str:
    """Return a value as a table prints it: 63.3, 0.63, 76m, 18h, 1.2GB."""
    if kind == "score":
        return f"{value:.1f}"
    if kind == "difference":  # which has a sign, but for what rounds to nothing
        return f"{value:+.1f}".replace("-", "−") if round(value, 1) else "0.0"
    if kind == "parameters":  # to three digits, as papers print those of small methods
        size, letter = (1e6, "m") if value >= 999_500 else (1e3, "k") if value >= 1000 else (1.0, "")
        return f"{value / size:.3g}{letter}"
    if kind == "share":
        return f"{round(value, 2) + 0.0:.2f}"  # and no zero has a sign
    if kind in ("percent", "seeds"):
        return f"{value:.0f}"
    if kind == "duration":
        if value < 120:
            return f"{value:.0f}s"
        return f"{value / 60:.0f}min" if value < 7200 else f"{value / 3600:.0f}h"
    if kind == "bytes":
        return f"{value / 2**30:.1f}GB" if value >= 2**30 else f"{value / 2**20:.0f}MB"
    for size, letter in ((1e9, "b"), (1e6, "m"), (1e3, "k")):
        if value >= size / 2:
            short = value / size
            return f"{short:.0f}{letter}" if short >= 10 else f"{short:.1f}{letter}"
    return f"{value:.0f}"


def spread(cell: Cell, kind: Kind) -> str:
    """Return the deviation beside a cell's mean as a table prints it; nothing where tables print none."""
    if cell.mean is None or cell.sd is None or kind not in ("score", "share"):
        return ""
    return format_value(cell.sd, kind)


def interval(cell: Cell, kind: Kind) -> str:
    """Return the interval behind a cell's mean as a table prints it; nothing where there is none."""
    if cell.mean is None or cell.low is None or cell.high is None:
        return ""
    return f"[{format_value(cell.low, kind)}, {format_value(cell.high, kind)}]"


def mark_best(cells: Sequence[Cell], kind: Kind = "score") -> tuple[Cell, ...]:
    """Return cells that compete with each other with the best of ours marked, if there are two to compare.

    Values are compared as printed, so that equals are both best; means over different languages are not compared.
    """
    printed = [None if cell.mean is None else float(format_value(cell.mean, kind)) for cell in cells]
    there = [value for value in printed if value is not None]
    if len(there) < 2 or len({cell.covers for cell in cells if cell.mean is not None}) > 1:
        return tuple(cells)
    return tuple(replace(cell, best=value == max(there)) for cell, value in zip(cells, printed, strict=True))


def of_scores(
    block: Block, columns: Sequence[Column], change: Callable[[Sequence[Cell]], Sequence[Cell]]
) -> Block:
    """Return the block with the cells of every column of scores changed together."""
    changed = [
        change(cells) if column.kind == "score" else cells
        for column, cells in zip(columns, zip(*(row.cells for row in block.rows), strict=True), strict=True)
    ]
    rows = zip(block.rows, zip(*changed, strict=True), strict=True)
    return replace(block, rows=tuple(replace(row, cells=tuple(cells)) for row, cells in rows))


def mark_best_of_columns(block: Block, columns: Sequence[Column]) -> Block:
    """Return the block with the best of ours marked in every column of scores."""
    return of_scores(block, columns, mark_best)


def mark_seeds(cells: Sequence[Cell], marks: Marks) -> tuple[Cell, ...]:
    """Return cells that are compared with each other, those over fewer seeds than others with a note of it."""
    most = max((cell.n for cell in cells if cell.mean is not None), default=0)
    return tuple(
        replace(cell, marks=(*cell.marks, marks.letter(f"over {cell.n} seed{'s' * (cell.n > 1)} only")))
        if cell.mean is not None and cell.n < most
        else cell
        for cell in cells
    )
