"""Tables 3, 4 and 5: what the conditions of an experiment score, in the mean and by task."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import (
    Block,
    Cell,
    Column,
    Marks,
    Row,
    Table,
    mark_best,
    mark_best_of_columns,
    mark_seeds,
)
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import PAPER, ROWS, SUITES, TASKS
from hxbench.report.scores.run_set import Condition
from hxbench.report.stats.significance import HOW_GAIN, Resampler, said
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH, task_of
from hxbench.tasks.task import METRIC_TITLES

_PARTS = ("prototypes", "retriever")


def _parts(one: Condition) -> tuple[bool, bool]:
    """Return whether a condition has prototypes and whether it has the retriever."""
    prototypes, retriever = (bool(one.block.options.get(part, True)) for part in _PARTS)
    return prototypes, retriever


def _printed(parts: tuple[bool, bool]) -> float | None:
    prototypes, retriever = ("yes" if there else "no" for there in parts)
    row = f"prototype={prototypes};retriever={retriever}"
    return published(PAPER).value("Table 3", row, "GLUE Score", "mean_over_tasks", "T5-base")


def _table3(results: Results) -> Table:
    """Return PHA without its prototypes, without its retriever, without both, and whole."""
    marks = Marks()
    conditions = sorted(results.conditions("table3"), key=_parts)
    scores = [make_cell(one.run_set.tasks(TASKS["glue"]), _printed(_parts(one)), marks) for one in conditions]
    rows = []
    for one, cell in zip(conditions, mark_seeds(scores, marks), strict=True):
        has = tuple(Cell(text="yes" if there else "no") for there in _parts(one))
        mark = "" if any(_parts(one)) else marks.letter(results.file.text("neither"))
        rows.append(Row(one.label, (*has, cell), mark=mark))
    sets, whole = [one.run_set for one in conditions], len(conditions) - 1
    resampler = Resampler()
    glue = [Pair(task, ENGLISH) for task in TASKS["glue"]]
    leads = [resampler.compare(sets, whole, other, glue, "glue", "mean") for other in range(whole)]
    there = [lead for lead in leads if lead]
    certain = said("Table 3", there, [one.label for one in conditions], SUITES.__getitem__)
    how = [f"p of a gain: {HOW_GAIN}."] if any(lead.p is not None for lead in there) else []
    columns = (*(Column(part, paper=False) for part in _PARTS), Column("GLUE mean"))
    block = mark_best_of_columns(Block("", tuple(rows)), columns)
    told = results.told("table3", conditions, marks, after=[*certain, *how])
    return Table(columns=columns, blocks=(block,), **told)


def _table4(results: Results) -> Table:
    """Return the mean of SuperGLUE on a few percent of the training data, a row for each share of it."""
    entry, conditions, marks = results.file.entry("table4"), results.by_label("table4"), Marks()
    methods, numbers = [ROWS[name] for name in entry.rows], published(PAPER)
    rows = []
    for share in entry.labels:
        group = f"train={share.replace(' ', '')}"
        cells = [
            make_cell(
                conditions[share, method.title].run_set.tasks(TASKS["superglue"]),
                numbers.value("Table 4", method.short, "average of BoolQ,WiC,CB,WSC", "mean_accuracy", group),
                marks,
            )
            for method in methods
        ]
        rows.append(Row(share, mark_seeds(mark_best(cells), marks)))
    columns = tuple(Column(method.title) for method in methods)
    told = results.told("table4", conditions.values(), marks)
    return Table(columns=columns, blocks=(Block("", tuple(rows)),), **told)


def _table5(results: Results) -> Table:
    """Return summaries and translation with 1 % of the training data, a block for each size of the backbone."""
    entry, conditions, marks = results.file.entry("table5"), results.by_label("table5"), Marks()
    tasks = entry.labels
    scores = (Column(task_of(task).title, METRIC_TITLES[task_of(task).metric]) for task in tasks)
    columns = (*scores, Column("mean", "all three"))

    def cell(size: str, name: str, task: str | None) -> Cell:
        column, metric = (task_of(task).title, task_of(task).metric) if task else ("Avg", "mean_over_tasks")
        group = f"T5-{size.title()};train=1%"
        printed = published(PAPER).value("Table 5", ROWS[name].short, column, metric, group)
        runs = conditions[size, ROWS[name].title].run_set
        return make_cell(runs.tasks([task] if task else tasks), printed, marks)

    blocks = []
    for size in entry.sizes:
        rows = [
            Row(ROWS[name].title, tuple(cell(size, name, task) for task in (*tasks, None))) for name in entry.rows
        ]
        ours = results.scale.sizes.get(size)
        title = f"T5-{size}" if ours in (None, f"t5-{size}") else f"T5-{size} (ours: {ours})"
        blocks.append(mark_best_of_columns(Block(title, tuple(rows)), columns))
    absent = results.without(entry.sizes)
    # no command makes runs on a backbone that the profile does not have
    told = results.told("table5", conditions.values(), marks, after=absent, can_be_made=not absent)
    return Table(columns=columns, blocks=tuple(blocks), **told)


def build(results: Results, name: str) -> list[Table]:
    """Return the one table."""
    return [{"table3": _table3, "table4": _table4, "table5": _table5}[name](results)]
