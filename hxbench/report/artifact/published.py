"""The numbers a paper prints, looked up by artifact, row, column, group and metric, and what is said of them."""

import csv
from functools import cache

from hxbench import places
from hxbench.errors import InputError

# `note` is a doubt about a value, `quoted_from` where the paper has it from
_FIELDS = ("artifact", "row", "column", "group", "metric", "value", "unit", "place", "note", "quoted_from")
# one unit a quantity, so that ours and theirs are formatted alike
_SCALES = {"million": 1e6, "hour": 3600.0}


class Published:
    """What one paper prints; parameters are counts and times are seconds here, whatever unit it prints them in."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self._values: dict[tuple[str, ...], float] = {}
        self._notes: dict[tuple[str, ...], str] = {}
        self.rows = rows
        for row in rows:
            try:
                value = float(row["value"])
            except ValueError:  # partition labels and the like
                continue
            key = tuple(row[field] for field in _FIELDS[:5])
            self._notes[key] = row["note"]
            self._values[key] = value * _SCALES.get(row["unit"], 1.0)

    def value(self, artifact: str, row: str, column: str, metric: str, group: str = "") -> float | None:
        """Return the printed value, or None when the paper prints none there."""
        return self._values.get((artifact, row, column, group, metric))

    def note(self, artifact: str, row: str, column: str, metric: str, group: str = "") -> str:
        """Return what is to be said of a printed value, nothing of most."""
        return self._notes.get((artifact, row, column, group, metric), "")


@cache
def published(paper: str) -> Published:
    """Return what is known of a paper's printed numbers."""
    path = places.shipped("published") / f"{paper}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            if tuple(reader.fieldnames or ()) != _FIELDS:
                raise InputError(f"{path}, line 1: expected the columns {', '.join(_FIELDS)}.")
            return Published(list(reader))
    except OSError as error:
        raise InputError(f"the published numbers of {paper} cannot be read ({path}: {error.strerror}).") from None
