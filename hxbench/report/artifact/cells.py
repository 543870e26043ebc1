"""Cells: our estimate, the paper's number, and the footnotes that belong to either."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from hxbench.report.artifact.table import Cell, Column, Marks
from hxbench.report.scores.estimate import Estimate, Runs, combined, on_plateau, said_of_plateaus
from hxbench.report.scores.run_set import Pairs
from hxbench.spec.languages import find_language
from hxbench.spec.settings import Pair
from hxbench.tasks import TAGGING, suite_tasks, task_of

MEAN = Column("mean", paper=False)
# what stands where no model is needed
MAJORITY = "always the most frequent label of the training data; STS-B: one score for all, which is no correlation"


def plateau_marks(runs: Runs, marks: Marks) -> tuple[str, ...]:
    """Return the mark of a value that a run enters which ended on the plateau of its label frequencies or above.

    It stays in the mean: without it a method that collapses now and then would look better than it is.
    """
    said = said_of_plateaus(runs)
    return (marks.letter(said),) if said else ()


def make_cell(estimate: Estimate | None, printed: float | None, marks: Marks, *, doubt: str | None = None) -> Cell:
    """Return the cell of an estimate (None where only the paper has a value) beside the printed value."""
    theirs = (marks.letter(doubt),) if doubt and printed is not None else ()
    if estimate is None:
        return Cell(published=printed, published_marks=theirs)
    ours = []
    if estimate.lacking and estimate.values:
        ours.append(marks.letter(f"over {', '.join(sorted(estimate.covers))} only: the data have no more"))
    elif estimate.lacking:
        ours.append(marks.letter("no data for this pair"))
    if estimate.note:
        ours.append(marks.letter(estimate.note))
    ours += plateau_marks(estimate.runs, marks)
    if estimate.incomplete:
        ours.append(marks.missing())
    return Cell(
        estimate.mean, estimate.sd, len(estimate.values), printed, tuple(ours), theirs, covers=estimate.covers,
        on_plateau=on_plateau(estimate.runs), seeds=tuple(zip(estimate.seeds, estimate.values, strict=False)),
        runs=estimate.run_ids,
    )  # fmt: skip


def difference_cell(more: Estimate, less: Estimate, marks: Marks, printed: float | None, otherwise: str) -> Cell:
    """Return the mean and deviation of the differences, seed by seed, over the seeds that both have.

    `otherwise` is said where the two cover different things.
    """
    if more.values and less.values and more.covers != less.covers:
        return Cell(published=printed, marks=(marks.letter(otherwise),))
    return make_cell(combined((more, less), lambda values: values[0] - values[1]), printed, marks)


def column_of(pair: Pair) -> Column:
    """Return the column of a pair; that of a task where all its texts are in one language."""
    if pair.task in suite_tasks(TAGGING):
        return Column(find_language(pair.language).paper_code, pair.task.upper(), paper=False)
    return Column(task_of(pair.task).title, paper=False)


def by_task(pairs: Iterable[Pair], over: Callable[[Pairs], Estimate]) -> dict[Column, Estimate]:
    """Return the score of each pair, of several text tasks also the mean of those with any."""
    each = {pair: over((pair,)) for pair in pairs}
    found = {column_of(pair): estimate for pair, estimate in each.items()}
    if len(found) > 1 and not any(column.group for column in found):
        there = [pair for pair, estimate in each.items() if estimate.values]
        mean = over(there) if there else Estimate()
        found[MEAN] = replace(mean, incomplete=any(one.incomplete for one in each.values()))
    return found
