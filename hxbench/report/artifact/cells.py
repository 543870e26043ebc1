"""One cell: our estimate, the paper's number, and the footnotes that belong to either."""

from statistics import fmean, stdev

from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.scores.estimate import Estimate, Runs, ids_of, on_plateau, said_of_plateaus


def plateau_marks(runs: Runs, marks: Marks) -> tuple[str, ...]:
    """Return the mark of a value that a run enters which ended on the plateau of its label frequencies.

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


def difference_cell(
    more: Estimate,
    less: Estimate,
    marks: Marks,
    printed: float | None,
    otherwise: str,
) -> Cell:
    """Return the mean and deviation of the differences, seed by seed, over the seeds that both have.

    `otherwise` is said where the two cover different things.
    """
    ours, theirs = more.by_seed, less.by_seed
    if ours and theirs and more.covers != less.covers:
        return Cell(published=printed, marks=(marks.letter(otherwise),))
    found = {seed: ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())}
    values = list(found.values())
    runs = more.runs | less.runs if values else frozenset()
    lacking = (marks.missing(),) if more.incomplete or less.incomplete else ()
    return Cell(
        mean=fmean(values) if values else None,
        sd=stdev(values) if len(values) > 1 else None,
        n=len(values),
        published=printed,
        marks=(*plateau_marks(runs, marks), *lacking),
        covers=more.covers,
        on_plateau=on_plateau(runs),
        seeds=tuple(found.items()),
        runs=ids_of(runs),
    )
