"""Which (task, language) pairs a setting trains on, and which it scores (Hyper-X, section 4 and Table 6; PHA, 4).

Partitions are written in the paper's language codes; a sandbox language takes the side of the one it imitates.
"""

from collections.abc import Iterable
from typing import NamedTuple

from hxbench.errors import InputError, did_you_mean
from hxbench.spec.languages import languages_for
from hxbench.spec.run_spec import DataSpec, tagging_tasks
from hxbench.tasks import ENGLISH, TAGGING, suite_tasks
from hxbench.tasks.description import Described

SETTINGS = ("single", "multi", "mixed")
PARTITIONS = ("a", "b")
SWITCHED = ("a-switched", "b-switched")

_SIDE_A = {"ner": frozenset("br kk tr yo zh gn sa yue".split()), "pos": frozenset("ar is ta hsb fo mt ug".split())}
_SIDE_B = {"ner": _SIDE_A["pos"], "pos": _SIDE_A["ner"]}
_ENGLISH = ("en",)  # the source of every setting, by the paper's code
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
    setting: str,
    *,
    one_task: bool = False,
    switched: bool = False,
    suite: str | None = None,
    described: Described | None = None,
) -> tuple[Model, ...]:
    """Return the models of a setting; `one_task` for methods that never train two tasks together."""
    known = suite_tasks(suite) if suite else tagging_tasks(described)
    tasks = known if one_task or setting == "single" else (None,)
    sides: tuple[str, ...] = SWITCHED if switched else PARTITIONS
    if described and not described.extends:
        sides = tuple(side for side in PARTITIONS if side in described.partitions)
    partitions = sides if setting == "mixed" else (None,)
    return tuple(Model(task, partition) for partition in partitions for task in tasks)


def source_pairs(setting: str, task: str | None, partition: str | None, data: DataSpec) -> list[Pair]:
    """Return the labelled pairs of words that are trained on, in task order, then in that of the languages."""
    tasks, languages = tagging_tasks(data.described), languages_for(data.origin, data.described)
    if setting == "single" and task not in tasks:
        raise InputError(f"the single-task setting needs a task: one of {', '.join(tasks)}.")
    if setting == "mixed" and partition is None:
        raise InputError("the mixed-language setting needs a partition: a or b.")
    if setting == "language":
        return []
    if setting not in SETTINGS:
        raise InputError(did_you_mean("setting", setting, list(SETTINGS)))
    sides = sides_of(partition, data.described) if setting == "mixed" and partition else {}
    usual = dict.fromkeys(_shipped(data), _ENGLISH)
    own = data.described.sources if data.described else {}
    return [
        Pair(t, code)
        for t in tasks
        if task in (t, None)
        for code, language in languages.items()
        if language.paper_code in {*usual.get(t, ()), *own.get(t, ()), *sides.get(t, ())}
    ]


def _shipped(data: DataSpec) -> tuple[str, ...]:
    """Return the tasks of words that ship, where a user's own data do not stand alone."""
    return suite_tasks(TAGGING) if data.described is None or data.described.extends else ()


def sides_of(partition: str, own: Described | None) -> dict[str, frozenset[str]]:
    """Return, for each task, the codes that are sources in a partition beside those of every setting."""
    if own is None:
        return partition_sources(partition)
    side = partition.removesuffix("-switched") if own.extends else partition  # a user's languages never change it
    more = {t: frozenset(codes) for t, codes in own.partitions.get(side, {}).items()}  # type: ignore[call-overload]
    shipped = partition_sources(partition) if own.extends else {}
    if not shipped and not more:
        raise InputError(
            f"{own.title} describes no partition {partition}: the mixed setting needs partitions, by task the "
            "languages that are trained on beside those of sources."
        )
    other = partition_sources("b" if side == "a" else "a") if own.extends else {}
    for task, codes in other.items():
        if both := sorted(codes & more.get(task, frozenset())):
            raise InputError(
                f"{own.title}: partitions: {task}-{both[0]} is on the other side as it ships, and no model would "
                "be scored on it: leave it out."
            )
    return {task: shipped.get(task, frozenset()) | more.get(task, frozenset()) for task in {*shipped, *more}}


def target_pairs(setting: str, task: str | None, data: DataSpec) -> list[Pair]:
    """Return every pair of words that a run of this setting is scored on; a source's own test split included."""
    if setting == "language":
        return []
    own, tasks = data.described, tagging_tasks(data.described)
    pairs = [Pair(t, code) for t in _shipped(data) for code in languages_for(data.origin)]
    pairs += [Pair(t, code) for t, code in own.pairs if t in tasks] if own else []
    order = {t: place for place, t in enumerate(tasks)}
    return sorted((p for p in dict.fromkeys(pairs) if task in (p.task, None)), key=lambda pair: order[pair.task])


def text_pairs(tasks: Iterable[str], data: DataSpec) -> list[Pair]:
    """Return the pairs of tasks of texts: in English as they ship, and in the languages of a user's corpora."""
    described = data.described
    found: list[Pair] = []
    for task in tasks:
        ships = described is None or (described.extends and task not in described.tasks)
        own = [Pair(*pair) for pair in described.pairs if pair[0] == task] if described else []
        found += dict.fromkeys([*([Pair(task, ENGLISH)] if ships else []), *own])
    return found
