"""What all tables of the paper share: the methods and their names, the tasks of the two suites."""

from collections.abc import Iterable
from dataclasses import dataclass

from hxbench.spec import recipe
from hxbench.tasks import suite_tasks, task_of

PAPER = "pha"
SUITES = {"glue": "GLUE", "superglue": "SuperGLUE"}
TASKS = {suite: suite_tasks(suite) for suite in SUITES}


@dataclass(frozen=True)
class MethodRow:
    """A method: as Table 1 prints it, as the other tables abbreviate it, and our recipe in its setting."""

    published: str
    short: str
    title: str
    method: str
    setting: str


FT = MethodRow("FT", "FT", "FT", "ft", "single")
SHARED_FT = MethodRow("Shared-FT", "FT", "Shared-FT", "shared-ft", "multi")
ADAPTER = MethodRow("Adapter", "AD", "AD", "adapter", "single")
SHARED_ADAPTER = MethodRow("Shared-Adapter", "AD", "Shared-AD", "shared-adapter", "multi")
PT = MethodRow("PT", "PT", "PT", "prompt", "single")
HF = MethodRow("Hyperformer++", "HF", "HF", "hyperformer", "multi")
HD = MethodRow("HyperDecoder", "HD", "HD", "hyperdecoder", "multi")
PHA = MethodRow("PHA", "PHA", "PHA", "pha", "multi")

TABLE1 = (FT, SHARED_FT, ADAPTER, SHARED_ADAPTER, PT, HF, HD, PHA)
CURVES = (FT, ADAPTER, HF, HD, PHA)
NAMES = "AD: Adapter; HF: Hyperformer++; HD: HyperDecoder: as the paper's other tables abbreviate them."
_OTHERS = {"pha-single": "PHA"}  # recipes of a method that is a row under another name


def title_of(method: str) -> str:
    """Return what the tables call a method: as the paper does, or by its own recipe."""
    if method in _OTHERS:
        return _OTHERS[method]
    if (row := next((row for row in TABLE1 if row.method == method), None)) is not None:
        return row.title
    return str(recipe.load("methods", method).title) if method in recipe.recipe_names("methods") else method


def task_title(task: str) -> str:
    """Return what the paper calls a task."""
    return task_of(task).title


def titles(tasks: Iterable[str]) -> list[str]:
    """Return what the paper calls these tasks."""
    return [task_title(task) for task in tasks]
