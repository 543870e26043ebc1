"""How a backbone answers: by heads on single tokens or on whole texts, or by writing.

Which way it is follows from the family of the backbone and the types of the tasks.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hxbench.answering.answer import Answering
from hxbench.answering.causal import CausalText
from hxbench.answering.classes import ClassHeads
from hxbench.answering.encoder_decoder import EncoderDecoderText
from hxbench.answering.token import TokenHeads
from hxbench.errors import InputError
from hxbench.tasks import Task

if TYPE_CHECKING:
    from hxbench.backbones.families import Stacks

ANSWERINGS: dict[str, type[Answering]] = {
    kind.name: kind for kind in (TokenHeads, ClassHeads, EncoderDecoderText, CausalText)
}


def answering_of(stacks: "Stacks", tasks: Iterable[Task]) -> type[Answering]:
    """Return how backbones of these stacks answer tasks; `InputError` for those they cannot, or not together."""
    wanted = tuple(tasks)
    able = [kind for kind in ANSWERINGS.values() if stacks in kind.stacks]
    for kind in able:
        if all(task.type in kind.types for task in wanted):
            return kind
    for task in wanted:
        if not any(task.type in kind.types for kind in able):
            raise InputError(_REFUSED[stacks].format(title=task.title))
    raise InputError(f"{' and '.join(task.title for task in wanted)} are answered in two ways: not by one model.")


_REFUSED = {
    "encoder": "{title} has no classes to choose among: an encoder alone, such as BERT, cannot answer it.",
    "encoder-decoder": "{title} tags words, for which a backbone of an encoder alone is needed, such as BERT.",
    "decoder": "{title} tags words, for which a backbone of an encoder alone is needed, such as BERT.",
}
