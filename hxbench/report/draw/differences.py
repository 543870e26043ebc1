"""A panel of differences: a place a language or group, a point a series with its interval, and a line at zero."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hxbench.report.draw import style

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel

_SPREAD = 0.56  # of a place, which the points of its series share
_LETTER = 0.72 * style.SMALL / 72  # inches, the width of a capital
_ROOM = 1.08
_LOOK: dict[str, Any] = {"markersize": 4, "linewidth": 0, "markeredgecolor": "black", "markeredgewidth": 0.5}


def _is_dense(places: Sequence[str]) -> bool:
    """Return whether the names of places have no room side by side."""
    return max(map(len, places)) * _LETTER * len(places) > 0.9 * style.WIDTH


def stand_upright(figure: "Figure") -> bool:
    """Return whether the places of any panel are written upright, which takes room below it."""
    return figure.kind == "differences" and any(_is_dense(one.places or figure.places) for one in figure.panels)


def draw_differences(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw every difference with its interval; above zero the first of the two is better."""
    places, step = panel.places or figure.places, _SPREAD / max(1, len(panel.series))
    ends = [0.0]
    for number, one in enumerate(panel.series):
        for place, cell in enumerate(one.cells):
            if cell.mean is None:
                continue
            x = place + (number - (len(panel.series) - 1) / 2) * step
            low, high = (cell.mean if end is None else end for end in (cell.low, cell.high))
            axes.plot([x, x], [low, high], color="black", linewidth=0.9, solid_capstyle="butt", zorder=3)
            axes.plot(x, cell.mean, style.pick(style.MARKERS, number), color=style.pick(style.COLORS, number),
                      zorder=4, **_LOOK)  # fmt: skip
            ends += [low, high]
    middle, half = (max(ends) + min(ends)) / 2, max((max(ends) - min(ends)) / 2, 0.5) * _ROOM
    axes.set_ylim(middle - half, middle + half)
    axes.axhline(0, color="black", linewidth=0.8, zorder=2)
    axes.set_xlim(-0.55, len(places) - 0.45)
    axes.set_xticks(range(len(places)), places, rotation=90 if _is_dense(places) else 0)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", length=2, pad=2)
    axes.grid(axis="y")


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    titles = [one.title for one in figure.panels[0].series]
    return [
        Line2D([], [], marker=style.pick(style.MARKERS, number), color=style.pick(style.COLORS, number), **_LOOK)
        for number in range(len(titles))
    ], titles
