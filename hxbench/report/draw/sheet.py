"""The sheet a figure is drawn on: heading, panels, legend and footnotes one below the other, in inches."""

from collections.abc import Sequence
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import MISSING, NOT_ALL
from hxbench.report.draw import bars, curves, differences, frontier, heat, lines, scatter, style
from hxbench.report.render.walk import raised

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Sheet

    from hxbench.report.artifact.figure import Figure, Panel

# no dates and no program names: the same figure is the same bytes
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_DPI = 200
_LETTERS = 102  # of small text in a line
# inches, the height
_PANEL = {"bars": 1.9, "lines": 1.55, "scatter": 2.3, "heat": 2.1, "curves": 1.4, "frontier": 1.5,
          "differences": 1.9}  # fmt: skip
_UPRIGHT = 0.3  # of upright ticks, beyond what flat ones take
_DRAW = {
    "bars": bars.draw_bars, "lines": lines.draw_lines, "scatter": scatter.draw_scatter, "heat": heat.draw_heat,
    "curves": curves.draw_curves, "frontier": frontier.draw_frontier, "differences": differences.draw_differences,
}  # fmt: skip
_LEGENDS = {
    "bars": bars.legend, "lines": lines.legend, "scatter": scatter.legend, "heat": heat.legend,
    "curves": curves.legend, "frontier": frontier.legend, "differences": differences.legend,
}  # fmt: skip
_EDGE = 0.06
_LEFT, _BETWEEN, _RIGHT = 0.54, 0.56, 0.06
_LAST = 0.1  # beyond that, where the last tick is at the edge of a panel
_LEGEND_LETTERS = 100  # of a row of the legend, a handle and the room around it counted as eight


def _head(figure: "Figure") -> list[str]:
    """Return the lines below the title: the profile, then the backbone."""
    return [line for text in figure.heading[:2] for line in wrap(text, _LETTERS)]


def _foot(figure: "Figure") -> list[str]:
    """Return what has to be said in the picture itself."""
    cells = [cell for one in figure.series for cell in one.cells]
    said = []
    if not figure.measured:
        pass  # the caption says what it is computed from
    elif any(cell.mean is not None for cell in cells) or any(one.points for one in figure.series):
        several = "" if figure.kind == "heat" else ", with the sample s.d. where there are several"
        said.append(f"Ours: {figure.ours or f'mean over the seeds{several}'}.")
    else:
        said.append("Nothing of ours: the runs of this figure are not in the store yet, or not enough of them.")
    # what the table calls the commands below is not below the picture
    notes = [text if mark != MISSING else NOT_ALL for mark, text in figure.notes]
    said += [f"{raised(mark)} {text}." for (mark, _), text in zip(figure.notes, notes, strict=True)]
    return [line for text in (*said, *figure.caption) for line in wrap(text, _LETTERS)]


def _room(figure: "Figure") -> float:
    """Return the inches below a panel beyond those of ticks in one flat line."""
    axis = figure.axis or any(panel.axis for panel in figure.panels)
    places = [place for panel in figure.panels for place in panel.places or figure.places]
    second = figure.kind == "lines" and any(" (" in place for place in places)
    return style.LINE * (bool(axis) + second) + _UPRIGHT * (
        figure.kind == "heat" or differences.stand_upright(figure)
    )


def _legend_columns(texts: Sequence[str]) -> int:
    """Return how many entries of the legend fit side by side: it is filled column by column."""
    for columns in range(len(texts), 1, -1):
        rows, more = divmod(len(texts), columns)
        sizes = [rows + (number < more) for number in range(columns)]
        starts = [sum(sizes[:number]) for number in range(columns)]
        widths = [max(map(len, texts[at : at + size])) for at, size in zip(starts, sizes, strict=True)]
        if sum(width + 8 for width in widths) <= _LEGEND_LETTERS:
            return columns
    return 1


def _write_titles(axes: Any, panel: "Panel") -> None:
    """Write a panel's title and what it says above it, on the same lines in every panel."""
    lines = [(panel.said, "normal"), (panel.title, "bold")] if panel.said else [(panel.title, "bold")]
    for number, (text, weight) in enumerate(lines):
        axes.annotate(text, (0, 1), xytext=(0, 6 + number * style.LINE * 72), xycoords="axes fraction",
                      textcoords="offset points", va="baseline", fontweight=weight)  # fmt: skip


def draw(figure: "Figure") -> "Sheet":
    """Return the figure on a sheet as wide as a page's text; settings and canvas are the caller's."""
    from matplotlib.figure import Figure as Sheet

    panels = heat.beside_published(figure) if figure.kind == "heat" else figure.panels
    rows = -(-len(panels) // figure.columns)
    handles, texts = _LEGENDS[figure.kind](figure)
    columns = _legend_columns(texts)
    title = wrap(figure.title, 80)
    head, foot = _head(figure), _foot(figure)
    above = 0.1 + style.LINE * (1 + any(panel.said for panel in panels))  # a panel's title and what it says
    below = 0.22 + _room(figure)  # its ticks and axis
    panel = _PANEL[figure.kind]
    legend_height = -(-len(texts) // columns) * style.LINE * 1.12 + 0.1
    tops = 1.35 * style.LINE * len(title) + style.LINE * len(head) + 0.02
    height = 2 * _EDGE + tops + rows * (above + panel + below) + legend_height + style.LINE * len(foot) + 0.05
    sheet = Sheet(figsize=(style.WIDTH, height))

    def write(text: str, down: float, **look: Any) -> None:
        sheet.text(_EDGE / style.WIDTH, 1 - down / height, text, va="top", **look)

    down = _EDGE
    for line in title:
        write(line, down, fontsize=style.LARGE, fontweight="bold")
        down += 1.35 * style.LINE
    for number, line in enumerate(head):
        write(line, down, fontweight="bold" if number == 0 else "normal")
        down += style.LINE
    down += 0.02
    right = _RIGHT + _LAST * (figure.columns > 2 or figure.kind == "lines")
    wide = (style.WIDTH - _LEFT - right - (figure.columns - 1) * _BETWEEN) / figure.columns
    for number, one in enumerate(panels):
        row, column = divmod(number, figure.columns)
        left = _LEFT + column * (wide + _BETWEEN)
        bottom = height - down - row * (above + panel + below) - above - panel
        axes = sheet.add_axes((left / style.WIDTH, bottom / height, wide / style.WIDTH, panel / height))
        _DRAW[figure.kind](axes, figure, one)
        axes.set_ylabel(one.metric, labelpad=3)
        _write_titles(axes, one)
    down += rows * (above + panel + below)
    if handles:
        at = (0.5, 1 - down / height)
        sheet.legend(handles, texts, loc="upper center", bbox_to_anchor=at, ncols=columns, frameon=False,
                     borderpad=0.2, borderaxespad=0, handlelength=2.2, columnspacing=1.4)  # fmt: skip
    down += legend_height
    for line in foot:
        write(line, down)
        down += style.LINE
    return sheet


def pictures(figure: "Figure", formats: Sequence[str]) -> dict[str, bytes]:
    """Return the figure as files of these formats, drawn once; the same figure gives the same bytes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    made = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.SETTINGS)
        sheet = draw(figure)
        FigureCanvasAgg(sheet)
        for name in formats:
            target = BytesIO()
            sheet.savefig(target, format=name, dpi=_DPI, metadata={"Title": figure.title, **_METADATA[name]})
            made[name] = target.getvalue()
    return made
