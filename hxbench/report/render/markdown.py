"""Tables in GitHub's Markdown: ours, and the published value in brackets behind it."""

from dataclasses import replace

from hxbench.report.artifact.table import Table, notes_without_commands
from hxbench.report.render.walk import Place, Words, heads, remarks_on_paper, walk

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\|*_`<>[]"})


def _escaped(text: str) -> str:
    return text.translate(_SPECIAL)


def _raised(*marks: str) -> str:
    return f"<sup>{_escaped(','.join(marks))}</sup>" if marks else ""


def _written(words: Words) -> str:
    text = _escaped(words.text) + (f" ± {words.sd}" if words.sd else "")
    text += f" {_escaped(words.ends)}" if words.ends else ""
    return (f"**{text}**" if words.bold else text) + _raised(*words.marks)


def _cell(place: Place) -> str:
    return _written(place.ours) + (f" ({_written(place.paper)})" if place.paper else "")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _one(table: Table) -> list[str]:
    lines = [f"### {_escaped(table.title)}", "", *(f"- {_escaped(text)}" for text in table.heading), ""]
    titles = [_written(replace(words, text=f"{group} {words.text}".strip())) for group, words in heads(table)]
    lines += [_line([_escaped(table.stub), *titles]), _line(["---", *["---:"] * len(titles)])]
    for title, rows in walk(table):
        lines += [_line([f"*{_escaped(title)}*", *[""] * len(titles)])] if title else []
        lines += [_line([_written(row.title), *map(_cell, row.places)]) for row in rows]
    if table.beside_published:
        lines += ["", "Ours, and the published value in brackets."]
    notes = notes_without_commands(table.notes)
    lines += ["", *(f"- {_raised(mark)} {_escaped(text)}" for mark, text in notes)] if notes else []
    remarks = remarks_on_paper(table)
    return lines + (["", *(f"- {_escaped(text)}" for text in remarks)] if remarks else [])


def render(tables: list[Table]) -> str:
    """Return the tables one below the other."""
    return "\n\n".join("\n".join(_one(table)) for table in tables) + "\n"
