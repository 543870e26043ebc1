"""Whether the training of a stored run ended on the plateau of its label frequencies.

By task, `label_losses` in `status.json` has the mean loss of the last updates and the entropy of their labels: the
loss of a guess by frequency alone. Runs stored before there were any say nothing.
"""

from collections.abc import Mapping
from typing import Any

FIELD = "label_losses"
# of the entropy. Of words some are easy (a sentence ends with a full stop), which takes a few percent off the loss
# of a training that has learned nothing else; one that learns soon loses less than half. The class of a text can
# be hard: to get 58 % of two classes right takes 2 % off.
WORDS, TEXTS = 0.9, 0.98


def plateaus(status: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the tasks whose loss ended at or above that share of the entropy of their labels."""
    from hxbench.tasks import text_tasks

    return tuple(
        task
        for task, told in (status.get(FIELD) or {}).items()
        if told["loss"] >= (TEXTS if task in text_tasks() else WORDS) * told["entropy"]
    )


def title_of(task: str) -> str:
    """Return what a task is called in a sentence."""
    from hxbench.tasks import task_of

    return task_of(task).title


def warning(status: Mapping[str, Any]) -> str:
    """Return a sentence for each of these tasks and what to do about them; nothing where there are none."""
    tasks = plateaus(status)
    if not tasks:
        return ""
    losses = status[FIELD]
    said = [
        f"{title_of(task)} has a loss of {losses[task]['loss']:.2f} against {losses[task]['entropy']:.2f}"
        for task in tasks
    ]
    return (
        f"the training ended on the plateau of its label frequencies: {', '.join(said)} of a guess by frequency "
        "alone. Its scores are no result of the method: try more updates (training.updates), a lower rate "
        "(training.lr), a longer warm-up (training.warmup) or another seed."
    )
