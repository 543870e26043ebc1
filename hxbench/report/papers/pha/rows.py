"""What all tables of the paper share: the methods and their names, the tasks of the two suites."""

from collections.abc import Iterable

from hxbench.report.paper import paper_file
from hxbench.tasks import suite_tasks, task_of

PAPER = "pha"
SUITES = {"glue": "GLUE", "superglue": "SuperGLUE"}
TASKS = {suite: suite_tasks(suite) for suite in SUITES}
FILE = paper_file(PAPER)
ROWS = FILE.rows
TABLE1 = tuple(ROWS.values())


def titles(tasks: Iterable[str]) -> list[str]:
    """Return what the paper calls these tasks."""
    return [task_of(task).title for task in tasks]
