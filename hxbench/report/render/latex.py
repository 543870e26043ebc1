"""Tables for a paper: booktabs, with our best in bold and the published value behind ours."""

import unicodedata

from hxbench.report.artifact.table import Table, notes_without_commands
from hxbench.report.render.walk import Place, Words, heads, remarks_on_paper, spans, walk

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "±": r"$\pm$", "×": r"$\times$", "–": "--", "…": r"\ldots{}", "·": r"$\cdot$", "*": r"$\ast$",
    "−": "$-$", "†": r"$\dagger$", "→": r"$\to$", "≥": r"$\geq$", "≤": r"$\leq$", "∞": r"$\infty$", "—": "---",
    "‘": "`", "’": "'", "“": "``", "”": "''", "∘": r"$\circ$", "\u00a0": "~", "|": r"\textbar{}",
    "τ": r"$\tau$", "′": r"$'$", "²": r"$^2$",
}  # fmt: skip

# by the combining character
_ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0308\u030c\u0327", list("`'^~\"vc"), strict=True))


def _ascii(character: str) -> str:
    """Return a letter with an accent as LaTeX writes it without any package; others as they are."""
    parts = unicodedata.normalize("NFD", character)
    accent = _ACCENTS.get(parts[1:])
    return rf"\{accent}{{{parts[0]}}}" if accent else character


def escape(text: str) -> str:
    """Return `text` so that LaTeX prints it as it is."""
    return "".join(_SPECIAL.get(character) or _ascii(character) for character in text)


def _label(name: str) -> str:
    """Return a name as LaTeX takes it for a label; a file of the user's may be called anything."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in name)


def _raised(*marks: str) -> str:
    return rf"\textsuperscript{{{escape(','.join(marks))}}}" if marks else ""


def _written(words: Words) -> str:
    # a hyphen of a text stays one
    text = escape(words.text.replace("-", "−") if words.number else words.text)
    text = rf"\textbf{{{text}}}" if words.bold else text
    text += rf"{{\scriptsize$\pm${words.sd}}}" if words.sd else ""
    text += rf" {{\scriptsize {escape(words.ends)}}}" if words.ends else ""
    return text + _raised(*words.marks)


def _cell(place: Place) -> str:
    return _written(place.ours) + (rf" {{\scriptsize({_written(place.paper)})}}" if place.paper else "")


def _heads(table: Table) -> list[str]:
    """Return the header lines: groups over a partial rule, then titles."""
    lines = [" & ".join([escape(table.stub), *(_written(words) for _, words in heads(table))]) + r" \\"]
    groups = spans(above for above, _ in heads(table))
    if not any(group for group, _ in groups):
        return lines
    cells = [rf"\multicolumn{{{len(places)}}}{{c}}{{{escape(group)}}}" for group, places in groups]
    # columns are counted from 1, which is the stub's
    rules = [rf"\cmidrule(lr){{{places[0] + 2}-{places[-1] + 2}}}" for group, places in groups if group]
    return [" & ".join(["", *cells]) + r" \\", " ".join(rules), *lines]


def _one(table: Table) -> list[str]:
    width = len(table.columns) + 1
    ending = " Published values in brackets." if table.beside_published else ""
    caption = escape(f"{table.title}. {'; '.join(text.rstrip('.') for text in table.heading)}.{ending}")
    lines = [
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule",
    ]
    lines += [*_heads(table), r"\midrule"]
    for number, (title, rows) in enumerate(walk(table)):
        lines += [r"\midrule"] if number else []
        lines += [rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(title)}}}}} \\"] if title else []
        lines += [" & ".join([_written(row.title), *map(_cell, row.places)]) + r" \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}", rf"\label{{tab:{_label(table.name)}}}"]
    # no commands stand below
    notes = notes_without_commands(table.notes)
    said = [f"{_raised(mark)}~{escape(text.rstrip('.'))}" for mark, text in notes]
    said += [escape(text.rstrip(".")) for text in remarks_on_paper(table)]
    lines += [rf"\par\footnotesize\raggedright {'; '.join(said)}."] if said else []
    return [*lines, r"\end{table*}"]


def render(tables: list[Table]) -> str:
    """Return one `table*` environment a table; the document needs the package `booktabs`."""
    return "% \\usepackage{booktabs}\n" + "\n\n".join("\n".join(_one(table)) for table in tables) + "\n"
