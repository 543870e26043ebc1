"""Tables in GitHub's Markdown: ours, and the published value in brackets behind it."""

from hxbench.report.table import Cell, Column, Table, format_value, interval, spread

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\|*_`<>[]"})


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)


def _raised(marks: tuple[str, ...] | str) -> str:
    return f"<sup>{_escaped(','.join(marks))}</sup>" if marks else ""


def cell_text(cell: Cell, column: Column) -> str:
    """Return a cell: mean ± deviation, in bold for our best, then the published value in brackets."""
    words = []
    if cell.text is not None:
        words.append(_escaped(cell.text))
    else:
        text = "–" if cell.mean is None else format_value(cell.mean, column.kind)
        if sd := spread(cell, column.kind):
            text += f" ± {sd}"
        if ends := interval(cell, column.kind):
            text += f" {_escaped(ends)}"
        words.append((f"**{text}**" if cell.best else text) + _raised(cell.marks))
    if cell.published is not None:
        words.append(f"({format_value(cell.published, column.kind)}{_raised(cell.published_marks)})")
    return " ".join(words)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _one(table: Table) -> list[str]:
    heads = [
        _escaped(f"{column.group} {column.title}".strip()) + _raised((column.mark,) if column.mark else ())
        for column in table.columns
    ]
    lines = [f"### {_escaped(table.title)}", "", *(f"- {_escaped(text)}" for text in table.heading), ""]
    lines += [_line([_escaped(table.stub), *heads]), _line(["---", *["---:"] * len(heads)])]
    for block in table.blocks:
        if block.title:
            lines.append(_line([f"*{_escaped(block.title)}*", *[""] * len(heads)]))
        for row in block.rows:
            name = _escaped(row.title.strip())
            name = (f"**{name}**" if row.strong else name) + _raised((row.mark,) if row.mark else ())
            pairs = zip(row.cells, table.columns, strict=True)
            lines.append(_line([name, *(cell_text(cell, column) for cell, column in pairs)]))
    if table.beside_published:
        lines += ["", "Ours, and the published value in brackets."]
    lines += ["", *(f"- {_raised((mark,))} {_escaped(text)}" for mark, text in table.notes)] if table.notes else []
    lines += ["", *(f"- {_escaped(text)}" for text in table.remarks)] if table.remarks else []
    if table.commands:
        lines += ["", "Missing runs:", "", "```", *table.commands, "```"]
    return lines


def render(tables: list[Table]) -> str:
    """Return the tables one below the other."""
    return "\n\n".join("\n".join(_one(table)) for table in tables) + "\n"
