"""What every listing command prints: aligned columns for people, JSON for scripts."""

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hxbench.cli.streams import knows_all_letters
from hxbench.printing import printable, sentence

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.text import Text

    from hxbench.store import Store

WIDTH = 100
_LEAST = 14  # a column is not made narrower than this, or than its name
_GAP = 2  # between two columns


def print_rows(
    rows: Iterable[Mapping[str, Any]], as_json: bool, empty: str = "Nothing to list.", width: int = WIDTH
) -> None:
    """Print rows that share their keys, `width` letters wide at most; `empty` stands in for no rows."""
    rows = list(rows)
    if as_json:
        print_json(rows, indent=1)
        return
    if not rows:
        print(empty)
        return
    names = list(rows[0])
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    print_columns([[_text(row[name]) for name in names] for row in rows], numeric, width, names=names)


def print_columns(
    lines: Sequence[Sequence[str]], to_the_right: Sequence[bool], width: int = WIDTH, names: Sequence[str] = ()
) -> None:
    """Print cells in columns, below their `names` if these are given; long cells go over several lines."""
    if fitting := _as_wide_as_they_are([names, *lines] if names else lines, to_the_right, width):
        print("\n".join(fitting))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=bool(names))
    least = []
    for number, right in enumerate(to_the_right):
        name = names[number] if names else ""
        longest = max(len(line[number]) for line in lines)
        least.append(max(len(name), min(_LEAST, longest)))
        table.add_column(Text(name), justify="right" if right else "left", min_width=least[-1])
    for line in lines:
        table.add_row(*map(_Cell, line))
    # letters and no colours, as wide for a pipe as for a terminal
    page = max(width, sum(least) + _GAP * (len(least) - 1))
    drawn = io.StringIO()
    Console(file=drawn, width=page, color_system=None).print(table)
    print("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()))


def _as_wide_as_they_are(lines: Sequence[Sequence[str]], to_the_right: Sequence[bool], width: int) -> list[str]:
    """Return the lines with no cell broken, nothing where that is wider; thousands take no time like this."""
    from rich.cells import cell_len

    columns = []
    for cells, right in zip(zip(*lines, strict=True), to_the_right, strict=True):
        taken = [len(cell) if cell.isascii() else cell_len(cell) for cell in cells]
        most = max(1, *taken)
        blanks = [" " * (most - one) for one in taken]
        columns.append([b + c if right else c + b for b, c in zip(blanks, cells, strict=True)])
        width -= most + _GAP
    if width + _GAP < 0:
        return []
    return [(" " * _GAP).join(cells).rstrip() for cells in zip(*columns, strict=True)]


@dataclass(frozen=True)
class _Cell:
    """Plain text that goes on below at blanks and hyphens: rich's own breaks `t5-small` anywhere but there."""

    text: str

    def __rich_console__(self, _console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        from rich.text import Text

        yield Text("\n".join(textwrap.wrap(self.text, options.max_width)))

    def __rich_measure__(self, _console: "Console", _options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        return Measurement(1, max(1, len(self.text)))


def terminal_width() -> int:
    """Return how many letters fit into a line of standard output, for a pipe as many as for a small terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80


def print_left_out(store: "Store") -> None:
    """Say on standard error which runs the last reading of a store had to leave out, and why."""
    for one in store.left_out():
        print(sentence(one), file=sys.stderr)


def print_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON, with letters that standard output does not have escaped."""
    print(for_output(json.dumps(value, ensure_ascii=False, indent=indent, default=str)))


def for_output(text: str) -> str:
    """Return JSON as standard output can show it: outside of its strings it has no letters to escape."""
    return text if knows_all_letters() else "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.1f}"
    return printable(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
