"""Tables for a terminal of 100 columns: bold for our best, dim for what the paper prints."""

import textwrap
from io import StringIO
from itertools import groupby

from rich.console import Console
from rich.text import Text

from hxbench.report.render.marks import raised
from hxbench.report.table import Cell, Column, Row, Table, format_value, interval, spread

WIDTH = 100
_DIM = "dim"


def _ours(cell: Cell, column: Column) -> Text:
    if cell.text is not None:
        return Text(cell.text)
    marks = raised("".join(cell.marks))
    if cell.mean is None:
        return Text(f"–{marks}")
    text = format_value(cell.mean, column.kind)
    if sd := spread(cell, column.kind):
        text += f"±{sd}" if cell.sd is None or cell.sd < 9.95 else f"±{cell.sd:.0f}"
    if ends := interval(cell, column.kind):
        text += f" {ends}"
    return Text(text + marks, style="bold" if cell.best else "")


def _published(cell: Cell, column: Column) -> Text:
    if cell.published is None:
        return Text("")
    marks = raised("".join(cell.published_marks))
    return Text(format_value(cell.published, column.kind) + marks, style=_DIM)


def _title(row: Row) -> Text:
    return Text(row.title + raised(row.mark), style="bold" if row.strong else "")


# a line is its label and its cells; a block of lines stands between rules
_Line = tuple[Text, list[Text]]


def _below(table: Table) -> tuple[list[tuple[str, str]], list[tuple[str, list[_Line]]]]:
    heads = [(column.group, column.title + raised(column.mark)) for column in table.columns]
    blocks = []
    for block in table.blocks:
        lines: list[_Line] = []
        for row in block.rows:
            pairs = list(zip(row.cells, table.columns, strict=True))
            printed = [_published(cell, column) for cell, column in pairs]
            lines.append((_title(row), [_ours(cell, column) for cell, column in pairs]))
            if any(printed):
                lines.append((Text("  paper", style=_DIM), printed))
        blocks.append((block.title, lines))
    return heads, blocks


def _beside(table: Table) -> tuple[list[tuple[str, str]], list[tuple[str, list[_Line]]]]:
    heads: list[tuple[str, str]] = []
    for column in table.columns:
        title = column.title + raised(column.mark)
        names = ["ours"] + ["paper"] * column.paper
        said = column.kind in ("text", "seeds")  # of ours alone: nothing has to be told apart
        heads += [("", title)] if said else [(title, name) for name in names]
    blocks = []
    for block in table.blocks:
        lines: list[_Line] = []
        for row in block.rows:
            cells: list[Text] = []
            for cell, column in zip(row.cells, table.columns, strict=True):
                cells.append(_ours(cell, column))
                cells += [_published(cell, column)] if column.paper else []
            lines.append((_title(row), cells))
        blocks.append((block.title, lines))
    return heads, blocks


def _chunks(label: int, widths: list[int], spans: list[list[int]], width: int) -> list[list[int]]:
    """Return the columns of each part that fits `width`, a span in one piece; labels are repeated in each part."""
    parts: list[list[int]] = [[]]
    left = width - label
    for span in spans:
        wide = sum(widths[index] + 1 for index in span)
        if parts[-1] and wide > left:
            parts.append([])
            left = width - label
        parts[-1] += span
        left -= wide
    return parts


def _spans(heads: list[tuple[str, str]]) -> list[list[int]]:
    """Return the neighbouring columns that share a title above them."""
    return [list(span) for _, span in groupby(range(len(heads)), key=lambda index: heads[index][0])]


def _lay_out(table: Table, width: int) -> list[Text]:
    heads, blocks = (_beside if table.layout == "beside" else _below)(table)
    lines = [line for _, some in blocks for line in some]
    label = max([len(table.stub), *(text.cell_len for text, _ in lines)])
    widths = [max([len(heads[i][1]), *(cells[i].cell_len for _, cells in lines)]) for i in range(len(heads))]
    # columns without a title above them belong to nobody
    spans = [part for span in _spans(heads) for part in ([span] if heads[span[0]][0] else [[i] for i in span])]
    for span in spans:
        room = sum(widths[i] + 1 for i in span) - 1
        widths[span[0]] += max(0, len(heads[span[0]][0]) - room)
    out: list[Text] = []
    parts = _chunks(label, widths, spans, width)
    for part in parts:
        rule = Text("─" * (label + sum(widths[i] + 1 for i in part)), style=_DIM)

        def line(first: Text, cells: list[Text], part: list[int] = part) -> Text:
            padded = [first + " " * (label - first.cell_len)]
            padded += [Text(" " * (widths[i] + 1 - cells[i].cell_len)) + cells[i] for i in part]
            return Text.assemble(*padded)

        if any(heads[i][0] for i in part):
            above = ""
            for span in (span for span in spans if span[0] in part):
                above += " " + heads[span[0]][0].center(sum(widths[i] + 1 for i in span) - 1)
            out.append(Text(" " * label + above))
        out += [line(Text(table.stub), [Text(title) for _, title in heads]), rule]
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
