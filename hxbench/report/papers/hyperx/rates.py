"""Learning rates that were tried before any test score: not in the paper, which takes its rates as given."""

from collections.abc import Collection, Iterable
from itertools import groupby
from statistics import fmean

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS
from hxbench.report.scores.estimate import Estimate, Runs, runs_behind
from hxbench.report.scores.rows import kept_in
from hxbench.report.scores.run_set import Condition
from hxbench.report.select.identity import recipe_spec

_NAME = "rates"
_HOW = (
    "Scores are of development sets of the sources alone, at the weights that were kept. The mean over all of "
    "them chooses the rate. No test set had a part in it."
)


def _estimate(scores: Iterable[float], runs: Runs, seeds: Collection[int], *, incomplete: bool) -> Estimate:
    values = list(scores)
    return Estimate(
        values=(fmean(values),) if values else (),
        incomplete=incomplete,
        runs=runs,
        seeds=tuple(seeds) if len(seeds) == 1 else (),
    )


def _cells(one: Condition, marks: Marks) -> tuple[Cell, ...]:
    found = [pair for rows in one.run_set.rows.values() for pair in kept_in(rows)]
    each = [[score for task, score in found if task == wanted] for wanted in METRICS]
    every = [score for _, score in found]
    behind = [runs_behind(one.records, tasks) for tasks in (*((task,) for task in METRICS), tuple(METRICS))]
    seeds = {seed for _, seed in one.run_set.present}
    return tuple(
        make_cell(_estimate(some, runs, seeds, incomplete=one.lacks), None, marks)
        for some, runs in zip((*each, every), behind, strict=True)
    )


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
    return [
        Table(
            stub="learning rate",
            columns=columns,
            blocks=tuple(blocks),
            **results.told(
                _NAME,
                conditions,
                marks,
                numbers="development scores; the paper prints no such numbers",
                before=[_HOW],
            ),
        )
    ]
