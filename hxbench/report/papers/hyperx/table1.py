"""Table 1: what each approach can do, as the paper says; nothing in it is measured."""

from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Row, Table
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import PAPER

_NAME = "Table 1"
_COLUMNS = {
    "X-Lang": "cross-lingual",
    "New Lang": "new language",
    "M-Task": "multi-task",
    "X-Pair (LT)": "unseen pair",
}
_ROWS = ("MAD-X", "HyperFormer", "PSF", "Hyper-X")


def _cell(row: str, column: str) -> Cell:
    value = published(PAPER).value(_NAME, row, column, "supported")
    return Cell(text="" if value is None else "yes" if value else "no")


def build(results: Results) -> list[Table]:
    """Return the one table."""
    rows = tuple(Row(name, tuple(_cell(name, column) for column in _COLUMNS)) for name in _ROWS)
    return [
        Table(
            stub="approach",
            columns=tuple(Column(title, paper=False) for title in _COLUMNS.values()),
            blocks=(Block("", rows),),
            heading=("published; there is nothing to measure",),
            remarks=("unseen pair: a task in a language for which that task had no labelled data.",),
            **results.named("table1"),
        )
    ]
