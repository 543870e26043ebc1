"""A panel of curves: ours solid and filled, the published ones thin, dashed and hollow."""

from math import nan
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import format_value
from hxbench.report.draw import style
from hxbench.report.render.walk import raised

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel, Series

_SHIFT = 0.008  # of the axis, between series, so that error bars stand side by side
_FEW, _FURTHER = 3, 0.02  # places where there is room for more
_PUBLISHED = (0, (3, 2))
# of series, where no published curve is told by its dashes
_DASHES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (4, 1, 1, 1)), (0, (1, 1)), (0, (6, 1, 1, 1, 1, 1)))


def _dash(figure: "Figure", number: int) -> Any:
    published = any(cell.published is not None for one in figure.series for cell in one.cells)
    return "-" if published else _DASHES[number % len(_DASHES)]


def _has_runs(figure: "Figure", title: str) -> bool:
    return any(cell.mean is not None for one in figure.series if one.title == title for cell in one.cells)


def _common_marks(figure: "Figure", title: str) -> str:
    """Return the marks that every point of a series has: they stand in the legend, once."""
    cells = [cell for one in figure.series if one.title == title for cell in one.cells if cell.mean is not None]
    return "".join(mark for mark in (cells[0].marks if cells else ()) if all(mark in c.marks for c in cells))


def _alone(figure: "Figure", panel: "Panel") -> list[bool]:
    """Return for each place whether any series has a score there: what none has, one cross says."""
    there = [one.cells for one in panel.series if _has_runs(figure, one.title)]
    return [any(cell.mean is not None for cell in cells) for cells in zip(*there, strict=True)]


def _kind(number: int) -> dict[str, Any]:
    marker = style.pick(style.MARKERS, number)
    return {
        "color": style.pick(style.COLORS, number),
        "marker": marker,
        "markersize": 3.8 if marker == "D" else 4.5,  # so that all look equally large
    }


def _draw_series(axes: Any, figure: "Figure", panel: "Panel", one: "Series", shift: float) -> None:
    places, number = panel.at or figure.at, figure.number(one)
    x = [at + shift for at in places]
    published = [nan if cell.published is None else cell.published for cell in one.cells]
    axes.plot(places, published, **_kind(number), linestyle=_PUBLISHED, linewidth=0.8,
              markerfacecolor="white", markeredgewidth=0.8, zorder=2)  # fmt: skip
    if not _has_runs(figure, one.title):
        return
    means = [nan if cell.mean is None else cell.mean for cell in one.cells]
    spread = [0.0 if cell.sd is None else cell.sd for cell in one.cells]
    axes.errorbar(x, means, spread, **_kind(number), linestyle=_dash(figure, number), linewidth=1.4,
                  markeredgecolor="black", markeredgewidth=0.5, elinewidth=0.8, capsize=2, zorder=3)  # fmt: skip
    common = _common_marks(figure, one.title)
    for at, cell, alone in zip(x, one.cells, _alone(figure, panel), strict=True):
        if cell.mean is None and alone:  # at the foot of the panel
            axes.plot(at, 0.03, "x", color=style.pick(style.COLORS, number), markersize=5,
                      transform=axes.get_xaxis_transform(), zorder=4)  # fmt: skip
        elif cell.mean is None:
            continue
        elif marks := raised("".join(mark for mark in cell.marks if mark not in common)):
            axes.annotate(marks, (at, cell.mean), xytext=(3, 2), textcoords="offset points")


def draw_lines(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw both curves of every series."""
    from matplotlib.ticker import LogLocator

    at = panel.at or figure.at
    wide = (max(at) - min(at)) * figure.measured  # what is computed has no deviations to keep apart
    step = (_FURTHER if len(at) <= _FEW else _SHIFT) * wide
    for number, one in enumerate(panel.series):
        _draw_series(axes, figure, panel, one, (number - (len(panel.series) - 1) / 2) * step)
    some = any(cell.mean is not None for one in panel.series for cell in one.cells)
    for place, alone in zip(at, _alone(figure, panel), strict=False):
        if some and not alone:
            axes.plot(place, 0.03, "x", color=style.FAINT, markersize=5, transform=axes.get_xaxis_transform())
    axes.margins(x=0.04 if figure.columns < 3 else 0.12, y=0.09)
    axes.set_xticks(at, style.in_two_lines(panel.ticks or panel.places or figure.places))
    if figure.quantity == "parameters":  # which differ by their number of digits
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(lambda value, _: format_value(value, "parameters"))
        axes.minorticks_off()
    else:  # whole numbers, and no more than there is room for
        axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    if all(cell.mean is None and cell.published is None for one in panel.series for cell in one.cells):
        axes.set_yticks([])
        room = 0.05 * (max(at) - min(at))
        axes.set_xlim(min(at) - room, max(at) + room)
        axes.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axes.transAxes, color=style.FAINT)
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    axes.grid()


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    texts: list[str] = []
    cells = [cell for one in figure.series for cell in one.cells]
    some = any(cell.mean is not None for cell in cells)
    for number, one in enumerate(figure.panels[0].series):
        there = _has_runs(figure, one.title)
        look = {"markeredgecolor": "black", "markeredgewidth": 0.5} if there else {"markerfacecolor": "white"}
        handles.append(Line2D([], [], **_kind(number), linewidth=1.4 if there else 0.8,
                              linestyle=_dash(figure, number) if there else _PUBLISHED, **look))  # fmt: skip
        marks = _common_marks(figure, one.title)
        texts.append(one.title + raised(marks) + (" (no runs yet)" if some and not there else ""))
    published = any(cell.published is not None for cell in cells)
    if some and published:
        handles.append(Line2D([], [], color=style.FAINT, linewidth=1.4, marker="o", markersize=4.5))
        texts.append("ours")
    if published:
        handles.append(Line2D([], [], color=style.FAINT, linewidth=0.8, marker="o", markersize=4.5,
                              linestyle=_PUBLISHED, markerfacecolor="white"))  # fmt: skip
        texts.append("published")
    lacks = (
        any(cell.mean is not None for cell in cells) and any(cell.mean is None for cell in cells)
        for panel in figure.panels
        if (cells := [c for one in panel.series if _has_runs(figure, one.title) for c in one.cells])
    )
    if any(lacks):
        handles.append(Line2D([], [], color=style.FAINT, linestyle="none", marker="x", markersize=5))
        texts.append("no score yet")
    return handles, texts
