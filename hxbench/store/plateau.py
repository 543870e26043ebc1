"""Whether the training of a stored run ended on the plateau of its label frequencies, or above it.

By task, `label_losses` in `status.json` has the mean loss of the last updates and the entropy of their labels: the
loss of a guess by frequency alone. Runs stored before there were any say nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

End = Literal["on", "above"]  # the plateau
Ends = Mapping[str, End]  # by task

FIELD = "label_losses"
# of the entropy. Of words some are easy (a sentence ends with a full stop), which takes a few percent off the loss
# of a training that has learned nothing else; one that learns soon loses less than half. The class of a text can
# be hard: to get 58 % of two classes right takes 2 % off.
WORDS, TEXTS = 0.9, 0.98
# Trainings begin with all labels alike, which of tags is 17 to 33 % above the entropy (lab). Those that end on the
# plateau are up to 8 % above it.
ABOVE = 1.1
_FOOTNOTE: Mapping[End, str] = {"on": "", "above": ": nothing was learned, or the training diverged"}
_WARNING: Mapping[End, str] = {
    "on": "try more updates (training.updates), a lower rate (training.lr), a longer warm-up "
    "(training.warmup) or another seed",
    "above": "it diverged, or did not learn even these frequencies. Try a lower rate (training.lr) if "
    "history.jsonl has its loss rise, else more updates (training.updates) or a higher rate",
}


def plateaus(status: Mapping[str, Any]) -> dict[str, End]:
    """Return the tasks whose loss ended on the plateau of their labels or above, and which of these."""
    from hxbench.tasks import text_tasks

    return {
        task: "above" if told["loss"] >= ABOVE * told["entropy"] else "on"
        for task, told in (status.get(FIELD) or {}).items()
        if told["loss"] >= (TEXTS if task in text_tasks() else WORDS) * told["entropy"]
    }


def title_of(task: str) -> str:
    """Return what a task is called in a sentence."""
    from hxbench.tasks import task_of

    return task_of(task).title


def short(ends: Ends) -> str:
    """Return where a training ended, for a column; nothing where it learned all tasks."""
    above = "above "
    return ", ".join(f"{above * (end == 'above')}plateau of {title_of(task)}" for task, end in ends.items())


def footnote(runs: Iterable[Ends]) -> str:
    """Return what has to be said of a mean over these runs; nothing where all learned."""
    runs, said = [*runs], []
    for end, more in _FOOTNOTE.items():
        found = [[title_of(task) for task, one in ends.items() if one == end] for ends in runs]
        if count := sum(map(bool, found)):
            titles = ", ".join(sorted({title for of in found for title in of}))
            said.append(
                f"{count} of {len(runs)} run{'s' * (len(runs) > 1)} ended {end} the plateau of "
                f"{'its' if count == 1 else 'their'} label frequencies ({titles}){more}"
            )
    return "; ".join(said)


def warning(status: Mapping[str, Any]) -> str:
    """Return where the training ended on these tasks and what to do about it; nothing where there are none."""
    losses, ends, said = status.get(FIELD) or {}, plateaus(status), []
    for end, advice in _WARNING.items():
        told = [
            f"{title_of(task)} has a loss of {losses[task]['loss']:.2f} against {losses[task]['entropy']:.2f}"
            for task, one in ends.items()
            if one == end
        ]
        if told:
            said.append(
                f"the training ended {end} the plateau of its label frequencies: {', '.join(told)} of a guess by "
                f"frequency alone. Its scores are no result of the method: {advice}."
            )
    return " ".join(one if not n else one[0].upper() + one[1:] for n, one in enumerate(said))
