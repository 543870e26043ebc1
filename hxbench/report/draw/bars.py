"""A panel of bars: a group a place, a bar a series, the value at its foot where nothing else is drawn."""

from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import MISSING, Cell, format_value
from hxbench.report.draw import style
from hxbench.report.render.walk import raised

if TYPE_CHECKING:
    from hxbench.report.artifact.figure import Figure, Panel

_FILLED = 0.84  # of a group's width
_LOW = 0.25  # of the axis: where the values stand
_DIGIT = 0.64 * style.SMALL  # points, the width of a digit


def label(cell: Cell) -> str:
    """Return what is written into a bar."""
    if cell.mean is None:
        return "no runs" if MISSING in cell.marks else "no data" if cell.marks else ""
    return format_value(cell.mean, "score") + raised("".join(cell.marks))


def _foot(cell: Cell, top: float) -> float:
    """Return where the value stands: at the foot, or above a published value that is there."""
    low = cell.published is not None and cell.published < _LOW * top
    return (cell.published or 0.0) + 0.02 * top if low else 0.0


def draw_bars(axes: Any, figure: "Figure", panel: "Panel") -> None:
    """Draw ours as bars with deviations and the published values as hollow diamonds."""
    series = panel.series
    width = _FILLED / len(series)
    points = axes.get_position().width * axes.figure.get_figwidth() * 72 / len(figure.places) * width
    flat = max(len(label(cell)) for one in series for cell in one.cells) * _DIGIT < points
    # one scale for all panels: their bars are compared
    cells = [cell for one in figure.series for cell in one.cells]
    tops = [max(cell.published or 0.0, (cell.mean or 0.0) + (cell.sd or 0.0)) for cell in cells]
    top = max(*tops, 10.0) * 1.06
    for number, one in enumerate(series):
        for place, cell in enumerate(one.cells):
            x = place + (number - (len(series) - 1) / 2) * width
            if cell.mean is not None:
                axes.bar(
                    x, cell.mean, width, yerr=cell.sd, color=style.pick(style.COLORS, number),
                    hatch=style.pick(style.HATCHES, number), edgecolor="black", linewidth=0.6, capsize=2.5,
                    error_kw={"elinewidth": 0.8, "capthick": 0.8},
                )  # fmt: skip
            axes.annotate(
                label(cell), (x, _foot(cell, top)), xytext=(0, 3), textcoords="offset points", ha="center",
                va="bottom", rotation=0 if flat else 90, color="black" if cell.mean is not None else style.FAINT,
                bbox={"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none"}, zorder=4,
            )  # fmt: skip
            if cell.published is not None:
                axes.plot([x - width / 2, x + width / 2], [cell.published] * 2, "--k", linewidth=0.8, zorder=5)
                axes.plot(x, cell.published, "D", color="white", markeredgecolor="black", markersize=4, zorder=6,
                          clip_on=False)  # fmt: skip
    axes.set_ylim(0, top)
    axes.set_xlim(-0.55, len(figure.places) - 0.45)
    axes.set_xticks(range(len(figure.places)), style.in_two_lines(panel.ticks or figure.places))
    axes.set_xlabel(panel.axis or figure.axis, labelpad=2)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")


def legend(figure: "Figure") -> tuple[list[Any], list[str]]:
    """Return the handles and texts of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    texts: list[str] = []
    for number, one in enumerate(figure.panels[0].series):
        fill = {"facecolor": style.pick(style.COLORS, number), "hatch": style.pick(style.HATCHES, number)}
        handles.append(Patch(edgecolor="black", linewidth=0.6, **fill))  # type: ignore[arg-type]
        texts.append(one.title)
    if any(cell.published is not None for one in figure.series for cell in one.cells):
        handles.append(Line2D([], [], color="black", linestyle="--", linewidth=0.8, marker="D",
                              markerfacecolor="white", markersize=4))  # fmt: skip
        texts.append("published")
    return handles, texts
