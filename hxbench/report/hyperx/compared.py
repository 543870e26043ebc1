"""Figures 3, 4, 5 and 7: conditions of one experiment side by side, and what one is worth over another."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.hyperx.cells import doubt, make_cell, printed_score
from hxbench.report.hyperx.results import Condition, Results
from hxbench.report.hyperx.rows import METRICS, MethodRow
from hxbench.report.hyperx.scores import members
from hxbench.report.table import Block, Cell, Marks, Row

_MIXED = "Mixed-language multi-task"
_OTHER_LANGUAGES = "the two conditions are not scored on the same languages"


@dataclass(frozen=True)
class Gain:
    """What is said of two conditions: the scores of `more` minus those of `less`."""

    more: int  # the conditions, by their place in the experiment
    less: int
    told: tuple[str, ...]  # the groups that the panels tell it of
    artifact: str = ""  # where the paper prints it, and under which row and column
    row: str = ""
    column: str = ""

    def printed(self, task: str, group: str) -> float | None:
        """Return what the paper prints."""
        return printed_score(self.artifact, self.row, self.column, task, group) if self.artifact else None


def by_seed(condition: Condition, task: str, group: str) -> dict[int, float]:
    """Return a group's mean for each seed that has it."""
    seeds = condition.run_set.whole_seeds(task, members(group))
    return dict(zip(seeds, condition.run_set.group(task, group).values, strict=False))


def gain_cell(
    more: Condition, less: Condition, task: str, group: str, marks: Marks, printed: float | None
) -> Cell:
    """Return the mean and deviation of the differences, seed by seed, over the seeds that both have."""
    ours, theirs = (by_seed(one, task, group) for one in (more, less))
    estimates = [one.run_set.group(task, group) for one in (more, less)]
    if ours and theirs and estimates[0].covers != estimates[1].covers:
        return Cell(published=printed, marks=(marks.letter(_OTHER_LANGUAGES),))
    values = [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
    lacking = (marks.missing(),) if any(one.incomplete for one in estimates) else ()
    return Cell(
        mean=fmean(values) if values else None,
        sd=stdev(values) if len(values) > 1 else None,
        n=len(values),
        published=printed,
        marks=lacking,
        covers=estimates[0].covers,
    )


def _said(gain: Gain, cells: dict[str, Cell]) -> str:
    """Return the line below a panel's title."""
    parts = []
    for group in gain.told:
        cell = cells[group]
        text = "no runs yet" if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
        text += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
        text += "*" if cell.mean is not None and cell.marks else ""
        text += f" (paper {cell.published:+.1f})" if cell.published is not None else ""
        parts.append(f"{group} {text}")
    return f"gain: {', '.join(parts)}"


def _series(
    conditions: Iterable[Condition], task: str, groups: tuple[str, ...], known: MethodRow | None, marks: Marks
) -> tuple[Series, ...]:
    """Return the bars; the first condition is the plain recipe, whose values Table 2 prints if it is `known`."""
    series = []
    for number, one in enumerate(conditions):
        cells = []
        for group in groups:
            where = ("Table 2", known.published, _MIXED, task, group) if known and number == 0 else None
            printed = printed_score(*where) if where else None
            odd = doubt(*where) if where else None
            cells.append(make_cell(one.run_set.group(task, group), printed, marks, doubt=odd))
        series.append(Series(one.label, tuple(cells)))
    return tuple(series)


def compare(
    results: Results,
    name: str,
    title: str,
    groups: tuple[str, ...],
    gain: Gain,
    *,
    known: MethodRow | None = None,
    caption: tuple[str, ...] = (),
) -> Figure:
    """Return the figure of an experiment: a panel a task, a bar a condition."""
    conditions, marks = results.conditions(name), Marks()
    more, less = conditions[gain.more], conditions[gain.less]
    panels, rows = [], []
    for task, (_, metric) in METRICS.items():
        cells = {group: gain_cell(more, less, task, group, marks, gain.printed(task, group)) for group in groups}
        rows.append(Row(metric, tuple(cells.values())))
        series = _series(conditions, task, groups, known, marks)
        panels.append(Panel(metric, metric.partition(" ")[2], series, said=_said(gain, cells)))
    difference = f"{more.label} − {less.label}"
    said = [f"gain: {difference}, in points, seed by seed."]
    said += ["The published values are of mBERT on real languages."] if results.synthetic and known else []
    return Figure(
        name=name,
        title=title,
        kind="bars",
        stub="condition",
        places=groups,
        panels=tuple(panels),
        compared=(Block(f"{difference}, in points", tuple(rows)),),
        heading=results.heading(conditions, published=bool(known or gain.artifact)),
        caption=(*said, *caption),
        notes=marks.notes(),
        remarks=results.remarks(conditions),
        commands=results.commands(conditions, name),
        facts={"paper": "hyperx", "profile": results.profile},
    )
