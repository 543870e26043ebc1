"""Figures 3, 4, 5 and 7 and the control: an experiment's conditions, and what one is worth over another.

The control is not in the paper: full fine-tuning on the pre-trained backbone and on a random one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hxbench.report.artifact.cells import difference_cell, make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import MISSING, Block, Cell, Marks, Row, Table, mark_seeds
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.cells import doubt, printed_score
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import BASE, GROUPS, MBERT, METRICS, pairs
from hxbench.report.scores.run_set import Condition
from hxbench.report.stats.significance import HOW_GAIN, Resampler, said

_MIXED = "Mixed-language multi-task"
_OTHER_LANGUAGES = "the two conditions are not scored on the same languages"
_TWO = ("SEEN", "UNSEEN")
_SWITCHED = (
    "Switched: kk, mt and yue change sides, so that each has a relative among the sources of its task. "
    "The paper prints no values of the bars; published is its Table 2 for the original partitions."
)


@dataclass(frozen=True)
class Comparison:
    """An experiment whose conditions stand side by side; its gain is the scores of `more` minus those of `less`.

    Both are places in the experiment. `told` are the groups that a panel tells the gain of, `text` is where the
    paper prints it: artifact, row and column. Table 2 prints the first condition if that is the method `known`.
    """

    groups: tuple[str, ...]
    more: int
    less: int
    told: tuple[str, ...]
    text: tuple[str, str, str] | None = None
    known: MethodRow | None = None
    caption: tuple[str, ...] = ()

    def printed(self, task: str, group: str) -> float | None:
        """Return the gain that the paper prints."""
        return printed_score(*self.text, task, group) if self.text else None


COMPARISONS = {
    "figure3": Comparison(
        _TWO, 0, 2, ("UNSEEN",),
        text=("Figure 3 (text)", BASE.published, "effect of MLM data"), known=BASE,
        caption=(
            "The paper prints no values of the bars; published are its Table 2 for the first, and the gain "
            "from its text. Matched updates are not in the paper: without MLM every batch is a labelled one.",
        ),
    ),
    "figure4": Comparison(
        _TWO, 1, 0, _TWO, known=BASE, caption=(_SWITCHED,)
    ),
    "figure5": Comparison(
        _TWO, 1, 0, _TWO, known=MBERT, caption=(_SWITCHED,)
    ),
    "figure7": Comparison(
        GROUPS, 0, 1, ("ALL",),
        caption=(
            "The paper prints no values of the bars and names neither setting nor variant: "
            "mixed and Hyper-X Base here.",
        ),
    ),
    "controls": Comparison(
        GROUPS, 0, 1, ("UNSEEN",)
    ),
}  # fmt: skip


def _said(comparison: Comparison, cells: dict[str, Cell]) -> str:
    """Return the line below a panel's title."""
    parts = []
    for group in comparison.told:
        cell = cells[group]
        absent = "no runs yet" if MISSING in cell.marks else "not comparable"
        text = absent if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
        text += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
        text += "*" if cell.mean is not None and cell.marks else ""
        text += f" (paper {cell.published:+.1f})" if cell.published is not None else ""
        parts.append(f"{group} {text}")
    return f"gain: {', '.join(parts)}"


def _tested(results: Results, more: Condition, less: Condition, groups: tuple[str, ...]) -> list[str]:
    """Return how surely the gains are gains, in the direction that is claimed."""
    resampler, sets = Resampler(), [more.run_set, less.run_set]
    each = [(task, group) for task in results.tasks for group in groups]
    found = [resampler.compare(sets, 0, 1, pairs(*where), *where) for where in each]
    leads = [lead for lead in found if lead]
    how = [f"p of a gain: {HOW_GAIN}."] if any(lead.p is not None for lead in leads) else []
    return [*said("gains", leads, [more.label, less.label], lambda task: METRICS[task][1]), *how]


def _series(
    conditions: Iterable[Condition], task: str, comparison: Comparison, marks: Marks
) -> tuple[Series, ...]:
    """Return the bars; the first condition is the plain recipe, whose values Table 2 prints if it is known."""
    series, groups, known = [], comparison.groups, comparison.known
    for number, one in enumerate(conditions):
        cells = []
        for group in groups:
            where = ("Table 2", known.published, _MIXED, task, group) if known and number == 0 else None
            printed, odd = (printed_score(*where), doubt(*where)) if where else (None, None)
            cells.append(make_cell(one.run_set.group(task, group), printed, marks, doubt=odd))
        series.append(Series(one.label, tuple(cells)))
    alike = mark_seeds([cell for one in series for cell in one.cells], marks)
    return tuple(
        replace(one, cells=alike[at : at + len(groups)])
        for one, at in zip(series, range(0, len(alike), len(groups)), strict=True)
    )


def build(results: Results, name: str) -> list[Figure] | list[Table]:
    """Return the figure of an experiment, a panel a task and a bar a condition; of the control its table."""
    comparison, conditions, marks = COMPARISONS[name], results.conditions(name), Marks()
    more, less = conditions[comparison.more], conditions[comparison.less]
    panels, rows = [], []
    for task in results.tasks:
        metric = METRICS[task][1]
        cells = {}
        for group in comparison.groups:
            first, second = (one.run_set.group(task, group) for one in (more, less))
            printed = comparison.printed(task, group)
            cells[group] = difference_cell(first, second, marks, printed, _OTHER_LANGUAGES)
        rows.append(Row(metric, tuple(cells.values())))
        series = _series(conditions, task, comparison, marks)
        panels.append(Panel(metric, metric.partition(" ")[2], series, said=_said(comparison, cells)))
    difference = f"{more.label} − {less.label}"
    known = comparison.known
    about = [f"gain: {difference}, in points, seed by seed."]
    about += ["The published values are of mBERT on real languages."] if results.synthetic and known else []
    figure = Figure(
        kind="bars",
        stub="condition",
        places=comparison.groups,
        panels=tuple(panels),
        compared=(Block(f"{difference}, in points", tuple(rows)),),
        caption=(*about, *comparison.caption),
        **results.told(
 name, conditions, marks,
            numbers="published" if known or comparison.text else "unpublished",
            after=_tested(results, more, less, comparison.groups),
        ),
    )  # fmt: skip
    return [figure.table()] if name == "controls" else [figure]
