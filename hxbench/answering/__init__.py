"""How a backbone answers: by heads on single tokens or on whole texts, or by writing.

Which way it is follows from the family of the backbone and the types of the tasks, unless a run says it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hxbench.answering.answer import Answering
from hxbench.answering.causal import CausalText
from hxbench.answering.classes import ClassHeads
from hxbench.answering.encoder_decoder import EncoderDecoderText
from hxbench.answering.token import TokenHeads
from hxbench.errors import InputError
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks import Task, task_of

if TYPE_CHECKING:
    from hxbench.backbones.families import Stacks

ANSWERINGS: dict[str, type[Answering]] = {
    kind.name: kind for kind in (TokenHeads, ClassHeads, EncoderDecoderText, CausalText)
}

# Ways and stacks of backbones by what tables call them: heads are an encoder's where nothing else is said.
COLUMNS: dict[str, tuple[str, "Stacks"]] = {
    way if stacks == kind.stacks[0] else f"{way} on {stacks}": (way, stacks)
    for way, kind in ANSWERINGS.items()
    for stacks in kind.stacks
}


def ways_of(stacks: "Stacks") -> list[type[Answering]]:
    """Return how backbones of these stacks can answer: what can write does so where nothing says otherwise."""
    able = [kind for kind in ANSWERINGS.values() if stacks in kind.stacks]
    return sorted(able, key=lambda kind: not kind.writes)


def answering_of(stacks: "Stacks", tasks: Iterable[Task], wanted: str | None = None) -> type[Answering]:
    """Return how backbones of these stacks answer tasks: the way `wanted`, or the usual one.

    Raises `InputError` for tasks that they cannot answer (so), or not together.
    """
    asked, able = tuple(tasks), ways_of(stacks)
    if wanted is not None and wanted not in (known := [kind.name for kind in able]):
        raise InputError(
            f"options.answering is {wanted}, and a backbone of {_CALLED[stacks]} answers by {' or '.join(known)}."
        )
    for kind in able:
        if wanted in (None, kind.name) and all(task.type in kind.types for task in asked):
            return kind
    for task in asked:
        if not (ways := [kind.name for kind in able if task.type in kind.types]):
            raise InputError(_REFUSED[stacks].format(title=task.title))
        if wanted is not None and wanted not in ways:
            raise InputError(f"options.answering is {wanted}, and {task.title} takes {' or '.join(ways)}.")
    titles = " and ".join(task.title for task in asked)
    raise InputError(f"{titles} need different forms of answers: one model cannot give both.")


def answering_in(spec: RunSpec, stacks: "Stacks") -> type[Answering] | None:
    """Return how a run's backbone, of these stacks, answers all that it is asked; None for raw text alone."""
    if not spec.tasks:
        return None
    shot = (spec.few_shot.task,) if spec.few_shot else ()
    return answering_of(stacks, map(task_of, (*spec.tasks, *shot, *spec.foreign)), spec.options.get("answering"))


_CALLED = {
    "encoder": "an encoder alone",
    "encoder-decoder": "an encoder and a decoder",
    "decoder": "a decoder alone",
}
_REFUSED = {  # there is no task that a decoder does not answer
    "encoder": "{title} has no classes to choose among: an encoder alone, such as BERT, cannot answer it.",
    "encoder-decoder": "{title} tags words, for which a backbone of one stack is needed, such as BERT or Llama.",
}
