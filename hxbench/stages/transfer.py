"""Applying what was tuned on one task to another one as it is (PET scaling, appendix E)."""

from collections.abc import Iterable

from hxbench.encoding.templates import Wording, label_texts
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.text_method import TextMethod
from hxbench.spec import RunSpec
from hxbench.tasks import task_of


def foreign(spec: RunSpec) -> tuple[str, ...]:
    """Return the tasks that a run is scored on without having been trained on them, each once."""
    return tuple(task for task in dict.fromkeys(spec.transfer) if task != spec.task)


def require_transfer(spec: RunSpec, tasks: Iterable[str]) -> None:
    """Raise `InputError` where a run's model cannot be applied to one of `tasks` as it is.

    That is so of a method with parameters for each task, of a model of several, and of labels that a task does not
    have. What an encoder's head cannot do its method says by itself (`Method.require`).
    """
    wanted = tuple(tasks)
    if not wanted:
        return
    kind = method_class(spec.kind)
    if not (issubclass(kind, TextMethod) and kind.transfers):
        raise InputError(
            f"{spec.method} has parameters of its own for each task it was made for: none for {', '.join(wanted)}."
        )
    if spec.task is None or spec.few_shot:
        raise InputError(f"{spec.title}: only a model of one whole task is applied to others as it is.")
    wording = Wording.of(spec.data)
    for task in map(task_of, (spec.task, *wanted)):
        label_texts(task, spec.data.score_step, wording)
