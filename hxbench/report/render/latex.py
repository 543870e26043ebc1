"""Tables for a paper: booktabs, with our best in bold and the published value behind ours."""

import unicodedata

from hxbench.report.table import MISSING, NOT_ALL, Cell, Column, Kind, Table, format_value, interval, spread

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


def _number(value: float, kind: Kind) -> str:
    return format_value(value, kind).replace("-", "$-$").replace("−", "$-$")


def _raised(marks: tuple[str, ...]) -> str:
    return rf"\textsuperscript{{{escape(','.join(marks))}}}" if marks else ""


def _cell(cell: Cell, column: Column) -> str:
    words = []
    if cell.text is not None:
        words.append(escape(cell.text))
    else:
        text = "--" if cell.mean is None else _number(cell.mean, column.kind)
        text = rf"\textbf{{{text}}}" if cell.best else text
        if sd := spread(cell, column.kind):
            text += rf"{{\scriptsize$\pm${sd}}}"
        if ends := interval(cell, column.kind):
            text += rf" {{\scriptsize {escape(ends)}}}"
        words.append(text + _raised(cell.marks))
    if cell.published is not None:
        shown = _number(cell.published, column.kind) + _raised(cell.published_marks)
        words.append(rf"{{\scriptsize({shown})}}")
    return " ".join(words)


def _heads(table: Table) -> list[str]:
    """Return the header lines: groups over a partial rule, then titles."""
    titles = [escape(c.title) + _raised((c.mark,) if c.mark else ()) for c in table.columns]
    lines = [" & ".join([escape(table.stub), *titles]) + r" \\"]
    if not any(column.group for column in table.columns):
        return lines
    spans: list[list[int]] = []  # first and last column of a group, counted from 2 behind the stub
    for number, column in enumerate(table.columns, 2):
        if spans and table.columns[spans[-1][0] - 2].group == column.group:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    above, rules = [], []
    for start, end in spans:
        group = table.columns[start - 2].group
        above.append(rf"\multicolumn{{{end - start + 1}}}{{c}}{{{escape(group)}}}")
        rules += [rf"\cmidrule(lr){{{start}-{end}}}"] if group else []
    return [" & ".join(["", *above]) + r" \\", " ".join(rules), *lines]


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
    for number, block in enumerate(table.blocks):
        lines += [r"\midrule"] if number else []
        if block.title:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(block.title)}}}}} \\")
        for row in block.rows:
            name = escape(row.title.strip())
            name = (rf"\textbf{{{name}}}" if row.strong else name) + _raised((row.mark,) if row.mark else ())
            pairs = zip(row.cells, table.columns, strict=True)
            lines.append(" & ".join([name, *(_cell(cell, column) for cell, column in pairs)]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{caption}}}", rf"\label{{tab:{_label(table.name)}}}"]
    # the commands below the table are comments here
    notes = [(mark, NOT_ALL if mark == MISSING else text) for mark, text in table.notes]
    said = [f"{_raised((mark,))}~{escape(text.rstrip('.'))}" for mark, text in notes]
    said += [escape(text.rstrip(".")) for text in table.remarks]
    lines += [rf"\par\footnotesize\raggedright {'; '.join(said)}."] if said else []
    lines += [r"\end{table*}"]
    # for whoever makes the table, not for whoever reads the paper it ends up in
    return [*lines, *([f"% missing runs: {command}" for command in table.commands])]


def render(tables: list[Table]) -> str:
    """Return one `table*` environment a table; the document needs the package `booktabs`."""
    return "% \\usepackage{booktabs}\n" + "\n\n".join("\n".join(_one(table)) for table in tables) + "\n"
