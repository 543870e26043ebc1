"""Table 2: SEEN, UNSEEN and ALL of both tasks, for every method in every setting, with what a model costs."""

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.costs import cost, cost_cell
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import (
    BLOCKS,
    GROUPS,
    METRICS,
    SettingBlock,
    best_of_groups,
    doubt,
    own_row,
    printed_score,
    told_of,
)
from hxbench.report.stats.significance import Resampler, mark_leads, said

_NAME = "Table 2"
_COSTS = (
    Column("seeds", kind="seeds", paper=False),
    Column("params", "one model", "count"),
    Column("time", "one model", "duration"),
)


def _row(results: Results, block: SettingBlock, method: MethodRow, marks: Marks) -> Row:
    runs = results.run_set(method.method, block.setting)
    least, most = runs.seed_count()
    cells = [Cell(text=str(most) if least == most else f"{least}–{most}")]
    for metric, quantity in (("counted_parameters", "params"), ("wall_seconds", "training time")):
        cells.append(cost_cell(cost(results, runs, metric), _NAME, method.published, block.title, quantity, marks))
    for task in results.tasks:
        for group in GROUPS:
            where = (_NAME, method.published, block.title, task, group)
            cells.append(make_cell(runs.group(task, group), printed_score(*where), marks, doubt=doubt(*where)))
    return Row(method.title, tuple(cells), mark=marks.letter(told) if (told := told_of(method, runs)) else "")


def build(results: Results) -> list[Table]:
    """Return the one table, a block for each setting."""
    marks, resampler = Marks(), Resampler()
    scores = (Column(group, METRICS[task][1], "score") for task in results.tasks for group in GROUPS)
    columns = (*_COSTS, *scores)
    places = {(column.group, column.title): place for place, column in enumerate(columns)}
    blocks, shown = [], []
    certain: list[str] = []
    tested = False
    for block in BLOCKS:
        known = {row.method for row in block.methods}
        methods = (*map(results.titled, block.methods), *map(own_row, results.own_methods(block.setting, known)))
        rows = tuple(_row(results, block, method, marks) for method in methods)
        sets = [results.run_set(row.method, block.setting) for row in methods]
        leads = best_of_groups(resampler, sets, results.tasks)
        best = mark_best_of_columns(Block(block.title, rows), columns)
        blocks.append(mark_leads(best, leads, lambda lead: places[METRICS[lead.task][1], lead.group]))
        shown += sets
        tested |= any(lead.p is not None for lead in leads)
        certain += said(block.title, leads, [row.title for row in methods], lambda task: METRICS[task][1])
    told = results.told("table2", shown, marks, after=certain, sure=tested)
    return [Table(columns=columns, blocks=tuple(blocks), **told)]
