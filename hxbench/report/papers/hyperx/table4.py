"""Table 4: the sixteen languages, with their treebanks and the sizes of their corpora as the paper prints them."""

from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import FILE, PAPER
from hxbench.spec.languages import Language, language_set

_NAME = "Table 4"
_SIZES = tuple((task, split) for task in ("NER", "POS") for split in ("Train", "Dev", "Test"))
_OURS_ONLY = "not in the paper"
_COLUMNS = (
    *(Column(title, paper=False) for title in ("language", "family", "UD treebank")),
    *(Column(split.lower(), task, paper=False) for task, split in _SIZES),
    *(Column(title, _OURS_ONLY, paper=False) for title in ("script", "group")),
)


def _size(language: Language, task: str, split: str) -> Cell:
    value = published(PAPER).value(_NAME, language.name, f"{task} {split}", "sentences", language.code)
    return Cell(text="–" if value is None else f"{value:.0f}")


def build(results: Results) -> list[Table]:
    """Return the one table; a sandbox language stands in the row of the language it imitates."""
    marks, rows = Marks(), []
    for language in language_set("hyperx").values():
        cells = [
            *(Cell(text=text) for text in (language.name, language.family, language.treebank_stem)),
            *(_size(language, *size) for size in _SIZES),
            *(Cell(text=text) for text in (language.script, language.group)),
        ]
        note = FILE.notes.get(language.code)
        rows.append(Row(results.label(language.code), tuple(cells), mark=marks.letter(note) if note else ""))
    heading = ["sizes in sentences, as published: NER of WikiANN, POS of UD 2.7"]
    if results.synthetic:
        heading.append(
            f"profile {results.profile}: SYNTHETIC sandbox languages stand for these; their corpora are smaller "
            "(hxbench prepare prints their sizes)"
        )
    return [
        Table(
            stub="code",
            columns=_COLUMNS,
            blocks=(Block("", tuple(rows)),),
            heading=tuple(heading),
            notes=marks.notes(),
            remarks=("seen and unseen: covered by the pre-training of mBERT, or not.",),
            **results.named("table4"),
        )
    ]
