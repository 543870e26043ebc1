"""The sheet a figure is drawn on: heading, panels, legend and footnotes one below the other, in inches."""

import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from hxbench.report.artifact.table import MISSING, NOT_ALL
from hxbench.report.draw import bars, curves, differences, frontier, heat, lines, scatter, style
from hxbench.report.render.walk import raised

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Sheet

    from hxbench.report.artifact.figure import Figure, Panel, Series

# no dates and no program names: the same figure is the same bytes
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_DPI = 200
_LETTERS = 102  # of small text in a line
# inches, the height
_PANEL = {"bars": 1.9, "lines": 1.55, "scatter": 2.3, "curves": 1.4, "frontier": 1.5, "differences": 1.9}
_CELL, _MAPS = 0.24, 5.6  # a row of a map at most, and all maps of a figure: they fit on a page
_SCALE = 0.1  # of the bar that says what colours tell
_UPRIGHT = 0.3  # of upright ticks, beyond what flat ones take
_TICKS, _NO_TICKS = 0.22, 0.04  # between a panel and what is below it
_UNITS = {"F1": "%", "accuracy": "%", "score": "%", "mean score": "%"}  # of metrics
_SHORT = {
    "NER": "named entity recognition",
    "POS": "part-of-speech tagging",
    "F1": "harmonic mean of precision and recall",
    "MLM": "masked language modelling",
    "SEEN": "languages within the pre-training",
    "UNSEEN": "outside of it",
    "HX": "Hyper-X",
    "FT": "full fine-tuning",
    "AD": "adapter",
    "HF": "Hyperformer++",
    "HD": "HyperDecoder",
    "PT": "prompt tuning",
    "PHA": "prototype-based hyper-adapter",
    "APET": "arbitrary parameter-efficient tuning",
    "S.D.": "standard deviation",
    "INNER": "existing parameters are tuned",
    "INSERT": "inserted ones are",
    "RT": "Rotten Tomatoes",
    "NQ": "NQ-Open",
    "SAMS": "SAMSum",
    "MN": "Multi-News",
}
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
_WORDS = 0.2  # to the left beyond that, of long ticks: the names of a map's rows, and 100m
_LAST = 0.1  # beyond that, where the last tick is at the edge of a panel
_LEGEND_LETTERS = 100  # of a row of the legend, a handle and the room around it counted as eight


def _head(figure: "Figure") -> list[str]:
    """Return the lines below the title: the profile, then the backbone."""
    return [line for text in figure.heading[:2] for line in wrap(text, _LETTERS)]


def _abbreviations(figure: "Figure") -> str:
    """Return what the abbreviations in the picture stand for, those that no sentence below it explains."""
    texts = [*figure.places, figure.axis]
    for panel in figure.panels:
        texts += [panel.title, panel.said, panel.metric, *panel.places, *(one.title for one in panel.series)]
    words = {word for text in texts for word in re.split(r"[\s,:()_-]+", text)}
    told = f"; {'; '.join(figure.caption)}"
    return "; ".join(
        f"{one}: {text}"
        for one, text in _SHORT.items()
        if one in words and f"{one}: {text}" not in told and f"; {one}: " not in told
    )


def _is_seen(figure: "Figure", mark: str) -> bool:
    """Return whether a mark stands in the picture: at a score, or in the line above a panel."""
    if any(raised(mark) in panel.said for panel in figure.panels):
        return True
    cells = [cell for one in figure.series for cell in (*one.cells, *([one.level] if one.level else []))]
    return any(mark in cell.marks for cell in cells if cell.mean is not None) and not (
        mark == MISSING and figure.kind == "heat"
    )


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
    if figure.kind == "bars" and any(cell.mean is None and not cell.marks for cell in cells):
        said.append("No bar: there are no data for it.")
    # no commands are below the picture, and marks of what is not drawn are not explained
    notes = [(mark, NOT_ALL if mark == MISSING else text) for mark, text in figure.notes]
    said += [f"{raised(mark)} {text}." for mark, text in notes if _is_seen(figure, mark)]
    return [line for text in (*said, *figure.caption) for line in wrap(text, _LETTERS)]


def bare(figure: "Figure") -> "Figure":
    """Return the figure as a paper prints it: no heading, no marks, no sentences but what abbreviations mean."""

    def plain(one: "Series") -> "Series":
        return replace(one, cells=tuple(replace(cell, marks=(), published_marks=()) for cell in one.cells))

    def unmarked(said: str) -> str:
        for mark, _ in figure.notes:
            said = said.replace(raised(mark), "")
        return said

    panels = (
        replace(panel, series=tuple(map(plain, panel.series)), said=unmarked(panel.said))
        for panel in figure.panels
    )
    made_up = tuple(line for line in figure.heading if "SYNTHETIC" in line)  # which no picture may go without
    return replace(figure, panels=tuple(panels), heading=(), notes=(), caption=made_up)


def _named(figure: "Figure") -> "Figure":
    """Return the figure with our backbones where the paper has its own."""

    def named(text: str) -> str:
        for theirs, ours in figure.names:
            text = text.replace(theirs, ours)
        return text

    panels = (replace(one, title=named(one.title)) for one in figure.panels)
    return replace(figure, places=tuple(map(named, figure.places)), panels=tuple(panels))


