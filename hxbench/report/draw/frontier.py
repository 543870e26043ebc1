"""A panel of what things cost against what they score: a point each, and a line through those that none beats."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import format_value
from hxbench.report.draw import style

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel

_FEW, _MANY = 4.0, 30.0  # times the least cost that the most is
_ALONE = 0.5  # of the scores' range: who lies that far below all others squeezes them
_STRIP = 0.14  # of the others' range, below them: where these stand, with their scores


def _look(number: int) -> dict[str, Any]:
    more = number // len(style.COLORS)  # series that share a colour differ in shape, and these are hollow
    color = style.pick(style.COLORS, number)
    return {"color": color, "marker": style.pick(style.MARKERS, number + more), "hollow": more > 0}


def _scattered(number: int) -> dict[str, Any]:
    look = _look(number)
    fill = (
        {"facecolors": "none", "linewidths": 1.0}
        if look["hollow"]
        else {"facecolors": look["color"], "linewidths": 0}
    )
    return {"marker": look["marker"], "edgecolors": look["color"], **fill}


def _ticks(axes: Any, least: float, most: float) -> None:
    """Set ticks with room for their labels: powers of ten where there are several."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    axes.set_xscale("log")
    if most / least < _FEW:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.minorticks_off()
    elif most / least < _MANY:
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
    else:
        axes.xaxis.set_major_locator(LogLocator(numticks=4))
    axes.xaxis.set_major_formatter(lambda value, _: format_value(value, "parameters"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def lowest_shown(scores: Sequence[float]) -> float | None:
    """Return the lowest score above the gap where the axis is cut; None where it is whole."""
    by_size = sorted(set(scores))
    gaps = [(more - less, more) for less, more in pairwise(by_size)]
    for gap, above in gaps[: len(by_size) // 4]:  # of the few lowest only
        if gap > _ALONE * (by_size[-1] - by_size[0]):
            return above
    return None


def _cut(axes: Any, lowest: float, strip: float, low: Sequence[tuple[float, float]]) -> None:
    """Mark the cut of the axis, and write the scores of what stands below it."""
    at = (lowest + strip) / 2
    axes.axhline(at, color=style.FAINT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    ends = [at - (lowest - strip) / 6, at + (lowest - strip) / 6]
    axes.plot([0, 0], ends, transform=axes.get_yaxis_transform(), marker=[(-1, -0.5), (1, 0.5)], markersize=7,
              linestyle="none", color="black", clip_on=False)  # fmt: skip
    for cost, score in low:
        axes.annotate(
            f"{score:.1f}",
            (cost, strip),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"},
            zorder=5,
        )
    axes.set_yticks([tick for tick in axes.get_yticks() if tick >= lowest - (lowest - strip) / 3])


def draw_frontier(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw the points of every series and the front: what scores less at that cost lies below it.

    Where few points lie far below all others, the axis is cut and their scores are written beside them.
    """
    costs = [cost for one in panel.series for cost, _ in one.points]
    scores = [score for one in panel.series for _, score in one.points]
    lowest = lowest_shown(scores)
    strip = 0.0 if lowest is None else lowest - 2 * _STRIP * (max(scores) - lowest)

    def height(score: float) -> float:
        return strip if lowest is not None and score < lowest else score

    if panel.front:
        x, y = zip(*((cost, height(score)) for cost, score in panel.front), strict=True)
        axes.step([*x, max(costs)], [*y, y[-1]], where="post", color=style.FAINT, linewidth=0.8, zorder=1)
        axes.scatter(x, y, s=62, facecolors="none", edgecolors="black", linewidths=0.8, zorder=4)
    for one in panel.series:
        if one.points:
            x, y = zip(*((cost, height(score)) for cost, score in one.points), strict=True)
            axes.scatter(x, y, s=one.areas or 18, alpha=0.85, zorder=3, **_scattered(figure.number(one)))
    if not costs:
        axes.text(0.5, 0.5, "no runs yet", ha="center", va="center", transform=axes.transAxes, color=style.FAINT)
        axes.set_xticks([])
        axes.set_yticks([])
    else:
        _ticks(axes, min(costs), max(costs))
    axes.margins(x=0.1, y=0.14)
    if costs:
        axes.locator_params(axis="y", nbins=5)
    if lowest is not None:
        _cut(axes, lowest, strip, [point for one in panel.series for point in one.points if point[1] < lowest])
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    axes.grid()


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D

    handles: list[Any] = []
    texts: list[str] = []
    for number, one in enumerate(figure.panels[0].series):
        look = _look(number)
        fill = "none" if look.pop("hollow") else look["color"]
        handles.append(Line2D([], [], linestyle="none", markersize=5, markerfacecolor=fill, **look))
        texts.append(one.title)
    handles.append(Line2D([], [], color=style.FAINT, linewidth=0.8, marker="o", markerfacecolor="none",
                          markeredgecolor="black", markersize=7))  # fmt: skip
    texts.append("nothing costs less and scores more")
    return handles, texts
