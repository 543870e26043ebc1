"""A panel of curves over a logarithmic axis on which every series has places of its own.

A series may have a level, a line across the panel in its colour, and places that are ringed: thresholds.
"""

from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import format_value
from hxbench.report.draw import style

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel, Series

_DASHES: tuple[Any, ...] = ((0, (4, 2)), "-")
_RINGS = {"low": "s", "high": "o"}  # the shape around a marked place


def _look(number: int) -> dict[str, Any]:
    return {"color": style.pick(style.COLORS, number * 5), "linestyle": _DASHES[number % len(_DASHES)]}


def _draw_series(axes: Any, one: "Series", number: int) -> None:
    look = _look(number)
    there = [(at, cell) for at, cell in zip(one.at, one.cells, strict=True) if cell.mean is not None]
    if there:
        x, cells = zip(*there, strict=True)
        axes.errorbar(x, [cell.mean for cell in cells], [cell.sd or 0.0 for cell in cells], **look, linewidth=1.2,
                      marker=style.pick(style.MARKERS, number), markersize=2.6, elinewidth=0.6, capsize=1.5,
                      zorder=3)  # fmt: skip
    if one.level and one.level.mean is not None:
        axes.axhline(one.level.mean, **look, linewidth=0.7, zorder=1)
    for place, mark in one.rings:
        cell = one.cells[place]
        axes.plot(one.at[place], cell.mean, _RINGS[mark], markersize=8, markerfacecolor="none",
                  markeredgecolor=look["color"], markeredgewidth=1.0, zorder=4)  # fmt: skip


def draw_curves(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw the curves with their levels, and what guessing scores as a dotted line."""
    from matplotlib.ticker import LogLocator

    for one in panel.series:
        _draw_series(axes, one, figure.number(one))
    if panel.floor is not None:
        axes.axhline(panel.floor, color=style.FAINT, linestyle=":", linewidth=1.0, zorder=1)
    if not any(cell.mean is not None for one in panel.series for cell in one.cells):
        level = any(one.level and one.level.mean is not None for one in panel.series)
        said = "no others yet" if level else "no runs yet"
        axes.text(0.5, 0.6, said, ha="center", va="center", transform=axes.transAxes, color=style.FAINT,
                  bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"})  # fmt: skip
    every = [at for one in figure.series for at in one.at]
    axes.set_xscale("log")
    axes.set_xlim(min(every, default=100) / 1.6, max(every, default=1e5) * 1.6)
    tops = [cell.mean + (cell.sd or 0.0) for one in figure.series for cell in one.cells if cell.mean is not None]
    axes.set_ylim(-4, max(104.0, *tops, 0.0) + 2)  # no deviation leaves the axes
    axes.set_yticks(range(0, 101, 25))
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_major_formatter(lambda value, _: format_value(value, "parameters"))
    axes.minorticks_off()
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    axes.grid()


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    texts: list[str] = []
    for number, one in enumerate(figure.panels[0].series):
        marker = style.pick(style.MARKERS, number)
        handles.append(Line2D([], [], **_look(number), linewidth=1.2, marker=marker, markersize=2.6))
        texts.append(one.title)
    if any(one.level for one in figure.series):
        handles.append(Line2D([], [], color=style.FAINT, linewidth=0.7))
        texts.append("full fine-tuning, in the curve's colour and dashes")
    if any(panel.floor is not None for panel in figure.panels):
        handles.append(Line2D([], [], color=style.FAINT, linestyle=":", linewidth=1.0))
        texts.append("random guessing")
    for name, shape in _RINGS.items():
        if any(mark == name for one in figure.series for _, mark in one.rings):
            handles.append(Line2D([], [], linestyle="none", marker=shape, markersize=8, markerfacecolor="none",
                                  markeredgecolor=style.FAINT))  # fmt: skip
            texts.append(f"{name.title()} threshold")
    return handles, texts
