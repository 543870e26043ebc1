"""What each tuning method costs and scores, and which of them nothing beats (not in the paper)."""

from hxbench.report.artifact.cost_and_score import COSTS, FRONT, Tuned, block_of, panels_of, with_table
from hxbench.report.artifact.figure import Figure
from hxbench.report.artifact.table import Marks
from hxbench.report.papers.beside import beside_pha
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import (
    APET,
    BUDGETS,
    FAMILIES,
    FILE,
    METHODS,
    PLACED,
    Backbone,
    Family,
    budget_title,
)
from hxbench.report.papers.pet.scores import Tried
from hxbench.tasks import task_of

_SERIES = (*(one.title for one in METHODS), "APET")
_EXPERIMENTS = ("figure2", "figure4")


def _tuned(series: str, title: str, backbone: Backbone, one: Tried) -> Tuned:
    costs = {metric: one.cost(metric, PLACED) for metric, *_ in COSTS}
    size = backbone.size.rpartition("-")[2]
    return Tuned(series, f"{title}, {backbone.short}", size, one.over(PLACED), costs)


def tuned_in(results: Results, family: Family) -> list[Tuned]:
    """Return the five methods on every backbone of a family, and APET on the smallest and the largest."""
    five, placed = (results.tried(name) for name in _EXPERIMENTS)
    found = [
        _tuned(method.title, method.title, backbone, one)
        for method in METHODS
        for backbone in family.backbones
        if (one := five.get(At(backbone.size, method.method)))
    ]
    return found + [
        _tuned("APET", budget_title(budget), backbone, one)
        for budget in BUDGETS
        for backbone in family.ends
        if (one := placed.get(At(backbone.size, APET, budget)))
    ]


def build(results: Results) -> list[Figure]:
    """Return a row of panels a family, a column a cost; then PHA's methods beside these, where they can be."""
    marks = Marks()
    panels, blocks = [], []
    for family in FAMILIES:
        methods = tuned_in(results, family)
        row = panels_of(family.title, _SERIES, methods)
        panels += row
        blocks.append(block_of(family.title, methods, row, marks))
    found = {name: list(results.tried(name).values()) for name in _EXPERIMENTS}
    shown = [one for some in found.values() for one in some]
    every = [one for family in FAMILIES for one in family.backbones]
    commands = [line for name, some in found.items() for line in results.commands(some, name)]
    told = results.told(
        "frontier", shown, marks, before=[FRONT, *results.without(every)],
        caption=[FILE.text("common", tasks=", ".join(task_of(one).title for one in PLACED))],
    )  # fmt: skip
    figure = Figure(
        kind="frontier",
        places=(),
        panels=tuple(panels),
        columns=3,
        **told | {"commands": tuple(dict.fromkeys(commands))},
        ours="means over the seeds",
    )
    return [with_table(figure, blocks), *beside_pha(results)]
