"""A panel of points in a plane, a colour and a shape for each series; the axes of such a plane mean nothing."""

from typing import TYPE_CHECKING, Any

from hxbench.report.draw import style

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel


def _look(number: int) -> dict[str, Any]:
    return {"color": style.pick(style.COLORS, number), "marker": style.pick(style.MARKERS, number)}


def draw_scatter(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw the points of every series, and say so where there are none."""
    for one in panel.series:
        if one.points:
            x, y = zip(*one.points, strict=True)
            axes.scatter(x, y, s=9, alpha=0.75, linewidths=0, **_look(figure.number(one)))
    if not any(one.points for one in panel.series):
        axes.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axes.transAxes, color=style.FAINT)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    titles = [one.title for one in figure.panels[0].series]
    return [Line2D([], [], linestyle="none", markersize=5, **_look(n)) for n in range(len(titles))], titles
