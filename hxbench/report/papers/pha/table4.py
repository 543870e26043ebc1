"""Table 4: the mean of SuperGLUE on a few percent of the training data."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import ADAPTER, HD, HF, NAMES, PAPER, PHA, TASKS

_NAME = "Table 4"
_METHODS = (ADAPTER, HF, HD, PHA)
_SHARES = ("1 %", "3 %", "5 %")
_COLUMN = "average of BoolQ,WiC,CB,WSC"


def build(results: Results) -> list[Table]:
    """Return the one table, a row for each share of the data."""
    conditions, marks = results.by_label("table4"), Marks()
    rows = []
    for share in _SHARES:
        cells = []
        for method in _METHODS:
            group = f"train={share.replace(' ', '')}"
            printed = published(PAPER).value(_NAME, method.short, _COLUMN, "mean_accuracy", group)
            runs = conditions[share, method.title].run_set
            cells.append(make_cell(runs.tasks(TASKS["superglue"]), printed, marks))
        rows.append(Row(share, mark_seeds(mark_best(cells), marks)))
    shown = list(conditions.values())
    return [
        Table(
            stub="training data",
            columns=tuple(Column(method.title) for method in _METHODS),
            blocks=(Block("", tuple(rows)),),
            **results.told("table4", shown, marks, before=[NAMES]),
        )
    ]
