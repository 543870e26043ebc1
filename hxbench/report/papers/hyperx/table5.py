"""Table 5: few-shot transfer to five languages, from the models trained on English."""

from collections.abc import Mapping

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.cells import doubt_at_zero, printed_score
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import BASE, MADX, MBERT, METRICS, SMALL
from hxbench.report.scores.few_shot import Shots
from hxbench.report.scores.run_set import Shown
from hxbench.spec.settings import Pair

_NAME = "Table 5"
METHODS = (MBERT, MADX, SMALL, BASE)  # in the paper's order
_CAPTION = (
    "the caption of the paper's Figure 6 calls Hyper-X competitive or better on NER of the unseen languages too "
    "(mt, ug); in its Table 5 the mean of MAD-X is ahead there at every k, 0 included."
)


def _cell(shots: Shots, method: MethodRow, pair: Pair, k: int, marks: Marks) -> Cell:
    printed = printed_score(_NAME, method.published, f"k={k}", *pair)
    odd = doubt_at_zero(method.published, *pair) if k == 0 else None
    return make_cell(shots.over((pair,), k), printed, marks, doubt=odd)


def protocol_of(few_shot: Mapping[str, Shots]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the numbers of sentences and the languages of all methods."""
    every = few_shot.values()
    languages = dict.fromkeys(pair.language for shots in every for pair in shots.pairs)
    return tuple(dict.fromkeys(k for shots in every for k in shots.k)), tuple(languages)


def shown_of(few_shot: Mapping[str, Shots]) -> list[Shown]:
    """Return what is shown of few-shot runs: of methods that no experiment asks for what they start from, too."""
    own = [shots.start for shots in few_shot.values() if not shots.draws and shots.start]
    return [*few_shot.values(), *own]


def _with_best(cells: list[Cell], languages: int, marks: Marks) -> tuple[Cell, ...]:
    """Return a row's cells, method by method, with the best of every language marked."""
    for first in range(languages):
        cells[first::languages] = mark_seeds(mark_best(cells[first::languages]), marks)
    return tuple(cells)


def build(results: Results) -> list[Table]:
    """Return the one table: NER above POS, a row for each number of sentences."""
    few_shot, marks = results.few_shot("table5"), Marks()
    methods = [method for method in METHODS if method.method in few_shot]
    methods += [MethodRow(title=name, method=name) for name, shots in few_shot.items() if not shots.draws]
    k_of, languages = protocol_of(few_shot)
    columns = tuple(Column(results.label(code), method.title) for method in methods for code in languages)
    blocks = []
    for task, (_, metric) in METRICS.items():
        rows = []
        for k in k_of:
            cells = [
                _cell(few_shot[method.method], method, Pair(task, code), k, marks)
                for method in methods
                for code in languages
            ]
            rows.append(Row(f"k = {k}", _with_best(cells, len(languages), marks)))
        blocks.append(Block(metric, tuple(rows)))
    draws = (
        f"k sentences drawn at random; each seed is the mean over up to {results.scale.draws} draws; "
        "k = 0: zero-shot"
    )
    told = results.told("table5", shown_of(few_shot), marks, numbers="few_shot", after=[_CAPTION])
    return [
        Table(
            stub="sentences",
            columns=columns,
            blocks=tuple(blocks),
            **told | {"heading": (*told["heading"], draws)},
        )
    ]
