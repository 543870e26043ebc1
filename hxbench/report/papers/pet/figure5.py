"""Figure 5: how many parameters it takes to leave random guessing, and how many to equal full fine-tuning."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, format_value
from hxbench.report.papers.pet.budgets import budgets_of, count_of, curve, live_said
from hxbench.report.papers.pet.rates import how
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import (
    APET,
    BUDGETS,
    ENDS,
    FAMILIES,
    FT,
    PAPER,
    PLACED,
    Backbone,
    Family,
)
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.papers.pet.threshold_table import Curves, has_runs, ranges_of, threshold_table
from hxbench.report.papers.pet.thresholds import chances, said
from hxbench.spec import recipe
from hxbench.tasks import task_of

_ENDS = ("small", "large")
_COLUMNS = 3  # of panels


def _series(curves: Curves, backbone: Backbone, end: str, task: str, marks: Marks) -> Series:
    one = curves[backbone.size, task]
    rings = [(one.place(at), name) for name, at in (("low", one.low), ("high", one.high)) if at is not None]
    return Series(
        end,
        tuple(make_cell(point.score, None, marks) for point in one.points),
        at=tuple(float(point.count) for point in one.points),
        rings=tuple(rings),
        level=make_cell(one.full, None, marks) if one.full.values else None,
    )


def _panels(curves: Curves, tasks: tuple[str, ...], marks: Marks) -> tuple[Panel, ...]:
    """Return a panel for each family and task, of the families that have runs."""
    families = [family for family in FAMILIES if has_runs(curves, family)] or FAMILIES
    return tuple(
        Panel(
            f"{family.title}, {task_of(task).title}",
            "score" * (number % _COLUMNS == 0),
            tuple(_series(curves, b, end, task, marks) for b, end in zip(family.ends, _ENDS, strict=True)),
            axis="tuned parameters (log scale)" if family is families[-1] else "",
            floor=_floor(curves, family, task),
        )
        for number, (family, task) in enumerate(product(families, tasks))
    )


def _floor(curves: Curves, family: Family, task: str) -> float | None:
    """Return what guessing scores on both backbones; None where it is not the same."""
    found = {curves[one.size, task].random for one in family.ends}
    return found.pop() if len(found) == 1 else None


def _budget_title(tried: Mapping[At, Tried], family: Family, budget: int | str) -> str:
    """Return the title of a budget's row: a named one with its numbers on both backbones."""
    if isinstance(budget, int):
        return f"{budget:,}"
    there = [tried.get(At(one.size, APET, budget)) for one in family.ends]
    counts = [count_of(one, budget) if one else None for one in there]
    words = ["–" if count is None else format_value(count, "parameters") for count in counts]
    return f"{BUDGETS[budget]} ({', '.join(words)})"


def _points(
    tried: Mapping[At, Tried], curves: Curves, family: Family, tasks: tuple[str, ...], marks: Marks
) -> Block:
    """Return the scores of a family: a row a budget, a column a task and backbone."""
    budgets = list(dict.fromkeys(b for one in family.ends for b in budgets_of(tried, one.size)))
    budgets.sort(key=lambda b: (isinstance(b, str), list(BUDGETS).index(b) if isinstance(b, str) else b))
    places = [(one.size, task) for task in tasks for one in family.ends]

    def cell(size: str, task: str, budget: int | str) -> Cell:
        one = tried.get(At(size, APET, budget))
        return make_cell(one.over((task,)), None, marks) if one else Cell(text="")

    def full(size: str, task: str) -> Cell:
        there = At(size, FT.method) in tried
        return make_cell(curves[size, task].full, None, marks) if there else Cell(text="")

    rows = [
        Row(_budget_title(tried, family, budget), tuple(cell(size, task, budget) for size, task in places))
        for budget in budgets
    ]
    guesses = [curves[place].random for place in places]
    guess = tuple(Cell(value, text=f"{value:.1f}") for value in guesses)
    frequent = tuple(Cell(curves[place].frequent, n=1) for place in places)
    below = [Row("FT", tuple(full(*place) for place in places)), Row("guessing", guess)]
    below += [Row("most frequent", frequent)] if any(cell.mean is not None for cell in frequent) else []
    return Block(family.title, (*rows, *below))


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each family and task."""
    tried, tasks, marks = results.tried("figure5"), PLACED, Marks()
    criteria = recipe.load(PAPER, "figure5").thresholds
    curves = {
        (one.size, task): curve(tried, family, one, task, criteria)
        for family in FAMILIES
        for one in family.ends
        for task in tasks
    }
    panels = _panels(curves, tasks, marks)
    blocks = tuple(_points(tried, curves, family, tasks, marks) for family in FAMILIES)
    shown = list(tried.values())
    ranges = ranges_of(curves)
    most = max((len(one.points) for one in curves.values()), default=0)
    by_chance = chances(criteria, len(results.scale.seeds), most)
    told = f"{said(criteria)}." + (f" {by_chance.said()}" if by_chance else "")
    before = [
        *how(tried), *live_said(tried, ENDS, tasks), *results.without(ENDS), *results.splits(shown),
    ]  # fmt: skip
    figure = Figure(
        kind="curves",
        places=(),
        panels=panels,
        columns=_COLUMNS,
        **results.told(
            "figure5", shown, marks, before=before, caption=[told, *([ranges] if ranges else [])],
            facts=by_chance.facts() if by_chance else {},
        ),
    )  # fmt: skip
    columns = tuple(Column(end, task_of(task).title, paper=False) for task in tasks for end in _ENDS)
    points = replace(figure.table(), columns=columns, blocks=blocks)
    return [replace(figure, given=(points, threshold_table(curves, figure.heading, told, figure.facts)))]
