"""Learning rates that were tried before any test score: not in the paper, which takes its rates as given."""

from dataclasses import replace
from itertools import groupby

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS
from hxbench.report.papers.kept import Kept
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import Condition
from hxbench.report.select.identity import recipe_spec

_NAME = "rates"


def _score(one: Condition, tasks: tuple[str, ...]) -> Estimate:
    """Return the mean over all pairs of some tasks: one number, as one seed is tried."""
    found = Kept(one.run_set).of(tasks)
    values = () if found.mean is None else (found.mean,)
    seeds = found.seeds if len(found.seeds) == 1 else ()
    return replace(found, values=values, seeds=seeds, covers=frozenset(), incomplete=one.lacks)


def _cells(one: Condition, marks: Marks) -> tuple[Cell, ...]:
    every = *((task,) for task in METRICS), tuple(METRICS)
    return tuple(make_cell(_score(one, tasks), None, marks) for tasks in every)


def build(results: Results) -> list[Table]:
    """Return the one table: a block a method, a row a rate."""
    conditions, marks, blocks = results.conditions(_NAME), Marks(), []
    columns = tuple(Column(METRICS[task][1], paper=False) for task in METRICS)
    columns = (*columns, Column("mean of sources", paper=False))
    for method, some in groupby(conditions, key=lambda one: one.method):
        spec = recipe_spec(method, "mixed", results.profile)
        usual = spec.training.lr if spec else None
        rows = []
        for one in some:
            rate = one.block.training.get("lr", usual)
            of_what = one.block.label or ("the recipe's" if rate == usual else "")
            rows.append(Row(", ".join(filter(None, (f"{rate:g}", of_what))), _cells(one, marks)))
        blocks.append(mark_best_of_columns(Block(results.title_of(method), tuple(rows)), columns))
    return [Table(columns=columns, blocks=tuple(blocks), **results.told(_NAME, conditions, marks))]
