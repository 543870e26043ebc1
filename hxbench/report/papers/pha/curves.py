"""Means of GLUE as curves: the methods of the paper over the conditions of an experiment (Figures 2 and 3)."""

from collections.abc import Mapping, Sequence

from hxbench.report.artifact.cells import difference_cell, make_cell
from hxbench.report.artifact.figure import Series
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.papers.pha.rows import CURVES, TASKS
from hxbench.report.papers.pha.scores import RunSet
from hxbench.report.scores.shown import Condition

GLUE = TASKS["glue"]
_OTHER_TASKS = "the two are not scored on the same tasks"
Conditions = Mapping[tuple[str, str], Condition[RunSet]]


def series(conditions: Conditions, labels: Sequence[str], marks: Marks) -> tuple[Series, ...]:
    """Return the curve of every method that the experiment has at these labels."""
    return tuple(
        Series(
            row.title,
            tuple(make_cell(conditions[at, row.title].run_set.over(GLUE), None, marks) for at in labels),
        )
        for row in CURVES
        if all((at, row.title) in conditions for at in labels)
    )


def lead(
    conditions: Conditions, label: str, more: str, less: str, marks: Marks, printed: float | None = None
) -> Cell:
    """Return the mean of GLUE of one method minus that of another, seed by seed."""
    both = (conditions[label, name].run_set.over(GLUE) for name in (more, less))
    return difference_cell(*both, marks, printed, _OTHER_TASKS)


def numbers_of_seeds(panels: Sequence[Sequence[Series]]) -> list[str]:
    """Return a sentence where points are over different numbers of seeds: marks would hide the curves."""
    counts = {cell.n for panel in panels for one in panel for cell in one.cells if cell.mean is not None}
    if len(counts) < 2:
        return []
    return [f"Numbers of seeds differ between points: {min(counts)} to {max(counts)}; the table's file has each."]
