"""Tables as one long CSV: a line a cell, numbers unrounded, for whoever computes on."""

import csv
from io import StringIO

from hxbench.report.table import UNITS, Table

FIELDS = (
    "table", "profile", "block", "row", "column_group", "column",
    "unit", "mean", "sd", "n", "published", "best", "text", "notes",
)  # fmt: skip


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
                    values = [cell.mean, cell.sd, cell.n, cell.published, int(cell.best), cell.text, notes]
                    writer.writerow([*where, column.group, column.title, UNITS[column.kind], *values])
    return target.getvalue()
