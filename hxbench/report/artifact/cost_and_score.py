"""What tuning methods cost and score: points of a plane for each cost, their Pareto front, and rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Kind, Marks, Row, Table
from hxbench.report.scores.estimate import Estimate

# what it costs: the metric of the store, what the axis says, the title and kind of its column, its letter
COSTS: tuple[tuple[str, str, str, Kind, str], ...] = (
    ("counted_parameters", "tuned parameters (log scale)", "parameters", "parameters", "P"),
    ("flops_per_token", "operations per token (log scale)", "FLOPs/token", "parameters", "F"),
    ("wall_seconds", "seconds of a run (log scale)", "time", "duration", "S"),
)
AREAS = {"small": 10.0, "base": 22.0, "large": 40.0}  # of a point, by the size of its backbone
FRONT = "On the Pareto front: nothing costs less and scores as much, in P parameters, F operations, S seconds."
Front = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Tuned:
    """A method on one backbone, with its score and costs; `size` is the end of the size's name."""

    series: str
    title: str
    size: str
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


def panels_of(title: str, series: Sequence[str], methods: Sequence[Tuned]) -> list[Panel]:
    """Return a panel for each cost, with a series for each of these names."""
    panels = []
    for number, (metric, axis, *_) in enumerate(COSTS):
        drawn = []
        for name in series:
            mine = [(one, point) for one in methods if one.series == name and (point := one.point(metric))]
            points, areas = tuple(point for _, point in mine), tuple(AREAS[one.size] for one, _ in mine)
            runs = tuple(one.score.run_ids for one, _ in mine)
            drawn.append(Series(name, points=points, areas=areas, runs=runs))
        best = front([point for one in drawn for point in one.points])
        panels.append(Panel(title, "score" * (number == 0), tuple(drawn), axis=axis, front=best))
    return panels


def block_of(title: str, methods: Sequence[Tuned], panels: Sequence[Panel], marks: Marks) -> Block:
    """Return a row for each method, which says on the Pareto front of which of the panels it is."""
    rows = []
    for one in methods:
        costs = [make_cell(one.costs[metric], None, marks) for metric, *_ in COSTS]
        both = zip(COSTS, panels, strict=True)
        on = " ".join(letter for (metric, *_, letter), panel in both if one.point(metric) in panel.front)
        rows.append(Row(one.title, (make_cell(one.score, None, marks), *costs, Cell(text=on))))
    return Block(title, tuple(rows))


def with_table(figure: Figure, blocks: Sequence[Block]) -> Figure:
    """Return the figure with these rows in place of its points."""
    columns = [Column(title, kind=kind, paper=False) for _, _, title, kind, _ in COSTS]
    table: Table = replace(
        figure.table(),
        columns=(Column("score", paper=False), *columns, Column("Pareto front", paper=False)),
        blocks=tuple(blocks),
    )
    return replace(figure, given=(table,))
