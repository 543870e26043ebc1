"""Tasks: what a model reads, what it has to answer, and how that is scored.

The catalogue is data: `tasks/COLLECTION.yaml` among the recipes, ours and other packages', has the tasks of a
collection in the order of its paper. A task that several collections have is described in the first of them; the
others say what they add.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hxbench import places
from hxbench.closed import Closed, read_mapping, validated
from hxbench.errors import InputError, did_you_mean

TaskType = Literal["tagging", "classification", "regression", "generation", "masked-lm"]
MLM = "mlm"
ENGLISH = "en"  # the language of every task that answers a text as a whole
TAGGING = "hyperx"  # the suite of the tasks that tag words
SUITES = ("glue", "superglue")  # of texts, whose tasks are trained together
APART = "\n"  # between the right answers to a question in its target; none of them has a line break
UNIFIED_LABELS = 3  # 0, 1 and 2
_ORDER = ("hyperx", "pha", "pet")  # of the collections, in which papers came
Length = Annotated[int, Field(gt=0)]


def _plain_path(text: str) -> str:
    parts = text.split("/")
    if any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
        raise ValueError("a path inside of the mirror has plain names with / between them")
    if not text.endswith((".tsv", ".jsonl", ".json", ".parquet")):
        raise ValueError("a table is a .tsv, .jsonl, .json or .parquet file")
    return text


TablePath = Annotated[str, AfterValidator(_plain_path)]


class Decoding(Closed):
    """How free text is searched for: its tokens, end mark included, at most and at least, and how many beams."""

    longest: Length
    shortest: Annotated[int, Field(ge=0)] = 0
    beams: Length = 1


class Task(Closed):
    """One task.

    `labels` are the classes by id, in the words of the files. The first of `metrics` enters averages, the others
    are computed beside it. `size` is the number of training examples of the release, by which PHA's rule of splits
    goes.
    """

    name: str
    title: str
    type: TaskType
    suite: str = ""  # hyperx, glue, superglue, or by itself
    prefix: str = ""  # what PHA's source texts begin with
    fields: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    size: int = 0
    corpus: str = ""  # what the files of a tagged corpus or of raw text are called
    # of texts whose tables a mirror has in a place of their own: by split the path of a file, whose columns are
    # `fields` and `target`; classes are in the words of `labels`
    files: dict[Literal["train", "dev", "test"], TablePath] = Field(default_factory=dict)
    target: str = "label"
    cut_off: str = ""  # of tagging: the label of a word that was cut off, which must not be right by chance
    several_answers: bool = False  # the target has all right answers, `APART`
    group: str = ""  # of tasks alike, between which transfer is measured
    digits: tuple[str, ...] = ()  # what stands for the classes where labels are digits; else their ids
    longest_input: Length | None = None  # in tokens, where a template limits it
    longest_answer: Length | None = None
    decoding: Decoding | None = None  # of free text

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type in ("tagging", "classification") and len(self.labels) < 2:
            raise ValueError(f"a task of type {self.type} has two labels or more")
        if self.type != "masked-lm" and not self.metrics:
            raise ValueError("a task that is scored has a metric")
        if self.answers_texts and not self.fields:
            raise ValueError(f"a task of type {self.type} has fields")
        if self.files and not (self.answers_texts and "train" in self.files):
            raise ValueError("files are of a task of texts, train among them")
        if self.digits and len(self.digits) != len(self.labels):
            raise ValueError("digits has one for each label")
        return self

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def metric(self) -> str:
        """The metric that enters averages."""
        return self.metrics[0]

    @property
    def answers_texts(self) -> bool:
        """Whether an answer is to a text as a whole, and not to each of its words."""
        return self.type in ("classification", "regression", "generation")

    @property
    def has_classes(self) -> bool:
        """Whether one of its labels answers a text as a whole."""
        return self.type == "classification"


@cache
def _collections_in(folders: tuple[Path, ...]) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of all collections, the papers' first; `InputError` for a name that two packages have."""
    paths: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "tasks").glob("*.yaml")):
            if path.stem in paths:
                raise InputError(f"collection {path.stem} is there twice: {paths[path.stem]} and {path}.")
            paths[path.stem] = path
    found = {}
    for name in dict.fromkeys((*_ORDER, *paths)):
        found[name] = entries = read_mapping(paths[name])
        if not all(isinstance(one, Mapping) for one in entries.values()):
            raise InputError(f"{paths[name]}: expected tasks by name, each with its fields.")
    return found


@cache
def _catalogue_in(folders: tuple[Path, ...]) -> Mapping[str, Task]:
    merged: dict[str, dict[str, Any]] = {}
    for entries in _collections_in(folders).values():
        for name, entry in entries.items():
            merged.setdefault(name, {}).update(entry)
    return {name: validated(Task, {"name": name, **entry}, f"task {name}") for name, entry in merged.items()}


def _collections() -> Mapping[str, Mapping[str, Any]]:
    return _collections_in(places.recipe_folders())


def _catalogue() -> Mapping[str, Task]:
    """Return every task by name, the collections one behind the other."""
    return _catalogue_in(places.recipe_folders())


def task_names() -> tuple[str, ...]:
    """Return the names of all tasks, masked language modelling included."""
    return tuple(_catalogue())


def task_of(name: str) -> Task:
    """Return the task of this name; `InputError` for another."""
    if name not in _catalogue():
        raise InputError(did_you_mean("task", name, list(_catalogue())))
    return _catalogue()[name]


def collections() -> tuple[str, ...]:
    """Return the names of the collections of tasks, the papers' first."""
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
    """Return the names of all tasks whose answers are to texts as a whole."""
    return tuple(name for name, task in _catalogue().items() if task.answers_texts)


def unified_label(task: Task, label: int) -> int:
    """Return what a class id is called in PET's transfer between tasks (its appendix E), where all tasks agree.

    0 is negative, not entailed, contradicted, not the same; 1 is positive, entailed, the same; 2 is neutral: the
    code's digits. A run has them with `data.labels: unified`, whatever its template. Raises `InputError` for a
    task that PET does not have or that has no classes.
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
