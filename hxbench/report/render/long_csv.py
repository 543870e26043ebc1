"""Tables as one long CSV: a line a cell, numbers unrounded, for whoever computes on."""

import csv
from io import StringIO

from hxbench.report.table import UNITS, Table

FIELDS = (
    "table", "profile", "block", "row", "column_group", "column",
    "unit", "mean", "sd", "low", "high", "n", "published", "best", "text", "on_plateau", "notes",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(tables: list[Table]) -> str:
    """Return the cells that hold anything, ours or the paper's."""
    target = StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(FIELDS)
    for table in tables:
        said = dict(table.notes)
        for block in table.blocks:
            for row in block.rows:
                for cell, column in zip(row.cells, table.columns, strict=True):
                    marks = [mark for mark in (*cell.marks, *cell.published_marks, row.mark, column.mark) if mark]
                    if cell.mean is None and cell.published is None and not cell.marks and not cell.text:
                        continue
                    where = [table.name, table.facts.get("profile", ""), block.title, row.title.strip()]
                    notes = "; ".join(said[mark] for mark in marks)
                    values = (cell.mean, cell.sd, cell.low, cell.high, cell.n, cell.published, int(cell.best))
                    row_of_cells = [
                        *where, column.group, column.title, UNITS[column.kind], *values, cell.text,
                        cell.on_plateau, notes,
                    ]  # fmt: skip
                    writer.writerow([_as_text(value) for value in row_of_cells])
    return target.getvalue()


def _as_text(value: object) -> object:
    """Return a text so that no spreadsheet runs it as a formula; numbers stay numbers, also in a text."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
