"""A panel of values as a map: a row a series, a column a place, each value written where it stands.

Where the paper has values, its map stands beside ours.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import MISSING, Cell, format_value
from hxbench.report.draw import style
from hxbench.report.render.walk import raised

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel

_COLORS = "Blues"  # from light to dark, so that grey print tells them too
_DARK = 0.6  # of the range: from there on letters are white


def beside_published(figure: "Figure", ours: "Figure | None" = None) -> "tuple[Panel, ...]":
    """Return the panels to be drawn, of `ours`, if it is another, and behind each what the paper has."""
    panels = []
    for panel, of_ours in zip(figure.panels, (ours or figure).panels, strict=True):
        panels.append(of_ours)
        if any(cell.published is not None for one in panel.series for cell in one.cells):
            theirs = tuple(
                replace(one, cells=tuple(Cell(cell.published) for cell in one.cells)) for one in panel.series
            )
            panels.append(replace(panel, title=f"{panel.title}: published", series=theirs, said=""))
    return tuple(panels)


def scale_of(figure: "Figure") -> tuple[float, float]:
    """Return the lowest and the highest value of the scale, the same in all panels.

    Percent are of something that counts as whole: more than that is no darker.
    """
    if figure.quantity == "percent":
        return 0.0, 100.0
    there = [cell.mean for one in figure.series for cell in one.cells if cell.mean is not None]
    low, high = (min(there), max(there)) if there else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def _text(cell: Cell, figure: "Figure") -> str:
    text = "" if cell.mean is None else format_value(cell.mean, figure.quantity).replace("-", "−")
    # there is room for three letters, and what a share begins with is known
    short = text.replace("0.", ".", 1) if figure.quantity == "share" else text
    marks = raised("".join(mark for mark in cell.marks if mark != MISSING))
    return short + marks


def draw_heat(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw the values on one scale for all panels; the best of a row is bold, what has a footnote is framed."""
    from math import nan

    from matplotlib.patches import Rectangle

    there = [cell.mean for one in panel.series for cell in one.cells if cell.mean is not None]
    low, high = scale_of(figure)
    values = [[nan if cell.mean is None else cell.mean for cell in one.cells] for one in panel.series]
    axes.imshow(values, cmap=_COLORS, vmin=low, vmax=high, aspect="auto")
    for row, one in enumerate(panel.series):
        for place, cell in enumerate(one.cells):
            dark = cell.mean is not None and (cell.mean - low) / (high - low) > _DARK
            look = {"color": "white" if dark else "black", "fontweight": "bold" if cell.best else "normal"}
            axes.text(place, row, _text(cell, figure), ha="center", va="center", **look)
            if cell.mean is not None and any(mark != MISSING for mark in cell.marks):
                axes.add_patch(Rectangle((place - 0.46, row - 0.46), 0.92, 0.92, fill=False, linewidth=1.2,
                                         linestyle=(0, (3, 2)), edgecolor="#D55E00"))  # fmt: skip
    if not there:
        axes.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axes.transAxes, color=style.FAINT)
    places = panel.ticks or panel.places or figure.places
    axes.set_xticks(range(len(places)), places, rotation=90)
    axes.set_yticks(range(len(panel.series)), [one.title for one in panel.series])
    axes.tick_params(length=0)
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)


def draw_scale(sheet: Any, axes: Any, figure: "Figure") -> None:
    """Draw what the colours tell; in percent of something, more than that is no darker."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    low, high = scale_of(figure)
    bar = sheet.colorbar(
        ScalarMappable(Normalize(low, high), _COLORS), cax=axes, orientation="horizontal",
        extend="max" if figure.quantity == "percent" else "neither",
    )  # fmt: skip
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(length=2, pad=1)
    bar.set_label(figure.scale, labelpad=1)


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return an empty legend: the scale tells the colours."""
    return [], []
