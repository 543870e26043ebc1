"""Tables and stored scores for whoever computes on, nothing rounded: CSV or JSON with everything."""

import csv
from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import UNITS, Table
from hxbench.report.render.walk import walk
from hxbench.store.files import to_json, to_json_rows

if TYPE_CHECKING:
    import pandas as pd

FIELDS = (
    "table", "profile", "block", "row", "column_group", "column",
    "unit", "mean", "sd", "low", "high", "n", "published", "best", "text", "on_plateau", "seeds", "runs",
    "notes",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(tables: list[Table]) -> str:
    """Return the cells that hold anything, ours or the paper's."""
    target = StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(FIELDS)
    for table in tables:
        said = dict(table.notes)
        for block, lines in walk(table):
            for line in lines:
                for place in line.places:
                    cell, column = place.cell, place.column
                    if cell.mean is None and cell.published is None and not cell.marks and not cell.text:
                        continue
                    marks = [*cell.marks, *cell.published_marks, line.row.mark, column.mark]
                    values = (
                        table.name, table.facts.get("profile", ""), block, line.title.text, column.group,
                        column.title, UNITS[column.kind], cell.mean, cell.sd, cell.low, cell.high, cell.n,
                        cell.published, int(cell.best), cell.text, cell.on_plateau,
                        "; ".join(f"{seed}={value!r}" for seed, value in cell.seeds), " ".join(cell.runs),
                        "; ".join(said[mark] for mark in marks if mark),
                    )  # fmt: skip
                    writer.writerow([as_text(value) for value in values])
    return target.getvalue()


def as_text(value: object) -> object:
    """Return a text so that no spreadsheet runs it as a formula; numbers stay numbers, also in a text."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def render_rows(rows: "pd.DataFrame", format: str) -> str:
    """Return scores as CSV, missing values empty, or as a JSON array with an object a row."""
    if format == "csv":
        texts = rows.select_dtypes(["string", "object"])
        guarded = rows.assign(**{str(name): one.map(as_text, na_action="ignore") for name, one in texts.items()})
        return str(guarded.to_csv(index=False, lineterminator="\n"))
    plain = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return f"{to_json_rows(plain)}\n"


def render_json(tables: list[Table]) -> str:
    """Return a JSON array with one object a table."""
    return to_json([_tree(table) for table in tables], indent=1) + "\n"


def _tree(table: Table) -> dict[str, Any]:
    # the order of a set is nobody's
    tree = asdict(
        table,
        dict_factory=lambda pairs: {k: sorted(v) if isinstance(v, frozenset) else v for k, v in pairs},
    )
    for column in tree["columns"]:
        column["unit"] = UNITS[column["kind"]]
    tree["notes"] = dict(table.notes)
    return tree
