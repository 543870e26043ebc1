"""What every listing command prints: aligned columns for people, JSON for scripts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer


def print_rows(rows: Iterable[Mapping[str, Any]], as_json: bool, empty: str = "Nothing to list.") -> None:
    """Print rows that share their keys; `empty` stands in for no rows."""
    rows = list(rows)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1, default=str))
        return
    if not rows:
        typer.echo(empty)
        return
    names = list(rows[0])
    lines = [names, *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(names))]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    for line in lines:
        cells = zip(line, widths, numeric, strict=True)
        typer.echo("  ".join(c.rjust(width) if right else c.ljust(width) for c, width, right in cells).rstrip())


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.1f}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
