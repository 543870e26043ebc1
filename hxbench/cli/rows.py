"""What every listing command prints: aligned columns for people, JSON for scripts."""

import json
import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hxbench.cli.streams import knows_all_letters
from hxbench.printing import printable, sentence

if TYPE_CHECKING:
    from hxbench.store import Store

WIDTH = 100
_LEAST = 14  # a column is not made narrower than this


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
    lines = [names, *([_text(row[name]) for name in names] for row in rows)]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    widths = _fitted([max(len(line[k]) for line in lines) for k in range(len(names))], names, width)
    for line in lines:
        parts = [textwrap.wrap(c, room) or [""] for c, room in zip(line, widths, strict=True)]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            cells = zip(texts, widths, numeric, strict=True)
            print("  ".join(c.rjust(room) if right else c.ljust(room) for c, room, right in cells).rstrip())


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


def _fitted(widths: list[int], names: list[str], page: int) -> list[int]:
    """Return column widths that fit the page: the widest give way, down to what a word needs."""
    widths = list(widths)
    while sum(widths) + 2 * (len(widths) - 1) > page:
        widest = max(range(len(widths)), key=lambda k: widths[k])
        if widths[widest] <= max(_LEAST, len(names[widest])):
            break
        widths[widest] -= 1
    return widths


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.1f}"
    return printable(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
