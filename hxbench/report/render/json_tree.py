"""Tables as JSON, nothing rounded and nothing left out."""

from dataclasses import asdict
from typing import Any

from hxbench.report.table import UNITS, Table
from hxbench.store.files import to_json


def _tree(table: Table) -> dict[str, Any]:
    tree = asdict(table)
    for column in tree["columns"]:
        column["unit"] = UNITS[column["kind"]]
    for block in tree["blocks"]:
        for row in block["rows"]:
            for cell in row["cells"]:
                cell["covers"] = sorted(cell["covers"])
    tree["notes"] = dict(table.notes)
    return tree


def render(tables: list[Table]) -> str:
    """Return a JSON array with one object a table."""
    return to_json([_tree(table) for table in tables], indent=1) + "\n"
