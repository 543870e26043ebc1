"""A panel of what things cost against what they score: a point each, and a line through those that none beats."""

from typing import TYPE_CHECKING, Any

from hxbench.report.draw import style
from hxbench.report.table import format_value

if TYPE_CHECKING:
    from hxbench.report.figure import Figure, Panel


def _look(number: int) -> dict[str, Any]:
    return {"color": style.pick(style.COLORS, number), "marker": style.pick(style.MARKERS, number)}


def draw_frontier(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw the points of every series and the front: what scores less at that cost lies below it."""
    from matplotlib.ticker import LogLocator, NullFormatter

    costs = [cost for one in panel.series for cost, _ in one.points]
    if panel.front:
        x, y = zip(*panel.front, strict=True)
        axes.step([*x, max(costs)], [*y, y[-1]], where="post", color=style.FAINT, linewidth=0.8, zorder=1)
        axes.scatter(x, y, s=62, facecolors="none", edgecolors="black", linewidths=0.8, zorder=4)
    for one in panel.series:
        if one.points:
            x, y = zip(*one.points, strict=True)
            axes.scatter(x, y, s=one.areas or 18, alpha=0.85, linewidths=0, zorder=3, **_look(figure.number(one)))
    if not costs:
        axes.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axes.transAxes, color=style.FAINT)
        axes.set_xticks([])
    else:
        axes.set_xscale("log")
        wide = max(costs) / min(costs) > 30
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 3.0), numticks=4 if wide else 6))
        axes.xaxis.set_major_formatter(lambda value, _: format_value(value, "parameters"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.1, y=0.14)
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    axes.grid()


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    texts: list[str] = []
    for number, one in enumerate(figure.panels[0].series):
        handles.append(Line2D([], [], linestyle="none", markersize=5, **_look(number)))
        texts.append(one.title)
    handles.append(Line2D([], [], color=style.FAINT, linewidth=0.8, marker="o", markerfacecolor="none",
                          markeredgecolor="black", markersize=7))  # fmt: skip
    texts.append("nothing costs less and scores more")
    return handles, texts
