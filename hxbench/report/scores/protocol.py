"""What runs select and are scored by, where a paper does otherwise: the same cells are not the same thing then."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt

from hxbench.data.splits import portions
from hxbench.spec.run_spec import RunSpec
from hxbench.store import DamagedRun, RunRecord
from hxbench.tasks import task_of, text_tasks


@dataclass
class Divided:
    """The tasks of some runs by where their development set comes from."""

    halved: dict[str, int | None] = field(default_factory=dict)  # the development set, with the examples scored
    drawn: list[str] = field(default_factory=list)  # selected by training examples, all of it is scored

    def said(self) -> str:
        """Return both in words; nothing where every task has sets of its own for both."""
        words = []
        if self.halved:
            halved = _listed(_scored(*one) for one in self.halved.items())
            words.append(f"of {halved} one half is selected by and the other scored")
        if self.drawn:
            words.append(f"of {_listed(map(_title, self.drawn))} training examples are selected by")
        return "; ".join(words)


def divided(records: Iterable[RunRecord]) -> Divided:
    """Return how the development sets of the runs' tasks are divided (`corpora.english.splits`)."""
    found = Divided()
    seen: set[str] = set()
    for record in records:
        spec = record.spec
        if not isinstance(spec, RunSpec) or not spec.task or spec.task in seen:
            continue
        seen.add(spec.task)
        pieces = portions(task_of(spec.task), spec.data.split_rule, spec.data.split_limit)
        if pieces["test"].piece == "second half":
            found.halved[spec.task] = _examples(record)
        elif pieces["dev"].piece == "drawn":
            found.drawn.append(spec.task)
    order = list(text_tasks())
    found.halved = dict(sorted(found.halved.items(), key=lambda one: order.index(one[0])))
    found.drawn.sort(key=order.index)
    return found


def divided_otherwise(records: Iterable[RunRecord], tasks: Iterable[str], limit: int) -> list[str]:
    """Return the tasks whose development set another limit of the paper's rule would not divide as runs do."""
    specs = [record.spec for record in records if isinstance(record.spec, RunSpec)]
    return [
        task
        for task in tasks
        if any(
            portions(task_of(task), spec.data.split_rule, spec.data.split_limit)
            != portions(task_of(task), "size", limit)
            for spec in specs
        )
    ]


def _examples(record: RunRecord) -> int | None:
    """Return how many examples of its own task a run was scored on, where it tells."""
    task = record.fields["task"]
    try:
        rows = record.metrics()
    except DamagedRun:  # said where the run set was read
        return None
    told = (row.get("sentences") for row in rows if row.get("split") == "test" and row.get("task") == task)
    return next((int(count) for count in told if count), None)


def _title(task: str) -> str:
    return task_of(task).title


def _scored(task: str, examples: int | None) -> str:
    """Return a task with what its score is worth: the deviation of a share of so many examples is this at most."""
    if not examples:
        return _title(task)
    return f"{_title(task)} ({examples} examples: an s.d. of up to {50 / sqrt(examples):.1f} by sampling)"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
