"""The numbers that PHA prints, and where the paper contradicts itself about them (sheet, section 9)."""

from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pha.rows import PAPER, SUITES, TASKS, titles
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import RunSet
from hxbench.tasks import task_of

_ROUNDING = 0.065  # how far a mean of printed cells may be from a printed mean
_MEAN = "Avg"
_PARAMETERS = ("Tunable Params", "tunable_params_per_task", "T5-base")  # column, metric, group
MATTHEWS = "Matthews correlation, as the printed values are; the text says accuracy of all tasks but STS-B"


def printed_score(row: str, suite: str, task: str | None) -> float | None:
    """Return what Table 1 prints for a task, or for the mean of the suite without one."""
    column = titles([task])[0] if task else _MEAN
    metric = {"matthews": "matthews", "pearson": "pearson"}.get(task_of(task).metric, "accuracy") if task else ""
    return published(PAPER).value("Table 1", row, column, metric or "mean_over_tasks", SUITES[suite])


def printed_parameters(row: str) -> float | None:
    """Return the parameters per task that Table 1 prints."""
    return published(PAPER).value("Table 1", row, *_PARAMETERS)


def doubt_of_parameters(row: str) -> str:
    """Return what to say of printed parameters that cannot be had."""
    return published(PAPER).note("Table 1", row, *_PARAMETERS)


def doubt_of_mean(row: str, suite: str) -> str | None:
    """Return what to say of a printed mean: it is not that of its cells, or the text says otherwise."""
    printed = printed_score(row, suite, None)
    cells = [printed_score(row, suite, task) for task in TASKS[suite]]
    there = [value for value in cells if value is not None]
    found = []
    if printed is not None and len(there) == len(cells):
        mean = sum(there) / len(there)
        found += [f"the paper's own cells average {mean:.3f}"] if abs(mean - printed) > _ROUNDING else []
    told = published(PAPER).note("Table 1", row, _MEAN, "mean_over_tasks", SUITES[suite])
    return "; ".join([*found, *([told] if told else [])]) or None


def origin_of(row: str) -> str:
    """Return where the paper has a row of Table 1 from; nothing for runs of its own."""
    lines = (line for line in published(PAPER).rows if line["artifact"] == "Table 1" and line["group"] == "GLUE")
    sources = {line["quoted_from"] for line in lines if line["row"] == row}
    source = sources.pop() if len(sources) == 1 else ""
    return f"GLUE values quoted, by the paper's mark from {source}" if source else ""


def parameters_per_task(runs: RunSet, tasks: int) -> Estimate:
    """Return the counted parameters per task: a model of one task has its own, the others share theirs."""
    found = runs.cost("counted_parameters")
    share = 1 if all(model.task for model in runs.models) else tasks
    return replace(found, values=tuple(value / share for value in found.values), note="")


def score_cell(runs: RunSet, method: MethodRow | None, suite: str, task: str | None, marks: Marks) -> Cell:
    """Return the cell of a task of Table 1, or of the mean without one; `method` is a row of the paper's."""
    printed = printed_score(method.published, suite, task) if method else None
    odd = doubt_of_mean(method.published, suite) if method and task is None else None
    return make_cell(runs.tasks([task] if task else TASKS[suite]), printed, marks, doubt=odd)
