"""Which (task, language) pair of a finished run a command is about."""

from hxbench.errors import InputError
from hxbench.spec.languages import Language, code_among, language_set
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.tasks import task_of


def heads(spec: RunSpec) -> tuple[str, ...]:
    """Return the tasks that a run was made for; none for a run on raw text alone."""
    return spec.tasks


def label_names(spec: RunSpec) -> dict[str, list[str]]:
    """Return the labels of a run's tasks by class id, as this version has them; of a task without any, none."""
    tasks = (*heads(spec), *((spec.few_shot.task,) if spec.few_shot else ()))
    return {task: list(task_of(task).labels) for task in tasks}


def languages(spec: RunSpec) -> tuple[Language, ...]:
    """Return the languages that a run's method was built for, whether it was trained on them or not."""
    return tuple(language_set("sandbox" if spec.data.origin == "sandbox" else "hyperx").values())


def require_pair(who: str, spec: RunSpec, task: str | None, language: str) -> Pair:
    """Return the pair asked for; the task may be left out where the run has only one.

    Raises `InputError`, in which `who` names the run, for a task without a head and for an unknown language.
    """
    known = heads(spec)
    if not known:
        raise InputError(f"{who} has no head for any task: it was trained on raw text alone.")
    if task is None and len(known) > 1:
        raise InputError(f"{who} has heads for {' and '.join(known)}: say which with --task.")
    task = task or known[0]
    task_of(task)
    if task not in known:
        raise InputError(f"{who} has no head for '{task}': it was trained for {', '.join(known)}.")
    return Pair(task, code_among(languages(spec), language))
