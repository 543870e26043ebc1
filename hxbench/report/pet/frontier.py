"""What each way of tuning costs and scores, and which of them nothing beats (not in the paper)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hxbench.report.cells import make_cell
from hxbench.report.estimate import Estimate
from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.pet.results import At, Results
from hxbench.report.pet.rows import APET, BUDGETS, FAMILIES, METHODS, PAPER, PLACED, Backbone, Family, task_title
from hxbench.report.pet.scores import Tried
from hxbench.report.table import Block, Cell, Column, Kind, Marks, Row

# what it costs: the metric of the store, what the axis says, the title and kind of its column, its letter
_COSTS: tuple[tuple[str, str, str, Kind, str], ...] = (
    ("counted_parameters", "tuned parameters (log)", "parameters", "parameters", "P"),
    ("flops_per_token", "operations a token (log)", "FLOPs/token", "parameters", "F"),
    ("wall_seconds", "seconds of a run (log)", "time", "duration", "S"),
)
_AREAS = {"small": 10.0, "base": 22.0, "large": 40.0}
_NUMBERS = "score: mean ± sample s.d. over the seeds; costs: mean over the runs; not in the paper"
_COMMON = (
    "Scores are means of {}: what all ways of tuning have in common. The larger a point, the larger its backbone."
)
_FRONT = (
    "on the front: nothing of the family costs less and scores as much, in P parameters, F operations, S seconds."
)
Front = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Way:
    """A way of tuning one backbone, with its score and costs."""

    series: str
    title: str
    backbone: Backbone
    score: Estimate
    costs: Mapping[str, Estimate]

    def point(self, metric: str) -> tuple[float, float] | None:
        """Return its cost and its score, where both are known."""
        cost, score = self.costs[metric].mean, self.score.mean
        return (cost, score) if cost is not None and cost > 0 and score is not None else None


def front(points: Sequence[tuple[float, float]]) -> Front:
    """Return the points (cost, score) that no other beats, by cost: none costs as little and scores as much."""
    found: list[tuple[float, float]] = []
    for cost, score in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not found or score > found[-1][1]:
            found.append((cost, score))
    return tuple(found)


def _ways(results: Results, family: Family) -> list[Way]:
    five, placed = results.tried("figure2"), results.tried("figure4")

    def way(series: str, title: str, backbone: Backbone, one: Tried) -> Way:
        costs = {metric: one.cost(metric, PLACED) for metric, *_ in _COSTS}
        return Way(series, f"{title}, {backbone.short}", backbone, one.over(PLACED), costs)

    found = [
        way(method.title, method.title, backbone, one)
        for method in METHODS
        for backbone in family.backbones
        if (one := five.get(At(backbone.size, method.recipe)))
    ]
    found += [
        way("APET", f"APET_{name}", backbone, one)
        for budget, name in BUDGETS.items()
        for backbone in family.ends
        if (one := placed.get(At(backbone.size, APET, budget)))
    ]
    return found


def _panel(family: Family, ways: Sequence[Way], metric: str, axis: str, label: str) -> Panel:
    series = []
    for title in [*(one.title for one in METHODS), "APET"]:
        mine = [(one, point) for one in ways if one.series == title and (point := one.point(metric))]
        areas = tuple(_AREAS[one.backbone.size.partition("-")[2]] for one, _ in mine)
        series.append(Series(title, points=tuple(point for _, point in mine), areas=areas))
    points = [point for one in series for point in one.points]
    return Panel(family.title, label, tuple(series), axis=axis, front=front(points))


def _block(family: Family, ways: Sequence[Way], fronts: Mapping[str, Front], marks: Marks) -> Block:
    rows = []
    for one in ways:
        costs = [make_cell(one.costs[metric], None, marks) for metric, *_ in _COSTS]
        on = " ".join(letter for metric, *_, letter in _COSTS if one.point(metric) in fronts[metric])
        rows.append(Row(one.title, (make_cell(one.score, None, marks), *costs, Cell(text=on))))
    return Block(family.title, tuple(rows))


def build(results: Results) -> list[Figure]:
    """Return the one figure: a row of panels a family, a column a cost."""
    marks = Marks()
    panels, blocks = [], []
    for family in FAMILIES:
        ways = _ways(results, family)
        row = [
            _panel(family, ways, metric, axis, "score" * (number == 0))
            for number, (metric, axis, *_) in enumerate(_COSTS)
        ]
        panels += row
        fronts = {metric: panel.front for (metric, *_), panel in zip(_COSTS, row, strict=True)}
        blocks.append(_block(family, ways, fronts, marks))
    shown = [*results.tried("figure2").values(), *results.tried("figure4").values()]
    every = [one for family in FAMILIES for one in family.backbones]
    common = _COMMON.format(", ".join(map(task_title, PLACED)))
    figure = Figure(
        name="frontier",
        title="PET scaling, cost and score of every way of tuning",
        kind="frontier",
        stub="way of tuning",
        places=(),
        panels=tuple(panels),
        columns=3,
        heading=results.heading(shown, _NUMBERS, sizes=[one.size for one in every]),
        caption=(common,),
        notes=marks.notes(),
        remarks=(_FRONT, *results.without(every), *results.remarks(shown, timed=True, several_bodies=True)),
        commands=tuple(dict.fromkeys(
            line for name in ("figure2", "figure4")
            for line in results.commands(results.tried(name).values(), name)
        )),
        facts={"paper": PAPER, "profile": results.profile},
        ours="means over the seeds",
    )  # fmt: skip
    columns = [Column(title, kind=kind, paper=False) for _, _, title, kind, _ in _COSTS]
    table = replace(
        figure.table(),
        columns=(Column("score", paper=False), *columns, Column("on the front", paper=False)),
        blocks=tuple(blocks),
    )
    return [replace(figure, given=(table,))]
