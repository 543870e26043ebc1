"""The text methods of the suite side by side: those of PHA beside those of PET scaling, on the backbone both have.

Both are scored on the same test sets. They are trained as their papers say, so that steps, batches and wordings
differ: what that takes is among the costs.
"""

from dataclasses import replace

from hxbench.report.artifact.cost_and_score import COSTS, FRONT, Tuned, block_of, panels_of, with_table
from hxbench.report.artifact.figure import Figure
from hxbench.report.artifact.table import Marks
from hxbench.report.paper import MethodRow
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import METHODS, PLACED
from hxbench.report.papers.pha.cells import parameters_per_task
from hxbench.report.papers.pha.results import Results as PhaResults
from hxbench.report.papers.pha.rows import TABLE1, TASKS
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import RunSet
from hxbench.tasks import task_of

_SIZE = "t5-base"
_SUITE = "glue"
_OURS, _THEIRS = "PET scaling, one model a task", "PHA, Table 1"
_NUMBERS = "score: mean ± sample s.d. over the seeds; costs: mean over the runs; in neither paper"
_SHARED = (
    f"Parameters and time of a model of several tasks are divided by their number, {len(TASKS[_SUITE])}. Methods "
    "are trained as their paper says, for different numbers of updates."
)
_OTHERS = "Hyper-X's methods tag words: they have no score in common with these."


def _shared(runs: RunSet, metric: str) -> Estimate:
    """Return a cost for each task; what is counted by the token is nobody's share."""
    if metric == "counted_parameters":
        return parameters_per_task(runs, len(TASKS[_SUITE]))
    found = runs.cost(metric)
    share = len(TASKS[_SUITE]) if metric == "wall_seconds" and not all(m.task for m in runs.models) else 1
    return replace(found, values=tuple(value / share for value in found.values), note="")


def _of_pha(row: MethodRow, runs: RunSet) -> Tuned:
    costs = {metric: _shared(runs, metric) for metric, *_ in COSTS}
    return Tuned(f"{row.title} (PHA)", row.title, "base", runs.tasks(PLACED), costs)


def beside_pha(results: Results) -> list[Figure]:
    """Return the figure of both papers' methods; nothing where their backbones or all runs of PHA are others."""
    pha = PhaResults(results.store, results.to_type.profile)
    if results.scale.sizes.get(_SIZE) != pha.scale.backbone:
        return []
    sets = [(row, pha.run_set(row.method, row.setting, suite=_SUITE)) for row in TABLE1]
    if not any(runs.records for _, runs in sets):
        return []
    tried = results.tried("figure2")
    found = [(one, tried[At(_SIZE, one.method)]) for one in METHODS if At(_SIZE, one.method) in tried]
    ours = [
        Tuned(one.title, one.title, "base", runs.over(PLACED), {m: runs.cost(m, PLACED) for m, *_ in COSTS})
        for one, runs in found
    ]
    theirs = [_of_pha(row, runs) for row, runs in sets]
    panels = panels_of(pha.scale.backbone, [one.series for one in (*ours, *theirs)], [*ours, *theirs])
    marks = Marks()
    blocks = [block_of(_OURS, ours, panels, marks), block_of(_THEIRS, theirs, panels, marks)]
    here, there = [runs for _, runs in found], [runs for _, runs in sets]
    figure = Figure(
        name="frontier-suite",
        title="Cost and score of the methods of PET scaling and of PHA",
        kind="frontier",
        stub="method",
        places=(),
        panels=tuple(panels),
        columns=3,
        heading=results.heading([*here, *there], _NUMBERS, sizes=[_SIZE]),
        caption=(f"Scores are means of {', '.join(task_of(one).title for one in PLACED)}. {_SHARED}",),
        notes=marks.notes(),
        remarks=(FRONT, _OTHERS, *results.remarks(here, timed=True), *pha.remarks(there)),
        commands=tuple(dict.fromkeys((*results.commands(here, "figure2"), *pha.commands(there, "table1")))),
        **results.named(""),
        ours="means over the seeds",
    )
    return [with_table(figure, blocks)]
