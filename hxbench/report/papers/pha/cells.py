"""The cells of Table 1: ours beside the numbers that PHA prints."""

from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pha.rows import FILE, PAPER, SUITES, TASKS, titles
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import RunSet
from hxbench.tasks import task_of

_MEAN = "Avg"
_PARAMETERS = ("Tunable Params", "tunable_params_per_task", "T5-base")  # column, metric, group


def printed_score(row: str, suite: str, task: str | None) -> float | None:
    """Return what Table 1 prints for a task, or for the mean of the suite without one."""
    column = titles([task])[0] if task else _MEAN
    metric = {"matthews": "matthews", "pearson": "pearson"}.get(task_of(task).metric, "accuracy") if task else ""
    return published(PAPER).value("Table 1", row, column, metric or "mean_over_tasks", SUITES[suite])


def printed_parameters(row: str) -> float | None:
    """Return the parameters per task that Table 1 prints."""
    return published(PAPER).value("Table 1", row, *_PARAMETERS)


def parameters_cell(runs: RunSet, method: MethodRow | None, suite: str, marks: Marks) -> Cell:
    """Return the cell of the parameters per task, which the paper counts per task of GLUE."""
    ours = parameters_per_task(runs, len(TASKS[suite]))
    if method is None or suite != "glue":  # a model of SuperGLUE is shared by half as many
        return make_cell(ours, None, marks)
    odd = published(PAPER).note("Table 1", method.published, *_PARAMETERS)
    return make_cell(ours, printed_parameters(method.published), marks, doubt=odd)


def origin_of(row: str) -> str:
    """Return where the paper has a row of Table 1 from; nothing for runs of its own."""
    lines = (line for line in published(PAPER).rows if line["artifact"] == "Table 1" and line["group"] == "GLUE")
    sources = {line["quoted_from"] for line in lines if line["row"] == row}
    source = sources.pop() if len(sources) == 1 else ""
    return FILE.text("quoted", source=source) if source else ""


def parameters_per_task(runs: RunSet, tasks: int) -> Estimate:
    """Return the counted parameters per task: a model of one task has its own, the others share theirs."""
    found = runs.cost("counted_parameters")
    share = 1 if all(model.task for model in runs.models) else tasks
    return replace(found, values=tuple(value / share for value in found.values), note="")


def score_cell(runs: RunSet, method: MethodRow | None, suite: str, task: str | None, marks: Marks) -> Cell:
    """Return the cell of a task of Table 1, or of the mean without one; `method` is a row of the paper's."""
    row = method.published if method else ""
    printed = printed_score(row, suite, task)
    odd = "" if task else published(PAPER).note("Table 1", row, _MEAN, "mean_over_tasks", SUITES[suite])
    return make_cell(runs.tasks([task] if task else TASKS[suite]), printed, marks, doubt=odd)
