"""How fast each tuning method gets where it ends, by size of the backbone and by placement (not in the paper)."""

from collections.abc import Mapping, Sequence

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Marks
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import (
    APET,
    BUDGETS,
    FAMILIES,
    FILE,
    METHODS,
    PLACED,
    Family,
    budget_title,
)
from hxbench.report.papers.pet.scores import SHARE, Tried
from hxbench.tasks import task_of

_TITLE = f"steps to {SHARE:.0%} of the final score".replace("%", " %")
_AXIS = "parameters (paper's backbone)"
Shown = Mapping[At, Tried]
_Row = tuple[str, str, str | None]  # title, method, budget


def _panel(
    tried: Shown,
    family: Family,
    tasks: tuple[str, ...],
    rows: Sequence[_Row],
    ends: bool,
    marks: Marks,
    ticks: tuple[str, ...],
) -> Panel:
    backbones = family.ends if ends else family.backbones

    def series(title: str, method: str, budget: str | None) -> Series:
        found = [tried.get(At(one.size, method, budget)) for one in backbones]
        return Series(title, tuple(make_cell(one.steps(tasks) if one else None, None, marks) for one in found))

    sizes = ", ".join(one.short for one in backbones)
    label = "updates" * (family is FAMILIES[0])
    title = f"{family.title} {sizes}"
    return Panel(title, label, tuple(series(*row) for row in rows), ticks=ticks, axis=_AXIS)


def _intervals(shown: Sequence[Tried]) -> str:
    """Return how finely steps are told: the runs are evaluated only so often."""
    specs = [record.spec for one in shown for record in one.records]
    every = sorted({spec.training.evaluate_every for spec in specs if not isinstance(spec, dict)})
    return (
        f" Runs are evaluated every {' or '.join(map(str, every))} updates: no step is told more finely."
        if every
        else ""
    )


def _figure(results: Results, name: str, what: str, rows: Sequence[_Row], experiment: str, ends: bool) -> Figure:
    tried, marks = results.tried(experiment), Marks()
    shown = list(tried.values())
    backbones = [one for family in FAMILIES for one in (family.ends if ends else family.backbones)]
    tasks = ", ".join(task_of(one).title for one in PLACED) if ends else "the tasks of a family"
    places = ("small", "large") if ends else ("small", "middle", "large")
    panels = [
        _panel(
            tried, family, PLACED if ends else results.tasks_of(family), rows, ends, marks,
            results.ticks(tried, family.ends if ends else family.backbones, "{size} ({paper})"),
        )
        for family in FAMILIES
    ]  # fmt: skip
    told = results.told(
        "convergence", shown, marks, experiment=experiment, sizes=[one.size for one in backbones],
        before=results.without(backbones), several_backbones=True,
        caption=[f"Means over {tasks}. {FILE.text('final')}{_intervals(shown)}"],
    )  # fmt: skip
    return Figure(
        name=name,
        title=f"PET scaling, {_TITLE}: {what}",
        kind="lines",
        places=places,
        panels=tuple(panels),
        at=tuple(map(float, range(len(places)))),
        columns=3,
        names=tuple(
            (f"{one.title} {', '.join(b.short for b in (one.ends if ends else one.backbones))}", one.title)
            for one in FAMILIES
        ),
        **told,
    )


def build(results: Results) -> list[Figure]:
    """Return two figures: the five methods over all their tasks, and APET's four budgets at random places."""
    methods: list[_Row] = [(one.title, one.method, None) for one in METHODS]
    places: list[_Row] = [(budget_title(budget), APET, budget) for budget in BUDGETS]
    return [
        _figure(results, "convergence", "five methods", methods, "figure2", ends=False),
        _figure(results, "convergence-places", "APET at random positions", places, "figure4", ends=True),
    ]
