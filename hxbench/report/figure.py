"""A figure with nothing of any output format in it: its points, and what has to be said about them."""

from dataclasses import dataclass, field
from typing import Literal

from hxbench.report.table import Block, Cell, Column, Row, Table


@dataclass(frozen=True)
class Series:
    """The points of one condition or method, a cell for each place."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: the metric stands at the vertical one, `said` below the title."""

    title: str
    metric: str
    series: tuple[Series, ...]
    said: str = ""


@dataclass(frozen=True)
class Figure:
    """Panels with the same places and the same series, drawn as bars or as lines.

    `at` are the places on the axis of a line (bars stand side by side); `compared` are rows about the points, such
    as differences, for the table; `caption` are sentences that the picture itself must carry.
    """

    name: str
    title: str
    kind: Literal["bars", "lines"]
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

    def table(self) -> Table:
        """Return the points as a table, a block a panel: what there is of a figure in every format of a table."""
        blocks = [Block(panel.title, tuple(Row(s.title, s.cells) for s in panel.series)) for panel in self.panels]
        return Table(
            name=self.name,
            title=self.title,
            stub=self.stub,
            columns=tuple(Column(place) for place in self.places),
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
