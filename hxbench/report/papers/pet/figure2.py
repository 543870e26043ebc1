"""Figure 2: five ways of tuning on nine backbones, and how far apart they are."""

from collections.abc import Mapping
from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import MISSING, Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pet.budgets import majority_of
from hxbench.report.papers.pet.rates import how, rates_table
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import FAMILIES, FILE, METHODS, PAPER, Backbone, Family
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.scores.averages import deviation
from hxbench.report.scores.estimate import combined
from hxbench.report.stats.spread import change
from hxbench.tasks import task_of

_NAME = "Figure 2"
_PLACES = ("small", "middle", "large")
_SPREAD = "S.D. over tuning methods"
Shown = Mapping[At, Tried]


def printed(row: str, backbone: Backbone, family: Family) -> float | None:
    """Return what the paper prints of a method, or of the deviation over them, on a backbone."""
    metric = "sample_sd_over_5_methods" if row == _SPREAD else "average_performance"
    return published(PAPER).value(_NAME, row, backbone.printed, metric, f"{len(family.tasks)} tasks")


def _cell(
    tried: Shown, method: MethodRow, backbone: Backbone, family: Family, tasks: tuple[str, ...], marks: Marks
) -> Cell:
    one = tried.get(At(backbone.size, method.method))
    return make_cell(one.over(tasks) if one else None, printed(method.title, backbone, family), marks)


def spread_of_bars(series: tuple[Series, ...], place: int) -> float | None:
    """Return the sample deviation of the five bars at a place; None while one is missing."""
    means = [one.cells[place].mean for one in series]
    there = [mean for mean in means if mean is not None]
    return deviation(there) if len(there) == len(METHODS) else None


def spread_by_seed(tried: Shown, backbone: Backbone, tasks: tuple[str, ...]) -> dict[int, float]:
    """Return the deviation over the five methods for each seed that has them all."""
    found = [tried.get(At(backbone.size, one.method)) for one in METHODS]
    each = [one.over(tasks) for one in found if one]
    return combined(each, deviation).by_seed if len(each) == len(METHODS) else {}


def _spread_row(series: tuple[Series, ...], family: Family, marks: Marks) -> Row:
    cells = []
    for place, backbone in enumerate(family.backbones):
        there = [one.cells[place] for one in series]
        lacks = (marks.missing(),) if any(MISSING in cell.marks for cell in there) else ()
        value = spread_of_bars(series, place)
        runs = tuple(sorted({one for cell in there for one in cell.runs})) if value is not None else ()
        theirs = printed(_SPREAD, backbone, family)
        cells.append(Cell(value, published=theirs, n=1, marks=lacks if value else (), runs=runs))
    return Row(f"{family.title}, S.D.", tuple(cells))


def _said(row: Row) -> str:
    """Return the deviations as they stand above a panel."""
    ours = ", ".join("–" if cell.mean is None else f"{cell.mean:.1f}" for cell in row.cells)
    theirs = ", ".join(f"{cell.published:.2f}" for cell in row.cells if cell.published is not None)
    return f"S.D. of the five: ours {ours}; published {theirs}"


def _shrinks(tried: Shown, tasks: Mapping[Family, tuple[str, ...]]) -> str:
    """Return whether the deviation falls from the smallest to the largest backbone, over the seeds."""
    words = []
    for family in FAMILIES:
        small, large = (spread_by_seed(tried, backbone, tasks[family]) for backbone in family.ends)
        if interval := change(small, large):
            words.append(f"{family.title} {interval.said()}")
    return FILE.text("shrinks_over_methods", intervals="; ".join(words)) if words else ""


def _by_task(tried: Shown, tasks: Mapping[Family, tuple[str, ...]], figure: Figure) -> list[Table]:
    """Return what the bars are means of: a block for each backbone that has runs; nothing without any."""
    marks, blocks = Marks(), []
    every = tuple(dict.fromkeys(task for some in tasks.values() for task in some))
    columns = tuple(Column(task_of(task).title, paper=False) for task in every)
    for family in FAMILIES:
        for backbone in family.backbones:
            ways = [(one.title, tried.get(At(backbone.size, one.method))) for one in METHODS]
            if not any(one and one.records for _, one in ways):
                continue
            rows = [
                Row(
                    title,
                    tuple(
                        make_cell(one.over((task,)), None, marks)
                        if one and task in tasks[family]
                        else Cell(text="")
                        for task in every
                    ),
                )
                for title, one in ways
            ]
            best = mark_best_of_columns(Block(backbone.title, tuple(rows)), columns)
            line = Row("most frequent", tuple(Cell(majority_of(tried, backbone.size, task)) for task in every))
            blocks.append(replace(best, rows=(*best.rows, line)))
    title = f"{figure.title}, by task"
    table = Table(f"{figure.name}-by-task", title, "method", columns, tuple(blocks), heading=figure.heading)
    return [replace(table, notes=marks.notes(), facts=figure.facts)] if blocks else []


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each family."""
    tried, marks = results.tried("figure2"), Marks()
    tasks = {family: results.tasks_of(family) for family in FAMILIES}
    panels, spreads = [], []
    for letter, family in zip("abc", FAMILIES, strict=True):
        series = tuple(
            Series(
                one.title,
                tuple(_cell(tried, one, backbone, family, tasks[family], marks) for backbone in family.backbones),
            )
            for one in METHODS
        )
        spreads.append(_spread_row(series, family, marks))
        sizes = ", ".join(one.short for one in family.backbones)
        panels.append(
            Panel(
                f"({letter}) {family.title} {sizes}",
                f"mean of {len(tasks[family])} tasks (%)",
                series,
                said=_said(spreads[-1]),
                ticks=results.ticks(tried, family.backbones, "{end}; paper: {paper}"),
            )
        )
    every = [backbone for family in FAMILIES for backbone in family.backbones]
    shown, shrinks = list(tried.values()), _shrinks(tried, tasks)
    before = [
        *how(tried),
        FILE.text("head"),
        *results.other_tasks(),
        *results.without(every),
        *results.splits(shown),
    ]
    caption = [FILE.text("spread"), *([shrinks] if shrinks else [])]
    figure = Figure(
        kind="bars",
        places=_PLACES,
        axis="backbone",
        panels=tuple(panels),
        columns=1,
        compared=(Block("spread over the five methods", tuple(spreads)),),
        names=tuple((f"{one.title} {', '.join(b.short for b in one.backbones)}", one.title) for one in FAMILIES),
        **results.told("figure2", shown, marks, before=before, caption=caption),
    )
    rates = rates_table(figure.name, tried, figure.facts)
    return [replace(figure, given=(figure.table(), *_by_task(tried, tasks, figure), *rates))]
