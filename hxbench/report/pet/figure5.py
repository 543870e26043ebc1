"""Figure 5: how many parameters it takes to leave random guessing, and how many to equal full fine-tuning."""

from collections.abc import Mapping
from dataclasses import replace

from hxbench import recipe
from hxbench.report.cells import make_cell
from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.pet.budgets import Curve, budgets_of, count_of, curve
from hxbench.report.pet.rates import HOW, several
from hxbench.report.pet.results import At, Results
from hxbench.report.pet.rows import (
    APET,
    BUDGETS,
    ENDS,
    FAMILIES,
    FT,
    PAPER,
    PLACED,
    Backbone,
    Family,
    task_title,
)
from hxbench.report.pet.scores import Tried
from hxbench.report.pet.thresholds import said
from hxbench.report.published import published
from hxbench.report.table import Block, Cell, Column, Marks, Row, Table, format_value

_ENDS = ("small", "large")
_NAMED = "Budgets with the name of a method are its size (Table 2): the runs of Figure 4."
_NUMBERS = "mean ± sample s.d. over the seeds; the paper prints ranges of the low thresholds alone"
_REVERSED = "the paper prints the two ends of this range in the other order"
Curves = Mapping[tuple[str, str], Curve]  # by size of backbone and task


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


def _panels(curves: Curves, marks: Marks) -> tuple[Panel, ...]:
    return tuple(
        Panel(
            f"{family.title}, {task_title(task)}",
            "score" * (number == 0),
            tuple(_series(curves, b, end, task, marks) for b, end in zip(family.ends, _ENDS, strict=True)),
            axis="tuned parameters (log)" if family is FAMILIES[-1] else "",
            floor=family.random(task),
        )
        for family in FAMILIES
        for number, task in enumerate(PLACED)
    )


def _budget_title(tried: Mapping[At, Tried], family: Family, budget: int | str) -> str:
    """Return the title of a budget's row: a named one with its numbers on both backbones."""
    if isinstance(budget, int):
        return f"{budget:,}"
    there = [tried.get(At(one.size, APET, budget)) for one in family.ends]
    counts = [count_of(one, budget) if one else None for one in there]
    words = ["–" if count is None else format_value(count, "parameters") for count in counts]
    return f"{BUDGETS[budget]} ({', '.join(words)})"


def _points(tried: Mapping[At, Tried], curves: Curves, family: Family, marks: Marks) -> Block:
    """Return the scores of a family: a row a budget, a column a task and backbone."""
    budgets = list(dict.fromkeys(b for one in family.ends for b in budgets_of(tried, one.size)))
    budgets.sort(key=lambda b: (isinstance(b, str), list(BUDGETS).index(b) if isinstance(b, str) else b))
    places = [(one.size, task) for task in PLACED for one in family.ends]

    def cell(size: str, task: str, budget: int | str) -> Cell:
        one = tried.get(At(size, APET, budget))
        return make_cell(one.over((task,)), None, marks) if one else Cell(text="")

    def full(size: str, task: str) -> Cell:
        there = At(size, FT.recipe) in tried
        return make_cell(curves[size, task].full, None, marks) if there else Cell(text="")

    rows = [
        Row(_budget_title(tried, family, budget), tuple(cell(size, task, budget) for size, task in places))
        for budget in budgets
    ]
    guess = tuple(Cell(family.random(task), text=f"{family.random(task):.1f}") for _, task in places)
    return Block(family.title, (*rows, Row("FT", tuple(full(*place) for place in places)), Row("guessing", guess)))


def _printed_range(backbone: Backbone) -> list[float]:
    """Return the ends of the printed range of low thresholds, in the order in which they are printed."""
    values = [
        published(PAPER).value("Section 5.3", "low threshold", backbone.printed, "tunable_parameters", which)
        for which in ("range first number", "range second number")
    ]
    return [value for value in values if value is not None]


def _threshold(one: Curve, value: int | None) -> Cell:
    """Return a threshold; that no budget reaches it is something else than that nothing can be said."""
    if value is None:
        enough = any(len(scores) > 1 for scores in one.scores.values())
        return Cell(text="none" if enough else "–")
    return Cell(float(value), n=1)


