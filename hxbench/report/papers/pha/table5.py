"""Table 5: summaries and translation with 1 % of the training data, on backbones of three sizes."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import ADAPTER, FT, NAMES, PAPER, PHA, task_title
from hxbench.report.scores.run_set import RunSet
from hxbench.tasks import task_of
from hxbench.tasks.task import METRIC_TITLES

_NAME = "Table 5"
_METHODS = (FT, ADAPTER, PHA)
_TASKS = ("xsum", "roen", "enro")
_SIZES = ("small", "base", "large")
_COLUMNS = (
    *(Column(task_title(task), METRIC_TITLES[task_of(task).metric]) for task in _TASKS),
    Column("mean", "all three"),
)


def _cell(runs: RunSet, method: MethodRow, size: str, task: str | None, marks: Marks) -> Cell:
    column = task_title(task) if task else "Avg"
    metric = task_of(task).metric if task else "mean_over_tasks"
    group = f"T5-{size.title()};train=1%"
    printed = published(PAPER).value(_NAME, method.short, column, metric, group)
    return make_cell(runs.tasks([task] if task else _TASKS), printed, marks)


def _title(results: Results, size: str) -> str:
    """Return the size as the paper names it, with the name of our backbone."""
    ours = results.scale.sizes.get(size)
    return f"T5-{size}" if ours in (None, f"t5-{size}") else f"T5-{size} (ours: {ours})"


def build(results: Results) -> list[Table]:
    """Return the one table, a block for each size."""
    conditions, marks = results.by_label("table5"), Marks()
    blocks = []
    for size in _SIZES:
        rows = []
        for method in _METHODS:
            runs = conditions[size, method.title].run_set
            cells = tuple(_cell(runs, method, size, task, marks) for task in (*_TASKS, None))
            rows.append(Row(method.title, cells))
        blocks.append(mark_best_of_columns(Block(_title(results, size), tuple(rows)), _COLUMNS))
    shown = list(conditions.values())
    absent = results.without(_SIZES)
    return [
        Table(
            stub="method",
            columns=_COLUMNS,
            blocks=tuple(blocks),
            # no command makes runs on a backbone that the profile does not have
            **results.told(
                "table5",
                shown,
                marks,
                numbers="sizes",
                sizes=_SIZES,
                before=[NAMES],
                after=absent,
                several_bodies=True,
                can_be_made=not absent,
            ),
        )
    ]
