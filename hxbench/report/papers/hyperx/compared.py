"""Figures 3, 4, 5 and 7: conditions of one experiment side by side, and what one is worth over another."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hxbench.report.artifact.cells import difference_cell, make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import MISSING, Block, Cell, Marks, Row, mark_seeds
from hxbench.report.papers.hyperx.cells import doubt, printed_score
from hxbench.report.papers.hyperx.results import PUBLISHED, UNPUBLISHED, Results
from hxbench.report.papers.hyperx.rows import METRICS, MethodRow
from hxbench.report.papers.hyperx.scores import RunSet
from hxbench.report.papers.hyperx.significance import Resampler, said
from hxbench.report.scores.shown import Condition
from hxbench.report.stats.significance import HOW_GAIN

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


def gain_cell(
    more: Condition[RunSet], less: Condition[RunSet], task: str, group: str, marks: Marks, printed: float | None
) -> Cell:
    """Return the mean and deviation of the differences, seed by seed, over the seeds that both have."""
    both = (one.run_set.group(task, group) for one in (more, less))
    return difference_cell(*both, marks, printed, _OTHER_LANGUAGES)


def _said(gain: Gain, cells: dict[str, Cell]) -> str:
    """Return the line below a panel's title."""
    parts = []
    for group in gain.told:
        cell = cells[group]
        absent = "no runs yet" if MISSING in cell.marks else "not comparable"
        text = absent if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
        text += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
        text += "*" if cell.mean is not None and cell.marks else ""
        text += f" (paper {cell.published:+.1f})" if cell.published is not None else ""
        parts.append(f"{group} {text}")
    return f"gain: {', '.join(parts)}"


def _tested(
    tasks: tuple[str, ...], more: Condition[RunSet], less: Condition[RunSet], groups: tuple[str, ...]
) -> list[str]:
    """Return how surely the gains are gains, in the direction that is claimed."""
    resampler, sets = Resampler(), [more.run_set, less.run_set]
    found = [resampler.compare(sets, 0, 1, task, group) for task in tasks for group in groups]
    leads = [lead for lead in found if lead]
    how = [f"p of a gain: {HOW_GAIN}."] if any(lead.p is not None for lead in leads) else []
    return [*said("gains", leads, [more.label, less.label]), *how]


def _series(
    conditions: Iterable[Condition[RunSet]],
    task: str,
    groups: tuple[str, ...],
    known: MethodRow | None,
    marks: Marks,
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
    alike = mark_seeds([cell for one in series for cell in one.cells], marks)
    return tuple(
        replace(one, cells=alike[at : at + len(groups)])
        for one, at in zip(series, range(0, len(alike), len(groups)), strict=True)
    )


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
    for task in results.tasks:
        metric = METRICS[task][1]
        cells = {group: gain_cell(more, less, task, group, marks, gain.printed(task, group)) for group in groups}
        rows.append(Row(metric, tuple(cells.values())))
        series = _series(conditions, task, groups, known, marks)
        panels.append(Panel(metric, metric.partition(" ")[2], series, said=_said(gain, cells)))
    difference = f"{more.label} − {less.label}"
    about = [f"gain: {difference}, in points, seed by seed."]
    about += ["The published values are of mBERT on real languages."] if results.synthetic and known else []
    return Figure(
        name=name,
        title=title,
        kind="bars",
        stub="condition",
        places=groups,
        panels=tuple(panels),
        compared=(Block(f"{difference}, in points", tuple(rows)),),
        heading=results.heading(conditions, PUBLISHED if known or gain.artifact else UNPUBLISHED),
        caption=(*about, *caption),
        notes=marks.notes(),
        remarks=(*results.remarks(conditions), *_tested(results.tasks, more, less, groups)),
        commands=results.commands(conditions, name),
        facts={"paper": "hyperx", "profile": results.profile},
    )