def _thresholds(results: Results, curves: Curves, heading: tuple[str, ...], criteria: recipe.Criteria) -> Table:
    marks = Marks()
    rows = []
    for backbone in ENDS:
        found = [curves[backbone.size, task] for task in PLACED]
        printed = _printed_range(backbone)
        theirs = Cell(text=" to ".join(format_value(value, "parameters") for value in sorted(printed)))
        cells = [
            *(_threshold(one, one.low) for one in found),
            theirs,
            *(_threshold(one, one.high) for one in found),
        ]
        doubt = marks.letter(_REVERSED) if printed != sorted(printed) else ""
        rows.append(Row(backbone.title, tuple(cells), mark=doubt))
    columns = [Column(task_title(task), "low threshold", "parameters", paper=False) for task in PLACED]
    columns.append(Column("paper, all three", "low threshold", "parameters", paper=False))
    columns += [Column(task_title(task), "high threshold", "parameters", paper=False) for task in PLACED]
    return Table(
        name="figure5-thresholds",
        title="PET scaling, Figure 5: thresholds, in tuned parameters",
        stub="backbone",
        columns=tuple(columns),
        blocks=(Block("", tuple(rows)),),
        heading=heading,
        notes=marks.notes(),
        remarks=(f"{said(criteria)}.", "none: no budget of the grid; of high thresholds nothing is printed."),
        facts={"paper": PAPER, "profile": results.profile},
    )


def _range(curves: Curves, backbone: Backbone, name: str) -> str:
    """Return from where to where a threshold is found over the tasks, and in how many if not in all."""
    values = sorted(v for task in PLACED if (v := getattr(curves[backbone.size, task], name)) is not None)
    if not values:
        return "none"
    ends = dict.fromkeys(format_value(value, "parameters") for value in (values[0], values[-1]))
    return " to ".join(ends) + (f" ({len(values)} of {len(PLACED)})" if len(values) < len(PLACED) else "")


def _ranges(curves: Curves) -> str:
    """Return where the thresholds fall on small and large backbones, over the tasks; nothing without scores."""
    words = []
    for family in FAMILIES:
        if any(curves[one.size, task].scores for one in family.ends for task in PLACED):
            each = (
                f"{name} {' / '.join(_range(curves, b, name) for b in family.ends)}" for name in ("low", "high")
            )
            words.append(f"{family.title} {', '.join(each)}")
    return f"Over the tasks, small / large backbone: {'; '.join(words)}." if words else ""


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each family and task."""
    tried, marks = results.tried("figure5"), Marks()
    criteria = recipe.load(PAPER, "figure5").thresholds
    curves = {
        (one.size, task): curve(tried, family, one, task, criteria)
        for family in FAMILIES
        for one in family.ends
        for task in PLACED
    }
    panels = _panels(curves, marks)
    blocks = tuple(_points(tried, curves, family, marks) for family in FAMILIES)
    shown = list(tried.values())
    heading = results.heading(shown, _NUMBERS, sizes=[one.size for one in ENDS])
    ranges = _ranges(curves)
    figure = Figure(
        name="figure5",
        title="PET scaling, Figure 5: APET by number of tuned parameters",
        kind="curves",
        stub="parameters",
        places=(),
        panels=panels,
        columns=3,
        heading=heading,
        caption=(f"{said(criteria)}.", *([ranges] if ranges else [])),
        notes=marks.notes(),
        remarks=(
            _NAMED,
            *([HOW] if several(tried) else []),
            *results.without(ENDS),
            *results.remarks(shown, several_bodies=True),
        ),
        commands=results.commands(shown, "figure5"),
        facts={"paper": PAPER, "profile": results.profile},
    )
    columns = tuple(Column(end, task_title(task), paper=False) for task in PLACED for end in _ENDS)
    points = replace(figure.table(), columns=columns, blocks=blocks)
    return [replace(figure, given=(points, _thresholds(results, curves, heading, criteria)))]
