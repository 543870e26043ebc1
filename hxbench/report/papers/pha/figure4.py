"""Figure 4: instances of the GLUE tasks in a plane, before and behind the retriever."""

import numpy as np

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Block, Cell, Marks, Row, format_value, spread
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.retrieved import Array, Retrieval, Retrievals
from hxbench.report.papers.pha.rows import TASKS, task_title
from hxbench.report.scores.estimate import Estimate
from hxbench.store.retrieval import DRAWN

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


def _clouds(retrieval: Retrieval | None, space: str) -> tuple[Series, ...]:
    """Return the points of every task; none without a run."""
    there = [task for task in TASKS["glue"] if retrieval and task in retrieval.drawn_tasks]
    if retrieval is None or not there:
        return tuple(Series(task_title(task)) for task in TASKS["glue"])
    vectors = {task: retrieval.vectors(space, task)[:DRAWN] for task in there}
    placed = plane(np.concatenate(list(vectors.values())))
    ends = np.cumsum([len(of_task) for of_task in vectors.values()])
    split = dict(zip(there, np.split(placed, ends[:-1]), strict=True))
    points = {task: tuple((float(x), float(y)) for x, y in of_task) for task, of_task in split.items()}
    return tuple(Series(task_title(task), points=points.get(task, ())) for task in TASKS["glue"])


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


def build(results: Results) -> list[Figure]:
    """Return the one figure; its table has the numbers, not the points."""
    found, marks = Retrievals(results), Marks()
    # of a packed store's runs that differ in their seed, only the first has its instances
    seed = min((seed for seed, one in found.by_seed.items() if one.drawn_tasks), default=None)
    drawn_run = None if seed is None else found.by_seed[seed]
    panels, rows = [], []
    for space, (title, silhouette) in _SPACES.items():
        nearest = make_cell(_measured(found, "nearest_prototype"), None, marks) if space == "z" else Cell(text="")
        cells = (make_cell(_measured(found, silhouette), None, marks), nearest)
        panels.append(Panel(title, "", _clouds(drawn_run, space), said=_said(cells)))
        rows.append(Row(title, cells))
    drawn = (
        [f"Drawn: t-SNE (cosine) of the run with seed {seed}, up to {DRAWN} test instances a task."]
        if drawn_run
        else []
    )
    return [
        Figure(
            kind="scatter",
            stub="space",
            places=_MEASURES,
            panels=tuple(panels),
            compared=(Block("", tuple(rows)),),
            caption=(
                *drawn,
                "silhouette: how much nearer an instance is to its own task than to the next, −1 to 1; nearest "
                "prototype: the share of instances whose z is most similar to the prototype of their own task.",
            ),
            **results.told(
                "figure4", [found], marks, experiment="table1", numbers="unpublished", lacking=[found.runs]
            ),
            quantity="share",
        )
    ]
