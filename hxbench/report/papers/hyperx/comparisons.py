"""Figures 3, 4, 5 and 7 and the control: an experiment's conditions, and what one is worth over another.

The control is not in the paper: full fine-tuning on the pre-trained backbone and on a random one.
"""

from collections.abc import Iterable
from dataclasses import replace

from hxbench.report.artifact.cells import difference_cell, make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import MISSING, Block, Cell, Marks, Row, Table, mark_seeds
from hxbench.report.paper import Contrast
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS, ROWS, doubt, pairs, printed_score
from hxbench.report.render.walk import raised
from hxbench.report.scores.run_set import Condition
from hxbench.report.stats.significance import HOW_GAIN, Resampler, said

_MIXED = "Mixed-language multi-task"
_OTHER_LANGUAGES = "the two conditions are not scored on the same languages"


def _said(comparison: Contrast, cells: dict[str, Cell]) -> str:
    """Return the line below a panel's title."""
    parts = []
    for group in comparison.gains:
        cell = cells[group]
        absent = "no runs yet" if MISSING in cell.marks else "not comparable"
        text = absent if cell.mean is None else f"{cell.mean:+.1f}".replace("-", "−")
        text += f" ± {cell.sd:.1f}" if cell.sd is not None else ""
        text += raised("".join(cell.marks)) if cell.mean is not None else ""
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


def _series(conditions: Iterable[Condition], task: str, comparison: Contrast, marks: Marks) -> tuple[Series, ...]:
    """Return the bars; the first condition is the plain recipe, whose values Table 2 prints if it is known."""
    series, groups, known = [], comparison.groups, ROWS.get(comparison.known)
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
    comparison, conditions, marks = results.file.entry(name).comparison, results.conditions(name), Marks()
    assert comparison is not None
    more, less = conditions[comparison.more], conditions[comparison.less]
    panels, rows = [], []
    for task in results.tasks:
        metric = METRICS[task][1]
        cells = {}
        for group in comparison.groups:
            first, second = (one.run_set.group(task, group) for one in (more, less))
            printed = printed_score(*comparison.printed, task, group) if comparison.printed else None
            cells[group] = difference_cell(first, second, marks, printed, _OTHER_LANGUAGES)
        rows.append(Row(metric, tuple(cells.values())))
        series = _series(conditions, task, comparison, marks)
        panels.append(Panel(metric, metric.partition(" ")[2], series, said=_said(comparison, cells)))
    difference = f"{more.label} − {less.label}"
    caption = [f"gain: {difference}, in points, seed by seed."]
    caption += [results.file.text("real")] if results.synthetic and comparison.known else []
    tested = _tested(results, more, less, comparison.groups)
    figure = Figure(
        kind="bars",
        places=comparison.groups,
        axis="languages",
        panels=tuple(panels),
        compared=(Block(f"{difference}, in points", tuple(rows)),),
        **results.told(name, conditions, marks, caption=caption, after=tested),
    )
    return [figure.table()] if name == "controls" else [figure]
