"""Tables 1 and 4: what the paper says of approaches and of languages; nothing in them is measured."""

from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import FILE, PAPER
from hxbench.spec.languages import Language, language_set


def _table1(results: Results) -> Table:
    """Return what each approach can do."""
    entry = results.file.entry("table1")

    def cell(row: str, column: str) -> Cell:
        value = published(PAPER).value("Table 1", row, column, "supported")
        return Cell(text="" if value is None else "yes" if value else "no")

    rows = tuple(Row(name, tuple(cell(name, column) for column in entry.terms)) for name in entry.labels)
    return Table(
        columns=tuple(Column(title, paper=False) for title in entry.terms.values()),
        blocks=(Block("", rows),),
        heading=("published; there is nothing to measure",),
        remarks=entry.after,
        **results.named("table1"),
    )


_SIZES = tuple((task, split) for task in ("NER", "POS") for split in ("Train", "Dev", "Test"))
_OURS_ONLY = "not in the paper"
_COLUMNS = (
    *(Column(title, paper=False) for title in ("language", "family", "UD treebank")),
    *(Column(split.lower(), task, paper=False) for task, split in _SIZES),
    *(Column(title, _OURS_ONLY, paper=False) for title in ("script", "group")),
)


def _size(language: Language, task: str, split: str) -> Cell:
    value = published(PAPER).value("Table 4", language.name, f"{task} {split}", "sentences", language.code)
    return Cell(text="–" if value is None else f"{value:.0f}")


def _table4(results: Results) -> Table:
    """Return the sixteen languages; a sandbox language stands in the row of the language it imitates."""
    marks, rows = Marks(), []
    for language in language_set("hyperx").values():
        cells = [
            *(Cell(text=text) for text in (language.name, language.family, language.treebank_stem)),
            *(_size(language, *size) for size in _SIZES),
            *(Cell(text=text) for text in (language.script, language.group)),
        ]
        note = FILE.notes.get(language.code, "").format_map(FILE.texts)
        rows.append(Row(results.label(language.code), tuple(cells), mark=marks.letter(note) if note else ""))
    heading = ["sizes in sentences, as published: NER of WikiANN, POS of UD 2.7"]
    if results.synthetic:
        heading.append(
            f"profile {results.profile}: SYNTHETIC sandbox languages stand for these; their corpora are smaller "
            "(hxbench prepare prints their sizes)"
        )
    return Table(
        columns=_COLUMNS,
        blocks=(Block("", tuple(rows)),),
        heading=tuple(heading),
        notes=marks.notes(),
        remarks=FILE.entry("table4").after,
        **results.named("table4"),
    )


def build(results: Results, name: str) -> list[Table]:
    """Return the one table."""
    return [{"table1": _table1, "table4": _table4}[name](results)]
