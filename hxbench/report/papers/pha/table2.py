"""Table 2: few-shot transfer to three tasks that no model was trained on."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best, mark_seeds
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import PAPER
from hxbench.report.scores.few_shot import Shots
from hxbench.spec.settings import Pair
from hxbench.tasks import ENGLISH, task_of

_NAME = "Table 2"


def _cell(shots: Shots | None, row: str, task: str, k: int, marks: Marks) -> Cell:
    where = _NAME, row, task_of(task).title, "accuracy", f"k={k}"
    ours = shots.over([Pair(task, ENGLISH)], k) if shots else None
    return make_cell(ours, published(PAPER).value(*where), marks, doubt=published(PAPER).note(*where))


def build(results: Results) -> list[Table]:
    """Return the one table, a block for each number of examples."""
    found, marks, methods = results.few_shot("table2"), Marks(), results.file.entry("table2").methods
    own = [name for name in found if name not in {method.method for method in methods}]
    columns = (*(Column(method.title) for method in methods), *(Column(name, paper=False) for name in own))
    named = [*((method.published, method.method) for method in methods), *(("", name) for name in own)]
    protocol = next(iter(found.values())).protocol
    blocks = []
    for k in protocol.k:
        rows = []
        for task in protocol.tasks:
            cells = [_cell(found.get(method), row, task, k, marks) for row, method in named]
            rows.append(Row(task_of(task).title, mark_seeds(mark_best(cells), marks)))
        blocks.append(Block(f"k = {k}", tuple(rows)))
    seeds, draws = len(results.scale.seeds), results.scale.draws
    drawn = f"k examples in all, drawn at random; each seed is the mean over up to {draws} draws"
    tunings = results.file.text("tunings", all=seeds * draws, draws=draws, seeds=seeds)
    told = results.told("table2", found.values(), marks, before=[tunings])
    return [Table(columns=columns, blocks=tuple(blocks), **told | {"heading": (*told["heading"], drawn)})]
