"""What runs scored on the way: through their training, and with more and more examples."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hxbench.report.scores.rows import rows_of
from hxbench.spec.run_spec import START
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord
from hxbench.tasks import task_names, task_of


@dataclass(frozen=True)
class Shot:
    """A run tuned on `k` examples: its score, and the run that it started from, with the score that one had."""

    run: str
    k: int
    draw: int
    score: float
    start: str
    zero: float | None


@dataclass(frozen=True)
class Curves:
    """By task and language: of each run its development scores by step, and the few-shot runs."""

    training: dict[Pair, dict[str, list[tuple[int, float]]]] = field(default_factory=dict)
    shots: dict[Pair, list[Shot]] = field(default_factory=dict)


def curves_of(records: Sequence[RunRecord]) -> Curves:
    """Return the curves of some runs; what a few-shot run started from is looked for among them."""
    found, tuned = Curves(), []
    tests: dict[str, dict[Pair, float]] = defaultdict(dict)
    for record in records:
        for split, pair, step, score in _scores(record):
            if split == "test":
                tests[record.id][pair] = score
            else:
                found.training.setdefault(pair, {}).setdefault(record.id, []).append((step, score))
        if record.few_shot:
            tuned.append(record)
    for record in tuned:
        shot: Mapping[str, Any] = record.fields["few_shot"]
        start = str((record.fields.get("after") or {}).get(START, ""))
        pair = Pair(str(shot["task"]), str(shot["language"]))
        if pair in tests[record.id]:
            score, zero = tests[record.id][pair], tests[start].get(pair) if start in tests else None
            found.shots.setdefault(pair, []).append(Shot(record.id, shot["k"], shot["draw"], score, start, zero))
    return found


def _scores(record: RunRecord) -> Iterator[tuple[str, Pair, int, float]]:
    """Yield the scores of development and test sets by the metric of a task's averages, with the step."""
    for row in rows_of(record):
        task, split = str(row.get("task")), str(row.get("split"))
        known = split in ("dev", "test") and row.get("value") is not None and task in task_names()
        if known and row.get("metric") == task_of(task).metric:
            yield split, Pair(task, str(row.get("language"))), int(row.get("step") or 0), float(row["value"])
