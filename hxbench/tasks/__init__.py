"""Tasks: what a model reads, what it has to answer, and how that is scored.

The catalogue is data: `data/COLLECTION.yaml` among the recipes, ours and other packages', describes the tasks of a
collection in the order of its paper, and their corpora (`description`). A task that several collections have is
described in the first of them; the others say what they add.
"""

from collections.abc import Callable, Container, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from hxbench import places
from hxbench.closed import validated
from hxbench.errors import InputError, did_you_mean
from hxbench.tasks.task import Decoding, Task, TaskType

__all__ = ["Decoding", "Task", "TaskType"]

MLM = "mlm"
ENGLISH = "en"  # the language of every task that answers a text as a whole
TAGGING = "hyperx"  # the suite of the tasks that tag words
SUITES = ("glue", "superglue")  # of texts, whose tasks are trained together
APART = "\n"  # between the right answers to a question in its target; none of them has a line break
UNIFIED_LABELS = 3  # 0, 1 and 2
E = TypeVar("E")


class Declared(Generic[E]):
    """Tasks or languages that no collection has: from users' data, stored runs and exports, by name.

    The first meaning of a name is kept in a process.
    """

    def __init__(self, kind: str, shipped: Callable[[], Container[str]]) -> None:
        self.kind, self.shipped = kind, shipped
        self.known: dict[str, E] = {}

    def declare(self, entries: Mapping[str, E]) -> None:
        """Make names known, unless they mean something else already; `ValueError` for one that ships.

        A run of the other meaning can be listed, but not used (`require_meaning`).
        """
        for name, entry in entries.items():
            if name in self.shipped():
                raise ValueError(f"the {self.kind} {name} ships with hxbench, and needs no entry")
            self.known.setdefault(name, entry)

    def require_meaning(self, entries: Mapping[str, E], what: str) -> None:
        """Raise `InputError` for a name that stands for something else in this process."""
        for name, entry in entries.items():
            if self.known.setdefault(name, entry) != entry:
                raise InputError(
                    f"{what}: the {self.kind} {name} is described in another way, too: give one another name."
                )


def _collections_in(folders: tuple[Path, ...]) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    from hxbench.tasks.description import descriptions_in

    return {name: file.tasks for name, file in descriptions_in(folders).items()}


@cache
def _catalogue_in(folders: tuple[Path, ...]) -> Mapping[str, Task]:
    merged: dict[str, dict[str, Any]] = {}
    for entries in _collections_in(folders).values():
        for name, entry in entries.items():
            merged.setdefault(name, {}).update(entry)
    return {name: validated(Task, {"name": name, **entry}, f"task {name}") for name, entry in merged.items()}


def shipped_tasks() -> tuple[str, ...]:
    return tuple(_catalogue_in(places.recipe_folders()))


declared_tasks: Declared[Task] = Declared("task", shipped_tasks)


def _collections() -> Mapping[str, Mapping[str, Any]]:
    return _collections_in(places.recipe_folders())


def _catalogue() -> Mapping[str, Task]:
    """Return every task by name, the collections one behind the other, and then those that are declared."""
    shipped = _catalogue_in(places.recipe_folders())
    return {**shipped, **declared_tasks.known} if declared_tasks.known else shipped


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks, masked language modelling included."""
    return tuple(_catalogue())


def task_of(name: str) -> Task:
    """Return the task of this name; `InputError` for another."""
    if name not in _catalogue():
        raise InputError(did_you_mean("task", name, list(_catalogue())))
    return _catalogue()[name]


def collections() -> tuple[str, ...]:
    return tuple(_collections())


def tasks_in(collection: str) -> tuple[str, ...]:
    """Return the names of a collection's tasks, in the order of its paper; `InputError` for an unknown one."""
    known = _collections()
    if collection not in known:
        raise InputError(did_you_mean("collection of tasks", collection, list(known)))
    return tuple(known[collection])


def read_together(collection: str) -> tuple[str, ...]:
    """Return the tasks of a collection of corpora, raw text too: `english` has all of texts, else Hyper-X's."""
    return (*text_tasks(), MLM) if collection == "english" else tasks_in("hyperx")


def text_tasks() -> tuple[str, ...]:
    return tuple(name for name, task in _catalogue().items() if task.answers_texts)


def unified_label(task: Task, label: int) -> int:
    """Return what a class id is called in PET's transfer between tasks (its appendix E), where all tasks agree.

    0 is negative, not entailed, contradicted, not the same; 1 is positive, entailed, the same; 2 is neutral: the
    code's digits. Raises `InputError` for a task that PET does not have or that has no classes.
    """
    if not task.digits:
        raise InputError(f"{task.title} has no classes in PET scaling, and so none to be unified.")
    return int(task.digits[label])


def right_answers(target: str) -> list[str]:
    """Return the answers to a question from its target: at least one of each non-empty target."""
    return [answer for answer in target.split(APART) if answer.strip()]


def suite_tasks(suite: str) -> tuple[str, ...]:
    """Return the tasks of a suite that are trained together, in the paper's order."""
    if suite not in (TAGGING, *SUITES):
        raise InputError(did_you_mean("suite", suite, list(SUITES)))
    return tuple(task.name for task in _catalogue().values() if task.suite == suite)