def _room(figure: "Figure", row: "Sequence[Panel]") -> float:
    """Return the inches below a row of panels: for their ticks and axes."""
    second = figure.kind != "heat" and any(
        " (" in place or "\n" in place for panel in row for place in panel.ticks or panel.places or figure.places
    )
    axis = any(panel.axis or figure.axis for panel in row)
    return (
        _TICKS
        + style.LINE * (axis + second)
        + _UPRIGHT * (figure.kind == "heat" or differences.stand_upright(figure))
    )


def _same_axis(figure: "Figure", panels: "Sequence[Panel]", number: int) -> bool:
    """Return whether the panel below has the columns of this one, whose names stand once, below both."""
    below = panels[number + figure.columns :][:1]
    return figure.kind == "heat" and any(one.places == panels[number].places for one in below)


def _height(figure: "Figure", panel: "Panel", rows: "Sequence[Sequence[Panel]]") -> float:
    """Return the inches of a panel."""
    if figure.kind != "heat":
        return _PANEL[figure.kind]
    most = sum(max(len(one.series) for one in row) for row in rows)
    return len(panel.series) * min(_CELL, _MAPS / most)


def _metric(panel: "Panel") -> str:
    unit = _UNITS.get(panel.metric)
    return f"{panel.metric} ({unit})" if unit else panel.metric


def _legend_columns(texts: Sequence[str]) -> int:
    """Return how many entries of the legend fit side by side: it is filled column by column."""
    for wanted in range(len(texts), 1, -1):
        columns = -(-len(texts) // -(-len(texts) // wanted))  # no more than these rows need
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


def draw(figure: "Figure", *, alone: bool = False) -> "Sheet":
    """Return the figure on a sheet as wide as a page's text; settings and canvas are the caller's.

    `alone` is without title and sentences, but with what abbreviations mean.
    """
    from matplotlib.figure import Figure as Sheet

    short = _abbreviations(figure)
    head, foot = ([], []) if alone else (_head(figure), _foot(figure))
    foot += wrap(f"{short}." if short else "", _LETTERS)
    title = [] if alone else wrap(figure.title, 80)
    panels = _named(figure).panels if figure.kind != "heat" else heat.beside_published(figure, _named(figure))
    figure = _named(figure)
    rows = [panels[at : at + figure.columns] for at in range(0, len(panels), figure.columns)]
    handles, texts = _LEGENDS[figure.kind](figure)
    columns = _legend_columns(texts)
    above = 0.1 + style.LINE * (1 + any(panel.said for panel in panels))  # a panel's title and what it says
    heights = [max(_height(figure, one, rows) for one in row) for row in rows]
    shared = [all(_same_axis(figure, panels, number * figure.columns + n) for n in range(len(row)))
              for number, row in enumerate(rows)]  # fmt: skip
    below = [_NO_TICKS if same else _room(figure, row) for row, same in zip(rows, shared, strict=True)]
    scale = 0.0 if not figure.scale else _SCALE + 2 * style.LINE + 0.1
    legend_height = -(-len(texts) // columns) * style.LINE * 1.12 + 0.2 if texts else 0.05
    tops = 1.35 * style.LINE * len(title) + style.LINE * len(head) + 0.02
    every = sum(above + tall + room for tall, room in zip(heights, below, strict=True))
    height = 2 * _EDGE + tops + every + scale + legend_height + style.LINE * len(foot) + 0.05
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
    words = _WORDS * (figure.kind == "heat" or figure.quantity == "parameters")
    left, between = _LEFT + words, _BETWEEN + words
    right = _RIGHT + _LAST * (figure.columns > 2 or figure.kind == "lines")
    wide = (style.WIDTH - left - right - (figure.columns - 1) * between) / figure.columns
    for row, tall, room, same in zip(rows, heights, below, shared, strict=True):
        down += above
        for column, one in enumerate(row):
            own = _height(figure, one, rows)
            at = ((left + column * (wide + between)) / style.WIDTH, 1 - (down + own) / height)
            axes = sheet.add_axes((*at, wide / style.WIDTH, own / height))
            _DRAW[figure.kind](axes, figure, one)
            axes.set_ylabel(figure.stub if figure.kind == "heat" and column == 0 else _metric(one), labelpad=3)
            _write_titles(axes, one)
            if same:
                axes.tick_params(labelbottom=False)
                axes.set_xlabel("")
        down += tall + room
    if scale:
        middle = (style.WIDTH - wide) / 2 / style.WIDTH
        down += 0.1
        heat.draw_scale(
            sheet,
            sheet.add_axes((middle, 1 - (down + _SCALE) / height, wide / style.WIDTH, _SCALE / height)),
            figure,
        )
        down += scale - 0.1
    if handles:
        at = (0.5, 1 - (down + 0.1) / height)
        sheet.legend(handles, texts, loc="upper center", bbox_to_anchor=at, ncols=columns, frameon=False,
                     borderpad=0.2, borderaxespad=0, handlelength=2.2, columnspacing=1.4)  # fmt: skip
    down += legend_height
    for line in foot:
        write(line, down)
        down += style.LINE
    return sheet


def pictures(figure: "Figure", formats: Sequence[str], *, alone: bool = False) -> dict[str, bytes]:
    """Return the figure as files of these formats, drawn once; the same figure gives the same bytes.

    `alone` is as a paper prints it, without what is said around it.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    made = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.SETTINGS)
        sheet = draw(bare(figure) if alone else figure, alone=alone)
        FigureCanvasAgg(sheet)
        for name in formats:
            target = BytesIO()
            sheet.savefig(target, format=name, dpi=_DPI, metadata={"Title": figure.title, **_METADATA[name]})
            made[name] = target.getvalue()
    return made
