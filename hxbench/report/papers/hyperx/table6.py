"""Table 6: Table 2 by language. One table for each task and setting: twelve methods side by side fit no screen."""

from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_seeds
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import (
    BLOCKS,
    FILE,
    GROUPS,
    METRICS,
    ORDER,
    SettingBlock,
    best_of_groups,
    doubt,
    own_row,
    printed_score,
    told_of,
)
from hxbench.report.stats.significance import HOW, Resampler, said

_NAME = "Table 6"
OWN = "described by the user: not in the paper, and in no average"


def _cell(results: Results, block: SettingBlock, method: MethodRow, task: str, group: str, marks: Marks) -> Cell:
    where = (_NAME, method.published, block.title, task, group)
    runs = results.run_set(method.method, block.setting)
    estimate = runs.group(task, group) if group in GROUPS else runs.score(task, group)
    return make_cell(estimate, printed_score(*where), marks, doubt=doubt(*where) if group in GROUPS else None)


def _methods(results: Results, block: SettingBlock) -> tuple[MethodRow, ...]:
    own = results.own_methods(block.setting, {row.method for row in block.methods})
    return (*map(results.titled, block.methods), *map(own_row, own))


def _table(results: Results, resampler: Resampler, block: SettingBlock, task: str) -> Table:
    marks = Marks()
    methods = _methods(results, block)
    shown = [results.run_set(method.method, block.setting) for method in methods]
    columns = tuple(
        Column(
            method.title,
            paper=bool(method.published),
            mark=marks.letter(told) if (told := told_of(method, runs)) else "",
        )
        for method, runs in zip(methods, shown, strict=True)
    )
    rows = []
    own = results.own_codes.get(task, ())
    for group in (*ORDER, *own, *GROUPS):
        cells = mark_seeds([_cell(results, block, method, task, group, marks) for method in methods], marks)
        odd = {
            "hsb": FILE.text("hsb_size") if task == "pos" else "",
            "ug": FILE.notes["ug"] if block.setting == "mixed" else "",
        }
        odd |= dict.fromkeys(own, OWN)
        mark = marks.letter(text) if (text := odd.get(group)) else ""
        title = group if group in (*GROUPS, *own) else results.label(group)
        rows.append(Row(title, cells, strong=group in GROUPS, mark=mark))
    metric = METRICS[task][1]
    leads = best_of_groups(resampler, shown, [task])
    tested = any(lead.p is not None for lead in leads)
    certain = said(block.title, leads, [method.title for method in methods], lambda task: METRICS[task][1])
    certain += [f"p of a lead: {HOW}."] if tested else []
    return Table(
        name=f"table6-{task}-{block.setting}",
        title=f"Hyper-X, Table 6: {metric} by language, {block.title}",
        columns=columns,
        # English is supervised and in no average: it stands apart
        blocks=(
            Block("", tuple(rows[:1])),
            Block("", tuple(rows[1 : len(ORDER)])),
            *([Block("", tuple(rows[len(ORDER) : -len(GROUPS)]))] if own else []),
            Block("", tuple(rows[-len(GROUPS) :])),
        ),
        layout="beside",
        # the same runs make several of them: they are asked for once, below the last
        **results.told("table6", shown, marks, after=certain, lacking=()),
    )


def build(results: Results) -> list[Table]:
    """Return six tables: one task in its three settings, then the other; the commands are for all of them."""
    resampler = Resampler()
    tables = [_table(results, resampler, block, task) for task in results.tasks for block in BLOCKS]
    shown = [results.run_set(row.method, block.setting) for block in BLOCKS for row in _methods(results, block)]
    return [*tables[:-1], replace(tables[-1], commands=results.commands(shown, "table2"))]
