"""A table as HTML: ours, and the published value small below it; everything that comes from outside is escaped."""

from html import escape
from itertools import groupby

from hxbench.report.table import Block, Cell, Column, Table, format_value, interval, spread


def _raised(marks: tuple[str, ...] | str) -> str:
    return f"<sup>{escape(','.join(marks) if isinstance(marks, tuple) else marks)}</sup>" if marks else ""


def _cell(cell: Cell, column: Column) -> str:
    parts = []
    if cell.text is not None:
        parts.append(escape(cell.text))
    else:
        text = "–" if cell.mean is None else format_value(cell.mean, column.kind)
        text = f"<b>{text}</b>" if cell.best else text
        if sd := spread(cell, column.kind):
            text += f' <span class="sd">±{sd}</span>'
        if ends := interval(cell, column.kind):
            text += f' <span class="sd">{ends}</span>'
        parts.append(text + _raised(cell.marks))
    if cell.published is not None:
        printed = format_value(cell.published, column.kind) + _raised(cell.published_marks)
        parts.append(f'<span class="paper">{printed}</span>')
    return f"<td>{''.join(parts)}</td>"


def _head(table: Table) -> str:
    """Return the header rows: groups, if there are any, above titles."""
    titles = "".join(f'<th scope="col">{escape(c.title)}{_raised(c.mark)}</th>' for c in table.columns)
    stub = f'<th scope="col">{escape(table.stub)}</th>'
    if not any(column.group for column in table.columns):
        return f"<thead><tr>{stub}{titles}</tr></thead>"
    groups = ""
    for group, columns in groupby(column.group for column in table.columns):
        span = len(list(columns))
        groups += (
            f'<th colspan="{span}" scope="colgroup">{escape(group)}</th>'
            if group
            else f'<td colspan="{span}"></td>'
        )
    return f"<thead><tr><td></td>{groups}</tr><tr>{stub}{titles}</tr></thead>"


def _body(block: Block, table: Table) -> str:
    lines = []
    if block.title:
        span = len(table.columns) + 1
        lines.append(
            f'<tr class="block"><th colspan="{span}" scope="rowgroup"><span>{escape(block.title)}</span></th></tr>'
        )
    for row in block.rows:
        name = escape(row.title.strip())
        name = f"<strong>{name}</strong>" if row.strong else name
        cells = "".join(_cell(cell, column) for cell, column in zip(row.cells, table.columns, strict=True))
        lines.append(f'<tr><th scope="row">{name}{_raised(row.mark)}</th>{cells}</tr>')
    return "<tbody>" + "\n".join(lines) + "</tbody>"


def table_html(table: Table) -> str:
    """Return the table alone, in a box of its own that scrolls sideways where the screen is narrow."""
    name = escape(table.title)
    bodies = "\n".join(_body(block, table) for block in table.blocks)
    inner = f"<table>{_head(table)}\n{bodies}</table>"
    return f'<div class="wide" role="region" aria-label="{name}" tabindex="0">{inner}</div>'


def said_html(table: Table) -> str:
    """Return what a table has to say: its footnotes, remarks and the commands that make what it lacks."""
    items = [f"<li>{_raised(mark)} {escape(text)}</li>" for mark, text in table.notes]
    items += [f"<li>{escape(text)}</li>" for text in table.remarks]
    parts = [f'<ul class="notes">{"".join(items)}</ul>'] if items else []
    if table.commands:
        lines = escape("\n".join(table.commands))
        parts.append(f"<details><summary>Missing runs: how to make them</summary><pre>{lines}</pre></details>")
    return "\n".join(parts)
