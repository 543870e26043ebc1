"""Rows chosen by what they say: `method=psf,setting=mixed`, as `results --where` and `compare` take it."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean
from hxbench.printing import shortened

if TYPE_CHECKING:
    import pandas as pd

NONE = "none"  # as a value: where nothing is said
Terms = Mapping[str, tuple[str, ...]]
_WORD = re.compile(r'(?:[^,"]|"[^"]*"?)+')  # up to a comma that stands in no quotes


def read_terms(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the values that are wanted by column: terms of one column are read as one or the other.

    A word without `=` is one more value of the term before it: `seed=1,2`. A value with commas stands in double
    quotes: `changes="without tr,yo"`. Raises `InputError` for another word.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column = ""
        for word in _WORD.findall(text):
            name, equals, value = word.strip().partition("=")
            if not equals or name.startswith('"'):
                name, value = column, word.strip()
            value = value.strip()
            value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
            if not name or not value:
                raise InputError(
                    f"'{shortened(text)}' is no choice of rows: expected COLUMN=VALUE[,COLUMN=VALUE …]."
                )
            column = name
            found[name] = (*found.get(name, ()), value)
    return found


def chosen(rows: "pd.DataFrame", terms: Terms) -> "pd.DataFrame":
    """Return the rows that have one of the wanted values in every column that is named.

    Raises `InputError` for a column that there is not, and for a value that no row has.
    """
    import pandas as pd

    every = rows
    for name, wanted in terms.items():
        if name not in every:
            raise InputError(did_you_mean("column", name, [*map(str, every)]))
        column, fits = every[name], pd.Series(False, index=rows.index)
        for value in wanted:
            alike = _alike(column, value)
            if not alike.any():
                missing = _missing(column)
                known = {_text(one) for one in column[~missing].unique()} | ({NONE} if missing.any() else set())
                raise InputError(did_you_mean(name, value, sorted(known)))
            fits |= alike.loc[rows.index]
        rows = rows[fits]
    return rows


def _alike(column: "pd.Series", value: str) -> "pd.Series":
    import pandas as pd

    if value == NONE and (missing := _missing(column)).any():
        return missing
    if pd.api.types.is_bool_dtype(column):
        return column.astype(str).str.lower() == value.lower()
    if pd.api.types.is_numeric_dtype(column):
        try:
            return (column == float(value)).fillna(False).astype(bool)
        except ValueError:
            return pd.Series(False, index=column.index)
    return (column == value).fillna(False).astype(bool)


def _missing(column: "pd.Series") -> "pd.Series":
    """Return where nothing is said: no value, or an empty text."""
    return column.isna() | (column.astype(str) == "")


def _text(value: object) -> str:
    """Return a value as it is to be typed."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f'"{text}"' if "," in text else text
