"""Few-shot transfer from the models trained on English: Table 5, five languages, and Figure 6, its means."""

from collections.abc import Iterable, Mapping, Sequence

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS, ROWS, doubt, members, printed_score, printed_shot_mean
from hxbench.report.scores.few_shot import Shots
from hxbench.report.scores.run_set import Shown
from hxbench.spec.settings import Pair

_NAME = "Table 5"
_GROUPS = ("SEEN", "UNSEEN")
Few = Mapping[str, Shots]


def _methods(results: Results, name: str, few_shot: Few) -> list[MethodRow]:
    """Return the methods of a table or figure in the paper's order, then others that have runs."""
    known = [ROWS[name] for name in results.file.entry(name).rows]
    return [*known, *(MethodRow(title=name, method=name) for name, shots in few_shot.items() if not shots.draws)]


def _cell(shots: Shots, method: MethodRow, pair: Pair, k: int, marks: Marks) -> Cell:
    printed = printed_score(_NAME, method.published, f"k={k}", *pair)
    odd = doubt(_NAME, method.published, f"k={k}", *pair)
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


def _table5(results: Results) -> Table:
    """Return the table: NER above POS, a row for each number of sentences."""
    few_shot, marks = results.few_shot("table5"), Marks()
    methods = [method for method in _methods(results, "table5", few_shot) if method.method in few_shot]
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
    told = results.told("table5", shown_of(few_shot), marks)
    return Table(
        columns=columns,
        blocks=tuple(blocks),
        **told | {"heading": (*told["heading"], draws)},
    )


def _series(few: Few, method: MethodRow, pairs: Sequence[Pair], marks: Marks) -> Series:
    task, codes, shots = pairs[0].task, [pair.language for pair in pairs], few[method.method]
    cells = [
        make_cell(shots.over(pairs, k), printed_shot_mean(method.published, task, codes, k), marks)
        for k in protocol_of(few)[0]
    ]
    return Series(method.title, tuple(cells))


def _panel(results: Results, few: Few, task: str, group: str, marks: Marks) -> Panel:
    codes = [code for code in protocol_of(few)[1] if code in members(group)]
    names = ", ".join(map(results.label, codes))
    pairs = [Pair(task, code) for code in codes]
    series = tuple(_series(few, method, pairs, marks) for method in _methods(results, "figure6", few))
    return Panel(f"{task.upper()}, {group}: {names}", METRICS[task][1].partition(" ")[2], series)


def _seeds(panels: Iterable[Panel], places: Iterable[int]) -> list[str]:
    """Return a sentence about the numbers of seeds where they differ: marks at points would hide the curves."""
    curves = [one.cells for panel in panels for one in panel.series]
    counts = {
        k: {cell.n for cell in cells if cell.mean is not None} for k, *cells in zip(places, *curves, strict=True)
    }
    if len(set().union(*counts.values())) < 2:
        return []
    words = [f"{' or '.join(map(str, sorted(there)))} at {k}" for k, there in counts.items() if there]
    return [f"Numbers of seeds differ: {', '.join(words)}."]


def _figure6(results: Results) -> Figure:
    """Return the figure, four panels with the four methods of the paper and those of one's own."""
    few, marks = results.few_shot("table5"), Marks()
    k_of, _ = protocol_of(few)
    panels = [_panel(results, few, task, group, marks) for task in METRICS for group in _GROUPS]
    real = ", of mBERT on real languages" if results.synthetic else ""
    caption = (
        f"Ours at 5 and more: each seed is the mean over up to {results.scale.draws} draws.",
        f"Published{real}: means of the languages' values in the paper's Table 5, at 0 of its rows k = 0.",
        results.file.text("at_zero"),
        *_seeds(panels, k_of),
    )
    return Figure(
        kind="lines",
        places=tuple(map(str, k_of)),
        axis="training sentences (0: zero-shot)",
        at=tuple(map(float, k_of)),
        panels=tuple(panels),
        **results.told("figure6", shown_of(few), marks, caption=caption),
    )


def build(results: Results, name: str) -> list[Table] | list[Figure]:
    """Return the one table or figure."""
    return [_table5(results)] if name == "table5" else [_figure6(results)]
