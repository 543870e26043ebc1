"""Tables for a terminal of 100 columns: bold for our best, dim for what the paper prints."""

import textwrap
from dataclasses import replace
from io import StringIO

from rich.console import Console
from rich.text import Text

from hxbench.report.artifact.table import Table
from hxbench.report.render.walk import Line, Place, Words, heads, raised, spans, walk

WIDTH = 100
_DIM = "dim"

# a line is its label and its cells; a block of lines stands between rules
_Line = tuple[Text, list[Text]]


def _written(words: Words, style: str = "") -> Text:
    text = words.text + (f"±{words.sd}" if words.sd else "") + (f" {words.ends}" if words.ends else "")
    return Text(text + raised("".join(words.marks)), style="bold" if words.bold else style)


def _ours(place: Place) -> Text:
    wide = place.ours.sd and (place.cell.sd or 0.0) >= 9.95  # which is as wide without its decimal
    return _written(replace(place.ours, sd=f"{place.cell.sd:.0f}") if wide else place.ours)


def _paper(place: Place) -> Text:
    return _written(place.paper, _DIM) if place.paper else Text("")


def _heads(table: Table) -> list[tuple[str, str]]:
    """Return what stands above each column, and its title."""
    found: list[tuple[str, str]] = []
    for column, (group, words) in zip(table.columns, heads(table), strict=True):
        title = _written(words).plain
        if table.layout == "below":
            found.append((group, title))
        elif column.kind in ("text", "seeds"):  # of ours alone: nothing has to be told apart
            found.append(("", title))
        else:
            found += [(title, name) for name in ["ours"] + ["paper"] * column.paper]
    return found


def _lines(line: Line, layout: str) -> list[_Line]:
    """Return a row with the paper's values below it, or beside ours in the columns that have any."""
    label = _written(replace(line.title, text=line.row.title))
    if layout == "beside":
        pairs = [[_ours(place), _paper(place)][: 1 + place.column.paper] for place in line.places]
        return [(label, [text for some in pairs for text in some])]
    printed = [_paper(place) for place in line.places]
    below = [(Text("  paper", style=_DIM), printed)] if any(printed) else []
    return [(label, [_ours(place) for place in line.places]), *below]


def _chunks(label: int, widths: list[int], groups: list[list[int]], width: int) -> list[list[int]]:
    """Return the columns of each part that fits `width`, a group in one piece; labels stand in each."""
    parts: list[list[int]] = [[]]
    left = width - label
    for group in groups:
        wide = sum(widths[index] + 1 for index in group)
        if parts[-1] and wide > left:
            parts.append([])
            left = width - label
        parts[-1] += group
        left -= wide
    return parts


def _lay_out(table: Table, width: int) -> list[Text]:
    titles = _heads(table)
    blocks = [(title, [one for row in rows for one in _lines(row, table.layout)]) for title, rows in walk(table)]
    lines = [line for _, some in blocks for line in some]
    label = max([len(table.stub), *(text.cell_len for text, _ in lines)])
    widths = [max([len(title), *(cells[i].cell_len for _, cells in lines)]) for i, (_, title) in enumerate(titles)]
    groups: list[tuple[str, list[int]]] = []
    for above, places in spans(above for above, _ in titles):
        # columns without a title above them belong to nobody
        groups += [(above, places)] if above else [("", [i]) for i in places]
        widths[places[0]] += max(0, len(above) + 1 - sum(widths[i] + 1 for i in places))
    out: list[Text] = []
    parts = _chunks(label, widths, [places for _, places in groups], width)
    for part in parts:
        rule = Text("─" * (label + sum(widths[i] + 1 for i in part)), style=_DIM)

        def line(first: Text, cells: list[Text], part: list[int] = part) -> Text:
            padded = [first + " " * (label - first.cell_len)]
            padded += [Text(" " * (widths[i] + 1 - cells[i].cell_len)) + cells[i] for i in part]
            return Text.assemble(*padded)

        heading = [
            (above, sum(widths[i] + 1 for i in places) - 1) for above, places in groups if places[0] in part
        ]
        if any(above for above, _ in heading):
            out.append(Text(" ".join([" " * label, *(above.center(wide) for above, wide in heading)])))
        out += [line(Text(table.stub), [Text(title) for _, title in titles]), rule]
        for title, some in blocks:
            # what has nothing to say in this part was said in another
            told = [one for one in some if len(parts) == 1 or any(one[1][i].cell_len for i in part)]
            if told:
                out += [Text(title, style="italic")] if title else []
                out += [line(first, cells) for first, cells in told] + [rule]
    return out


def _wrapped(text: str, width: int, indent: str = "  ") -> str:
    # a command must stay in one piece to be copied: only prose is wrapped
    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def render(tables: list[Table], width: int = WIDTH, color: bool = False) -> str:
    """Return the tables as lines of at most `width` columns, with terminal styles if `color`."""
    target = StringIO()
    console = Console(
        file=target, width=1000, force_terminal=color, color_system="standard" if color else None, highlight=False
    )
    for number, table in enumerate(tables):
        first = tables[0]
        console.print(Text(("\n" if number else "") + _wrapped(table.title, width), style="bold"))
        if number == 0 or table.heading != first.heading:
            for text in table.heading:
                console.print(Text(_wrapped(text, width)))
        for line in _lay_out(table, width):
            console.print(line.copy() if color else Text(line.plain.rstrip()), soft_wrap=True)
        for mark, text in table.notes:
            console.print(Text(_wrapped(f"{raised(mark)} {text}", width)))
    for text in dict.fromkeys(text for table in tables for text in table.remarks):
        console.print(Text(_wrapped(f"· {text}", width)))
    if commands := list(dict.fromkeys(text for table in tables for text in table.commands)):
        console.print(Text("\nMissing runs:", style="bold"))
        for text in commands:
            console.print(Text(f"  {text}"), soft_wrap=True)
    return target.getvalue()
