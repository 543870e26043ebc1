"""Figure 5: how similar instances are to the prototypes of GLUE: of the same tasks (a), and of new ones (b)."""

from dataclasses import replace

from hxbench.report.cells import make_cell
from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.pha.results import UNPUBLISHED, Results
from hxbench.report.pha.retrieved import Retrievals
from hxbench.report.pha.rows import PAPER, TASKS, task_title, titles
from hxbench.report.table import Cell, Marks, mark_best

_NEW = {"cb": "mnli", "scitail": "stsb", "boolq": "qnli"}  # with the most similar prototype in the paper
_TOP = "the most similar prototype in the paper"
_NOT_STORED = "the runs have no instances of this task"


def _row(found: Retrievals, task: str, marks: Marks) -> Series:
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
    return Series(task_title(task), tuple(best))


def build(results: Results) -> list[Figure]:
    """Return the one figure: a column a prototype, a row a task."""
    found, marks = Retrievals(results), Marks()
    panels = tuple(
        Panel(title, "", tuple(_row(found, task, marks) for task in tasks))
        for title, tasks in (("(a) instances of GLUE", TASKS["glue"]), ("(b) instances of new tasks", tuple(_NEW)))
    )
    return [
        Figure(
            name="figure5",
            title="PHA, Figure 5: cosine similarity of instances and prototypes",
            kind="heat",
            stub="instances",
            places=tuple(titles(TASKS["glue"])),
            panels=panels,
            axis="prototype",
            scale="cosine similarity, mean over the instances",
            heading=results.heading([found], UNPUBLISHED),
            caption=("Mean over the test instances of a task; the highest of a row is bold.",),
            notes=marks.notes(),
            remarks=results.remarks([found]),
            commands=results.commands([found.runs], "table1"),
            facts={"paper": PAPER, "profile": results.profile},
            quantity="share",
        )
    ]
