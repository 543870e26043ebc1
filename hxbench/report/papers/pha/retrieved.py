"""What the retriever of PHA made of test instances, run by run: Figures 4 and 5.

Figure 4 has instances of the GLUE tasks in a plane, before and behind the retriever. Figure 5 says how similar
instances are to the prototypes of GLUE: of the same tasks (a), and of new ones (b).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Marks, Row, format_value, mark_best, spread
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import FILE, ROWS, TASKS, titles
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.scores.run_set import RunSet
from hxbench.store import DamagedRun, RunRecord
from hxbench.store.retrieval import DRAWN
from hxbench.tasks import task_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Retrieval:
    """The instances of one run."""

    found: dict[str, Any]

    @property
    def prototypes(self) -> list[str]:
        """The tasks of the prototypes."""
        return [str(task) for task in self.found["tasks"]]

    @property
    def tasks(self) -> list[str]:
        """The tasks of the instances."""
        return [str(one["task"]) for one in self.found["instances"]]

    @property
    def drawn_tasks(self) -> list[str]:
        """The tasks whose instances are there, not only what was counted of them."""
        there = set(self.found["task"].tolist())
        return [task for number, task in enumerate(self.tasks) if number in there]

    def rows(self, task: str) -> NDArray[np.int64]:
        """Return the places of a task's instances."""
        return np.flatnonzero(self.found["task"] == self.tasks.index(task))

    def vectors(self, space: str, task: str) -> Array:
        """Return the `features` or `z` of a task's instances."""
        return np.asarray(self.found[space][self.rows(task)], dtype=float)

    def similarity(self, task: str) -> dict[str, float]:
        """Return the mean cosine similarity of a task's instances with every prototype."""
        return dict(self.found["similarity"].get(task, {}))

    def measured(self, name: str) -> float | None:
        """Return a number of the analysis that was stored with the run, None where there is none."""
        value = self.found["analysis"].get(name)
        return None if value is None else float(value)


