"""Table 5: few-shot transfer to five languages, from the models trained on English."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.hyperx.cells import doubt_at_zero, printed_score
from hxbench.report.papers.hyperx.few_shot import FewShot
from hxbench.report.papers.hyperx.results import FEW_SHOT, PAPER, Results
from hxbench.report.papers.hyperx.rows import BASE, MADX, MBERT, METRICS, SMALL, MethodRow

_NAME = "Table 5"
_METHODS = (MBERT, MADX, SMALL, BASE)  # in the paper's order
_CAPTION = (
    "the caption of the paper's Figure 6 calls Hyper-X competitive or better on NER of the unseen languages too "
    "(mt, ug); in its Table 5 the mean of MAD-X is ahead there at every k, 0 included."
)


def _cell(few_shot: FewShot, method: MethodRow, task: str, code: str, k: int, marks: Marks) -> Cell:
    printed = printed_score(_NAME, method.published, f"k={k}", task, code)
    odd = doubt_at_zero(method.published, task, code) if k == 0 else None
    return make_cell(few_shot.score(method.method, task, code, k), printed, marks, doubt=odd)


def _with_best(cells: list[Cell], languages: int, marks: Marks) -> tuple[Cell, ...]:
    """Return a row's cells, method by method, with the best of every language marked."""
    for first in range(languages):
        cells[first::languages] = mark_seeds(mark_best(cells[first::languages]), marks)
    return tuple(cells)


def build(results: Results) -> list[Table]:
    """Return the one table: NER above POS, a row for each number of sentences."""
    few_shot, marks = results.few_shot(), Marks()
    methods = [method for method in _METHODS if method.method in few_shot.methods]
    methods += [MethodRow("", name, name) for name in few_shot.own]
    columns = tuple(Column(results.label(code), method.title) for method in methods for code in few_shot.languages)
    blocks = []
    for task, (_, metric) in METRICS.items():
        rows = []
        for k in few_shot.k:
            cells = [
                _cell(few_shot, method, task, code, k, marks) for method in methods for code in few_shot.languages
            ]
            rows.append(Row(f"k = {k}", _with_best(cells, len(few_shot.languages), marks)))
        blocks.append(Block(metric, tuple(rows)))
    draws = (
        f"k sentences drawn at random; each seed is the mean over up to {results.scale.draws} draws; "
        "k = 0: zero-shot"
    )
    return [
        Table(
            name="table5",
            title="Hyper-X, Table 5: few-shot transfer",
            stub="sentences",
            columns=columns,
            blocks=tuple(blocks),
            heading=(*results.heading([few_shot], FEW_SHOT), draws),
            notes=marks.notes(),
            remarks=(*results.remarks([few_shot]), _CAPTION),
            commands=results.commands([few_shot, *few_shot.own_starts], "table5"),
            facts={"paper": PAPER, "profile": results.profile},
        )
    ]
