"""Tables for a terminal: bold for our best, dim for what the paper prints.

The layout is our own because rich's tables know no title above several columns. What does not fit side by side
goes on below, a group of columns in one piece; where it is enough, columns of no scores are left out instead.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import StringIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from hxbench.report.artifact.table import Column, Table
from hxbench.report.render.walk import Line, Place, Words, heads, raised, spans, walk, with_runs

WIDTH = 80
_PROSE = 100  # longer lines are hard to read, however wide the terminal is
_LEAST = 30  # a column of text is not made narrower than this
_DIM = "dim"
_SIDE = ("seeds", "parameters", "duration", "bytes", "rate", "count")  # what stands beside scores

# a line is its label and its cells; a block of lines stands between rules
_Line = tuple[Text, list[Text]]


@dataclass
class _Head:
    """A column as it is printed: what stands above it, its title, and how wide it is."""

    above: str
    title: str
    column: Column
    width: int = 0
    folded: bool = False  # whether its cells go over several lines


def _written(words: Words, style: str = "") -> Text:
    text = words.text + (f"±{words.sd}" if words.sd else "") + (f" {words.ends}" if words.ends else "")
    return Text(text + raised("".join(words.marks)), style="bold" if words.bold else style)


def _ours(place: Place) -> Text:
    wide = place.ours.sd and (place.cell.sd or 0.0) >= 9.95  # which is as wide without its decimal
    return _written(replace(place.ours, sd=f"{place.cell.sd:.0f}") if wide else place.ours)


def _paper(place: Place) -> Text:
    return _written(place.paper, _DIM) if place.paper else Text("")


def _heads(table: Table) -> list[_Head]:
    found: list[_Head] = []
    for column, (group, words) in zip(table.columns, heads(table), strict=True):
        title = _written(words).plain
        if table.layout == "below":
            found.append(_Head(group, title, column))
        elif column.kind in ("text", "seeds"):  # of ours alone: nothing has to be told apart
            found.append(_Head("", title, column))
        else:
            found += [_Head(title, name, column) for name in ["ours"] + ["paper"] * column.paper]
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


def _groups(some: Sequence[_Head], kept: Iterable[int]) -> list[list[int]]:
    """Return neighbours that share a title above them; columns without one belong to nobody."""
    kept = list(kept)
    found = []
    for above, places in spans(some[i].above for i in kept):
        found += [[kept[at] for at in places]] if above else [[kept[at]] for at in places]
    return found


def _wide(some: Sequence[_Head], group: Sequence[int]) -> int:
    """Return how wide a group of columns is, with a blank before each and the title above them."""
    return max(sum(some[i].width + 1 for i in group), cell_len(some[group[0]].above) + 1)


def _kept(some: Sequence[_Head], room: int) -> list[int]:
    """Return the columns that are shown: without those that are no scores, where this makes the others fit."""
    side = [i for i, head in enumerate(some) if head.column.kind in _SIDE]
    for number in range(len(side) + 1 if len(side) < len(some) else 1):
        kept = [i for i in range(len(some)) if i not in side[:number]]
        if sum(_wide(some, group) for group in _groups(some, kept)) <= room:
            return kept
    return list(range(len(some)))


def _pieces(some: Sequence[_Head], group: list[int], room: int) -> list[list[int]]:
    """Return a group in one piece, or in several where it is wider than all the room there is."""
    pieces: list[list[int]] = [[]]
    for i in group:
        if pieces[-1] and _wide(some, [*pieces[-1], i]) > room:
            pieces.append([])
        pieces[-1].append(i)
    return pieces


def _parts(some: Sequence[_Head], groups: list[list[int]], room: int) -> list[list[list[int]]]:
    """Return the groups of columns that stand side by side."""
    parts: list[list[list[int]]] = [[]]
    left = room
    for group in (piece for whole in groups for piece in _pieces(some, whole, room)):
        if parts[-1] and _wide(some, group) > left:
            parts.append([])
            left = room
        parts[-1].append(group)
        left -= _wide(some, group)
    return parts


def _padded(text: Text, width: int, right: bool) -> Text:
    blank = " " * (width - text.cell_len)
    return Text(blank) + text if right else text + blank


def _folded(line: _Line, some: Sequence[_Head], shown: Iterable[int]) -> list[_Line]:
    """Return a line as several where texts that are shown are wider than their columns."""
    label, cells = line
    pieces = [[text] for text in cells]
    for i in shown:
        if some[i].folded:
            found = textwrap.wrap(cells[i].plain, some[i].width)
            pieces[i] = [Text(piece, style=cells[i].style) for piece in found]
    most = max(1, *map(len, pieces))
    return [
        (Text("") if n else label, [texts[n] if n < len(texts) else Text("") for texts in pieces])
        for n in range(most)
    ]


def _measure(some: Sequence[_Head], lines: Sequence[_Line], room: int) -> None:
    """Set how wide the columns are; texts go over several lines where nothing fits otherwise."""
    for i, head in enumerate(some):
        head.width = max([cell_len(head.title), *(cells[i].cell_len for _, cells in lines)])
    over = sum(head.width + 1 for head in some) - room
    for head in sorted(some, key=lambda one: -one.width):
        if over > 0 and head.width > _LEAST:  # no number is
            narrow = max(_LEAST, head.width - over)
            over -= head.width - narrow
            head.width, head.folded = narrow, True


def _lay_out(table: Table, width: int | None) -> tuple[list[Text], list[str]]:
    """Return the lines of a table, and the titles of the columns that are left out."""
    some = _heads(table)
    blocks = [(title, [one for row in rows for one in _lines(row, table.layout)]) for title, rows in walk(table)]
    lines = [line for _, told in blocks for line in told]
    label = max([cell_len(table.stub), *(text.cell_len for text, _ in lines)])
    room = 10**6 if width is None else width - label
    _measure(some, lines, room)
    kept = _kept(some, room)
    parts = _parts(some, _groups(some, kept), room)
    out: list[Text] = []
    for part in parts:
        out += _part(table.stub, label, some, part, blocks, whole=len(parts) == 1)
    return out, [head.column.title for i, head in enumerate(some) if i not in kept]


def _part(
    stub: str,
    label: int,
    some: Sequence[_Head],
    part: list[list[int]],
    blocks: Sequence[tuple[str, list[_Line]]],
    *,
    whole: bool,
) -> list[Text]:
    """Return the lines of the columns of one part, with the labels and the titles."""
    extra = {group[0]: _wide(some, group) - sum(some[i].width + 1 for i in group) for group in part}
    shown = [(i, some[i].width + 1 + extra.get(i, 0)) for group in part for i in group]
    rule = Text("─" * (label + sum(wide for _, wide in shown)), style=_DIM)

    def line(first: Text, cells: Sequence[Text]) -> Text:
        texts = (
            Text(" ") + _padded(cells[i], wide - 1, False) if some[i].folded else _padded(cells[i], wide, True)
            for i, wide in shown
        )
        return Text.assemble(_padded(first, label, False), *texts)

    out = []
    if any(some[group[0]].above for group in part):
        above = [Text(some[group[0]].above) for group in part]
        middle = [
            Text(" " * ((_wide(some, group) - 1 - text.cell_len) // 2)) + text
            for group, text in zip(part, above, strict=True)
        ]
        padded = [_padded(text, _wide(some, group) - 1, False) for group, text in zip(part, middle, strict=True)]
        out.append(Text(" ").join([Text(" " * label), *padded]))
    out += [line(Text(stub), [Text(head.title) for head in some]), rule]
    for title, lines in blocks:
        # what has nothing to say in this part was said in another
        told = [one for one in lines if whole or any(one[1][i].cell_len for i, _ in shown)]
        if told:
            out += [Text(piece, style="italic") for piece in textwrap.wrap(title, max(rule.cell_len, _LEAST))]
            out += [line(*piece) for one in told for piece in _folded(one, some, [i for i, _ in shown])] + [rule]
    return out


def _wrapped(text: str, width: int | None, indent: str = "  ") -> str:
    # a command must stay in one piece to be copied: only prose is wrapped
    room = min(width or _PROSE, _PROSE)
    return textwrap.fill(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _not_shown(columns: Counter[str], rows: int) -> str:
    """Return the line on columns and rows that are left out; nothing where none are."""
    count = columns.total()
    parts = [f"{count} column{'s' * (count > 1)} ({', '.join(columns)}), see --wide"] if count else []
    parts += [f"{rows} row{'s' * (rows > 1)} without runs, see --all-rows"] if rows else []
    return f"Not shown: {'; '.join(parts)}." if parts else ""


def render(tables: list[Table], width: int | None = WIDTH, color: bool = False, all_rows: bool = False) -> str:
    """Return the tables as lines of at most `width` columns (None: as wide as they are), with styles if `color`.

    Rows without runs are counted in one line, unless `all_rows` are asked for.
    """
    target = StringIO()
    console = Console(
        file=target,
        width=10_000,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
    )
    counted = [(table, 0) if all_rows else with_runs(table) for table in tables]
    shown = [one for one in counted if one[0].blocks] or counted[:1]
    columns: Counter[str] = Counter()
    for number, (table, rows) in enumerate(shown):
        console.print(Text(("\n" if number else "") + _wrapped(table.title, width), style="bold"))
        if number == 0 or table.heading != shown[0][0].heading:
            for text in table.heading:
                console.print(Text(_wrapped(text, width)))
        lines, left_out = _lay_out(table, width) if table.blocks else ([], [])
        columns |= Counter(left_out)
        for line in lines:
            console.print(line.copy() if color else Text(line.plain.rstrip()), soft_wrap=True)
        there = "".join(line.plain for line in lines)
        for mark, text in table.notes:
            if not (rows or left_out) or raised(mark) in there:  # else it is on what is not shown
                console.print(Text(_wrapped(f"{raised(mark)} {text}", width)))
    if said := _not_shown(columns, sum(rows for _, rows in counted)):
        console.print(Text(_wrapped(said, width)))
    for text in dict.fromkeys(text for table in tables for text in table.remarks):
        console.print(Text(_wrapped(f"· {text}", width)))
    if commands := list(dict.fromkeys(text for table in tables for text in table.commands)):
        console.print(Text("\nMissing runs:", style="bold"))
        for text in commands:
            console.print(Text(f"  {text}"), soft_wrap=True)
    return target.getvalue()
