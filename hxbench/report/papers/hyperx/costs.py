"""What models cost: as the paper says, and ours.

A run of MAD-X trains a task adapter on the adapters of all languages, which are runs of their own. Its parameters
are those of all the adapters (the run itself counts so); its time is that of all of them too.
"""

from collections import Counter, defaultdict

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import PAPER
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.rows import costs_in, rows_of
from hxbench.report.scores.run_set import RunSet
from hxbench.store import RunRecord

_GONE = (
    "a run that it builds on is gone from the store; it is made again when those that build on it are "
    "(hxbench runs rm, then hxbench train)"
)


def cost_cell(
    estimate: Estimate | None, artifact: str, row: str, column: str, quantity: str, marks: Marks
) -> Cell:
    """Return a cost beside the printed parameters (a count) or training time (seconds); no estimate: no text."""
    where = artifact, row, column, quantity
    printed = published(PAPER).value(*where)
    if estimate is None:
        return Cell(text="", published=printed)
    return make_cell(estimate, printed, marks, doubt=published(PAPER).note(*where))


def needed_costs(results: Results, runs: RunSet) -> dict[str, dict[str, float]]:
    """Return the costs of the runs that a set's runs build on, by id; those the store lacks have none."""
    ids = dict.fromkeys(run_id for r in runs.records for run_id in r.spec.after.values())  # type: ignore[union-attr]
    by_id = results.families.by_id
    return {run_id: costs_in(rows_of(by_id[run_id])) if run_id in by_id else {} for run_id in ids}


def unknown(runs: RunSet) -> Estimate:
    """Return what there is of a cost that runs are missing for: the set's own, or else some that they build on."""
    return Estimate(incomplete=runs.lacks, note="" if runs.lacks else _GONE)


def total(results: Results, runs: RunSet, metric: str) -> Estimate:
    """Return the sum of a cost over all runs behind a model of both tasks, each once, those it builds on included.

    There is a value for every seed (and partition) that has the runs of all its tasks.
    """
    below, wanted = needed_costs(results, runs), Counter(model.partition for model in runs.models)
    groups: dict[tuple[str | None, int], list[RunRecord]] = defaultdict(list)
    for (model, seed), record in runs.family.runs.items():
        groups[model.partition, seed].append(record)
    values, seeds = [], []
    behind: set[str] = set()
    for (partition, seed), records in groups.items():
        ids = {run_id for r in records for run_id in r.spec.after.values()}  # type: ignore[union-attr]
        own = [costs_in(rows_of(record)) for record in records]
        costs = [one.get(metric) for one in (*own, *(below[i] for i in ids))]
        if len(records) == wanted[partition] and None not in costs:
            values.append(sum(cost for cost in costs if cost))
            seeds.append(seed)
            behind |= {*ids, *(record.id for record in records)}
    if not values:
        return unknown(runs)
    return Estimate(tuple(values), runs=frozenset((one, ()) for one in behind), seeds=tuple(seeds))


def cost(results: Results, runs: RunSet, metric: str) -> Estimate:
    """Return a cost of one model; the time of one that is put together from several runs is that of them all."""
    builds = any(record.spec.after for record in runs.records)  # type: ignore[union-attr]
    return total(results, runs, metric) if builds and metric == "wall_seconds" else runs.cost(metric)
