"""What every listing command prints: aligned columns for people, JSON for scripts."""

import json
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import typer

WIDTH = 100
_LEAST = 14  # a column is not made narrower than this


def print_rows(
    rows: Iterable[Mapping[str, Any]], as_json: bool, empty: str = "Nothing to list.", width: int = WIDTH
) -> None:
    """Print rows that share their keys, `width` letters wide at most; `empty` stands in for no rows."""
    rows = list(rows)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1, default=str))
        return
    if not rows:
        typer.echo(empty)
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
            typer.echo("  ".join(c.rjust(room) if right else c.ljust(room) for c, room, right in cells).rstrip())


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
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
