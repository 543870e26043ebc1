"""A figure with nothing of any output format in it: its points, and what has to be said about them."""

from dataclasses import dataclass, field, replace
from typing import Literal

from hxbench.report.artifact.table import Block, Cell, Column, Kind, OneLine, Row, Table


@dataclass(frozen=True)
class Series(OneLine):
    """The points of one condition or method: a cell for each place, or places of its own in a plane.

    `at` are places on the axis that only this series has, one a cell; `rings` are (place, mark) of cells that
    stand out; `level` is a line across the panel that belongs to the series; `areas` tell how large points are,
    `runs` the ids of those behind each point.
    """

    title: str
    cells: tuple[Cell, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    at: tuple[float, ...] = ()
    rings: tuple[tuple[int, str], ...] = ()
    level: Cell | None = None
    areas: tuple[float, ...] = ()
    runs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Panel(OneLine):
    """One pair of axes: the metric stands at the vertical one, `said` above the title.

    `places`, `at` and `axis` are the figure's, unless the panel has its own; `ticks` stand there in the
    picture. `floor` is a line across it that belongs to no series, `front` the points that a line goes through.
    """

    title: str
    metric: str
    series: tuple[Series, ...]
    said: str = ""
    places: tuple[str, ...] = ()
    ticks: tuple[str, ...] = ()
    at: tuple[float, ...] = ()
    axis: str = ""
    floor: float | None = None
    front: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Figure(OneLine):
    """Panels with the same series, drawn as bars, as lines, as points in a plane or as a map of values.

    `at` are the places on the axis of a line (bars stand side by side); `compared` are rows about the points, such
    as differences, for the table; `caption` are sentences that the picture itself must carry. The first panel has
    every series that another has.
    """

    name: str
    title: str
    kind: Literal["bars", "lines", "scatter", "heat", "curves", "frontier", "differences"]
    stub: str  # what a series is
    places: tuple[str, ...]
    panels: tuple[Panel, ...]
    axis: str = ""
    at: tuple[float, ...] = ()
    compared: tuple[Block, ...] = ()
    heading: tuple[str, ...] = ()
    caption: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    quantity: Kind = "score"  # what the values of the cells are
    measured: bool = True  # by runs, and not computed from formulas
    ours: str = ""  # what a value of ours is, where it is no mean over the seeds
    columns: int = 2  # of panels
    scale: str = ""  # what the colours of a map tell
    names: tuple[tuple[str, str], ...] = ()  # what the picture calls what the paper names otherwise
    given: tuple[Table, ...] = ()  # the points, where a row is no series

    def tables(self) -> tuple[Table, ...]:
        """Return the points as tables: one, one a panel where panels have places of their own, or those given."""
        if self.given:
            return self.given
        if not any(panel.places for panel in self.panels):
            return (self.table(),)
        alone = [
            replace(self, title=f"{self.title}, {panel.title}", panels=(panel,), compared=()).table()
            for panel in self.panels
        ]
        named = [replace(one, name=f"{self.name}-{chr(97 + n)}") for n, one in enumerate(alone)]
        # what concerns them all is said once, below the last
        quiet = [replace(one, remarks=(), commands=()) for one in named[:-1]]
        return (*quiet, replace(named[-1], blocks=(*named[-1].blocks, *self.compared)))

    def table(self) -> Table:
        """Return the points as a table, a block a panel: what there is of a figure in every format of a table."""
        blocks = [_block(panel) for panel in self.panels if any(one.cells for one in panel.series)]
        places = self.places or self.panels[0].places
        return Table(
            name=self.name,
            title=self.title,
            stub=self.stub,
            columns=tuple(Column(place, kind=self.quantity) for place in places),
            blocks=(*blocks, *self.compared),
            heading=self.heading,
            notes=self.notes,
            remarks=(*self.caption, *self.remarks),
            commands=self.commands,
            facts=self.facts,
        )

    @property
    def series(self) -> tuple[Series, ...]:
        """The series of all panels, those of the first panel first."""
        return tuple(series for panel in self.panels for series in panel.series)

    def number(self, series: Series) -> int:
        """Return the place of a series among those of the first panel, which its look goes by in every panel."""
        return [one.title for one in self.panels[0].series].index(series.title)


def _block(panel: Panel) -> Block:
    return Block(panel.title, tuple(Row(series.title, series.cells) for series in panel.series))
