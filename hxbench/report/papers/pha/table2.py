"""Table 2: few-shot transfer to three tasks that no model was trained on."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import PAPER, task_title
from hxbench.report.scores.few_shot import Shots
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH

_NAME = "Table 2"
# in the paper's order: its name, ours, our recipe
_METHODS = (
    ("FT", "FT", "shared-ft"),
    ("Adapter", "AD", "shared-adapter"),
    ("PT", "PT", "prompt"),
    ("SPoT", "SPoT", "spot"),
    ("HF", "HF", "hyperformer"),
    ("ATP", "ATP", "attempt"),
    ("HD", "HD", "hyperdecoder"),
    ("MPT", "MPT", "mpt"),
    ("PHA", "PHA", "pha"),
)
_STARTS = (
    "AD: Adapter; ours under FT, AD, HF, HD and PHA go on from the models of all GLUE tasks, of which FT and AD "
    "are the shared ones; PT starts from nothing, SPoT, ATP and MPT from source prompts."
)
_PUBLISHED_TUNINGS = 10
_RUN = "the authors ran HD and PHA only; the other published values are quoted."


def _cell(shots: Shots | None, row: str, task: str, k: int, marks: Marks) -> Cell:
    where = _NAME, row, task_title(task), "accuracy", f"k={k}"
    ours = shots.over([Pair(task, ENGLISH)], k) if shots else None
    return make_cell(ours, published(PAPER).value(*where), marks, doubt=published(PAPER).note(*where))


def build(results: Results) -> list[Table]:
    """Return the one table, a block for each number of examples."""
    found, marks = results.few_shot("table2"), Marks()
    own = [(name, name) for name in found if name not in {method for *_, method in _METHODS}]
    columns = (*(Column(title) for _, title, _ in _METHODS), *(Column(title, paper=False) for title, _ in own))
    wanted = [("", name) for _, name in own]
    protocol = next(iter(found.values())).protocol
    blocks = []
    for k in protocol.k:
        rows = []
        for task in protocol.tasks:
            named = [(row, method) for row, _, method in _METHODS] + wanted
            cells = [_cell(found.get(method), row, task, k, marks) for row, method in named]
            rows.append(Row(task_title(task), mark_seeds(mark_best(cells), marks)))
        blocks.append(Block(f"k = {k}", tuple(rows)))
    shown = list(found.values())
    draws = f"k examples in all, drawn at random; each seed is the mean over up to {results.scale.draws} draws"
    seeds, times = len(results.scale.seeds), results.scale.draws
    tunings = (
        f"a cell of ours is up to {seeds * times} tunings, {times} for each of {seeds} seeds, and its deviation "
        f"that of {seeds} means; a published one is of {_PUBLISHED_TUNINGS} tunings."
    )
    told = results.told("table2", shown, marks, numbers="few_shot", before=[_STARTS, _RUN, tunings])
    return [
        Table(stub="task", columns=columns, blocks=tuple(blocks), **told | {"heading": (*told["heading"], draws)})
    ]
