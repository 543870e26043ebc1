"""Which (task, language) pairs a setting trains on, and which it scores (Hyper-X, section 4 and Table 6; PHA, 4).

Partitions are written in the paper's language codes; a sandbox language takes the side of the one it imitates.
"""

from typing import NamedTuple

from hxbench.errors import InputError, did_you_mean
from hxbench.spec.languages import Language
from hxbench.tasks import TAGGING, suite_tasks

SETTINGS = ("single", "multi", "mixed")
PARTITIONS = ("a", "b")
SWITCHED = ("a-switched", "b-switched")

_SIDE_A = {"ner": frozenset("br kk tr yo zh gn sa yue".split()), "pos": frozenset("ar is ta hsb fo mt ug".split())}
_SIDE_B = {"ner": _SIDE_A["pos"], "pos": _SIDE_A["ner"]}
_SWITCH = frozenset("kk mt yue".split())  # change sides for both tasks (Hyper-X, section 6.3)


class Model(NamedTuple):
    """Which of a setting's models a run is: of one task, of one partition, of both or of neither."""

    task: str | None = None
    partition: str | None = None

    def __str__(self) -> str:
        return " ".join(word for word in self if word)


class Pair(NamedTuple):
    """A task and a language."""

    task: str
    language: str

    def __str__(self) -> str:
        return f"{self.task}-{self.language}"


def partition_sources(partition: str) -> dict[str, frozenset[str]]:
    """Return, for each task, the paper codes that are sources in `partition`, English aside."""
    if partition not in PARTITIONS + SWITCHED:
        raise InputError(did_you_mean("partition", partition, [*PARTITIONS, *SWITCHED]))
    side = _SIDE_A if partition.startswith("a") else _SIDE_B
    if partition in SWITCHED:
        return {task: codes ^ _SWITCH for task, codes in side.items()}
    return side


def models(
    setting: str, *, one_task: bool = False, switched: bool = False, suite: str | None = None
) -> tuple[Model, ...]:
    """Return the models of a setting; `one_task` for methods that never train two tasks together."""
    known = suite_tasks(suite or TAGGING)
    tasks = known if one_task or setting == "single" else (None,)
    partitions = (SWITCHED if switched else PARTITIONS) if setting == "mixed" else (None,)
    return tuple(Model(task, partition) for partition in partitions for task in tasks)


def source_pairs(
    setting: str, task: str | None, partition: str | None, languages: dict[str, Language]
) -> list[Pair]:
    """Return the labelled pairs that are trained on, in task order, then in the language set's order."""
    tasks = suite_tasks(TAGGING)
    if setting == "single":
        if task not in tasks:
            raise InputError(f"the single-task setting needs a task: one of {', '.join(tasks)}.")
        sides = {task: frozenset[str]()}
    elif setting == "multi":
        sides = {t: frozenset() for t in tasks}
    elif setting == "mixed":
        if partition is None:
            raise InputError("the mixed-language setting needs a partition: a or b.")
        sides = partition_sources(partition)
    elif setting == "language":
        return []
    else:
        raise InputError(did_you_mean("setting", setting, list(SETTINGS)))
    return [
        Pair(t, lang.code)
        for t in tasks
        if t in sides and task in (t, None)
        for lang in languages.values()
        if lang.group == "source" or lang.paper_code in sides[t]
    ]


def target_pairs(setting: str, task: str | None, languages: dict[str, Language]) -> list[Pair]:
    """Return every pair that a run of this setting is scored on; a source's own test split included."""
    if setting == "language":
        return []
    return [Pair(t, code) for t in suite_tasks(TAGGING) if task in (t, None) for code in languages]
