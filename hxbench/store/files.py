"""Files that are either there as a whole or not at all, and the two text formats of the store."""

import json
import math
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hxbench import leftovers
from hxbench.leftovers import remove
from hxbench.system_errors import cannot_write


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it to `path`; a full disk is an `InputError`."""
    try:
        leftovers.replace_file(path, write)
    except OSError as error:
        raise cannot_write(path, error) from error


def replace_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` in one step."""
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def _plain(value: Any) -> Any:
    """Return `value` in types that JSON has: arrays' scalars as numbers, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "item"):  # a zero-dimensional array or tensor
        return _plain(value.item())
    return str(value)


def to_json(value: Any, indent: int | None = None) -> str:
    """Return strict JSON that any reader takes."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=indent)


def to_json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return one JSON object a line."""
    return "".join(to_json(row) + "\n" for row in rows)


def to_json_rows(rows: Iterable[Mapping[Any, Any]]) -> str:
    """Return a JSON array with a row on each line, for people and scripts.

    It is for thousands of rows, in which lines are searched and counted; the few rows of other commands are
    indented by `print_rows`, so that each value has its line.
    """
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False, default=str) for row in rows)
    return f"[{lines}]"


def discard(path: Path) -> None:
    """Delete a folder so that nobody sees it half deleted: first out of sight, then away; a file or a link too."""
    hidden = path.with_name(f".trash-{secrets.token_hex(6)}")
    try:
        os.rename(path, hidden)
    except FileNotFoundError:
        return
    remove(hidden)