class Retrievals:
    """The retrievals of the runs of PHA on GLUE, by seed."""

    def __init__(self, results: Results) -> None:
        self.runs: RunSet = results.run_set(ROWS["pha"].method, ROWS["pha"].setting, suite="glue")
        self._wanted = results.scale.seeds
        self.notes: list[str] = list(self.runs.notes)

    @cached_property
    def by_seed(self) -> dict[int, Retrieval]:
        """What there is, by seed; what is not readable is in the notes."""
        found = {}
        for record in sorted(self.runs.records, key=lambda record: record.spec.seed):  # type: ignore[union-attr]
            for retrieval in self._read(record):
                found[int(record.fields["seed"])] = Retrieval(retrieval)
        return found

    def _read(self, record: RunRecord) -> Iterator[dict[str, Any]]:
        try:
            retrieval = record.retrieval()
        except DamagedRun as error:
            self.notes.append(f"left out: {error} ({record.removal} removes it.)")
            return
        if retrieval is None:
            self.notes.append(
                f"run {record.id} was stored without its instances: {record.removal} and run it again."
            )
            return
        yield retrieval

    def over(self, values: dict[int, float | None]) -> Estimate:
        """Return the estimate of a value by seed."""
        there = {seed: value for seed, value in values.items() if value is not None}
        return Estimate(
            values=tuple(there.values()),
            incomplete=not set(self._wanted) <= set(there),
            runs=runs_behind((one for one in self.runs.records if one.spec.seed in there), ()),  # type: ignore[union-attr]
            seeds=tuple(there),
        )

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the numbers come from."""
        return self.runs.records

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return self.runs.lacks


_SEED = 2023
_SPACES = {"features": ("(a) encoder features", "silhouette_features"), "z": ("(b) z", "silhouette_z")}
_MEASURES = ("silhouette", "nearest prototype")


def plane(vectors: Array) -> Array:
    """Return places in a plane for the rows, [rows, 2], by t-SNE of their cosines; the same rows get the same."""
    from sklearn.manifold import TSNE

    found: Array = TSNE(
        n_components=2,
        init="pca",
        metric="cosine",
        perplexity=min(30.0, (len(vectors) - 1) / 3),
        random_state=_SEED,
        n_jobs=1,
    ).fit_transform(vectors)
    return found


def _clouds(retrieval: Retrieval | None, space: str, run: str) -> tuple[Series, ...]:
    """Return the points of every task in a run, by its id; none without one."""
    there = [task for task in TASKS["glue"] if retrieval and task in retrieval.drawn_tasks]
    if retrieval is None or not there:
        return tuple(Series(task_of(task).title) for task in TASKS["glue"])
    vectors = {task: retrieval.vectors(space, task)[:DRAWN] for task in there}
    placed = plane(np.concatenate(list(vectors.values())))
    ends = np.cumsum([len(of_task) for of_task in vectors.values()])
    split = dict(zip(there, np.split(placed, ends[:-1]), strict=True))
    points = {task: tuple((float(x), float(y)) for x, y in of_task) for task, of_task in split.items()}
    of_task = {task: points.get(task, ()) for task in TASKS["glue"]}
    return tuple(Series(task_of(t).title, points=some, runs=((run,),) * len(some)) for t, some in of_task.items())


def _measured(found: Retrievals, name: str) -> Estimate:
    return found.over({seed: one.measured(name) for seed, one in found.by_seed.items()})


def _said(cells: tuple[Cell, ...]) -> str:
    """Return the line above a panel: what can be counted of the picture."""
    words = []
    for measure, cell in zip(_MEASURES, cells, strict=True):
        if cell.mean is not None:
            sd = spread(cell, "share")
            short = measure.split()[0]  # there is room for one line
            words.append(f"{short} {format_value(cell.mean, 'share')}" + (f"±{sd}" if sd else ""))
    return ", ".join(words) or "no runs yet"


def _figure4(results: Results) -> Figure:
    """Return the planes; the table has the numbers, not the points."""
    found, marks = Retrievals(results), Marks()
    # of a packed store's runs that differ in their seed, only the first has its instances
    seed = min((seed for seed, one in found.by_seed.items() if one.drawn_tasks), default=None)
    drawn_run = None if seed is None else found.by_seed[seed]
    run_id = next((one.id for one in found.records if one.fields["seed"] == seed), "")
    panels, rows = [], []
    for space, (title, silhouette) in _SPACES.items():
        nearest = make_cell(_measured(found, "nearest_prototype"), None, marks) if space == "z" else Cell(text="")
        cells = (make_cell(_measured(found, silhouette), None, marks), nearest)
        clouds = _clouds(drawn_run, space, run_id)
        panels.append(Panel(title, "t-SNE 2 (no unit)", clouds, said=_said(cells), axis="t-SNE 1 (no unit)"))
        rows.append(Row(title, cells))
    drawn = (
        [f"Drawn: t-SNE (cosine) of the run with seed {seed}, up to {DRAWN} test instances a task."]
        if drawn_run
        else []
    )
    told = results.told("figure4", [found], marks, caption=drawn, lacking=[found.runs])
    return Figure(
        kind="scatter",
        places=_MEASURES,
        panels=tuple(panels),
        compared=(Block("", tuple(rows)),),
        quantity="share",
        **told,
    )


_NEW = FILE.entry("figure5").terms  # tasks, with the most similar prototype in the paper
_TOP = "the most similar prototype in the paper"
_NOT_STORED = "the runs have no instances of this task"


def _similar(found: Retrievals, task: str, marks: Marks) -> Series:
    """Return the mean cosine similarity of a task's instances with each prototype, over the seeds."""
    by_seed = {seed: one.similarity(task) for seed, one in found.by_seed.items() if task in one.tasks}
    cells: list[Cell] = []
    for prototype in TASKS["glue"]:
        estimate = found.over({seed: similar.get(prototype) for seed, similar in by_seed.items()})
        if found.by_seed and not by_seed:
            cells.append(Cell(marks=(marks.letter(_NOT_STORED),)))
            continue
        cells.append(make_cell(estimate, None, marks))
    best = list(mark_best(cells, "share"))
    if top := _NEW.get(task):
        at = TASKS["glue"].index(top)
        best[at] = replace(best[at], marks=(*best[at].marks, marks.letter(_TOP)))
    return Series(task_of(task).title, tuple(best))


def _figure5(results: Results) -> Figure:
    """Return the similarities: a column a prototype, a row a task."""
    found, marks = Retrievals(results), Marks()
    panels = tuple(
        Panel(title, "", tuple(_similar(found, task, marks) for task in tasks))
        for title, tasks in (("(a) instances of GLUE", TASKS["glue"]), ("(b) instances of new tasks", tuple(_NEW)))
    )
    return Figure(
        kind="heat",
        places=tuple(titles(TASKS["glue"])),
        panels=panels,
        axis="prototype",
        scale="cosine similarity, mean over the instances",
        quantity="share",
        **results.told("figure5", [found], marks, lacking=[found.runs]),
    )


def build(results: Results, name: str) -> list[Figure]:
    """Return the one figure."""
    return [{"figure4": _figure4, "figure5": _figure5}[name](results)]
