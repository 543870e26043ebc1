"""Table 1: what each method tunes and where, as our recipes say it; nothing in it is measured."""

from hxbench.report.artifact.table import Block, Cell, Column, Row, Table
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FILE, ROWS
from hxbench.spec import recipe


def _about(method: str) -> str:
    """Return what a recipe says of its method, without where that is from."""
    about, _, _ = str(recipe.load("methods", method).about).partition(" (")
    return about.removesuffix(".")


def build(results: Results) -> list[Table]:
    """Return the one table."""
    entry = FILE.entry("table1")
    rows = [
        Row(ROWS[name].title, (Cell(text=operation), Cell(text=_about(ROWS[name].method))))
        for name, operation in entry.terms.items()
    ]
    return [
        Table(
            columns=(Column("operation", paper=False), Column("as it is built here", paper=False)),
            blocks=(Block("", tuple(rows)),),
            heading=("from the recipes; there is nothing to measure",),
            remarks=entry.after,
            **results.named("table1"),
        )
    ]
