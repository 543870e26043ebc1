"""How long runs will take, from how long runs like them took in the store."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

from hxbench.runs.session import Planned
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord


def _likeness(spec: RunSpec) -> list[tuple[Any, ...]]:
    """Return what makes runs alike in duration, the closest likeness first."""
    shot = spec.few_shot.k if spec.few_shot else 0
    profile = (spec.profile, spec.backbone.name, bool(shot))
    length = (spec.training.updates, spec.training.epochs)
    return [
        (*profile, spec.method, spec.setting, spec.task, length, shot),
        (*profile, spec.method, length),
        (*profile, spec.kind, length),
    ]


class Durations:
    """Mean seconds of the finished runs of a store, training and scoring together.

    Of a run that is like none of them `foreseen` says how long it will take, if it can.
    """

    def __init__(
        self, records: Iterable[RunRecord], foreseen: Callable[[RunSpec], float | None] = lambda spec: None
    ) -> None:
        self._foreseen = foreseen
        found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
        for record in records:
            seconds = record.status.get("wall_seconds")
            if isinstance(record.spec, RunSpec) and isinstance(seconds, int | float):
                for key in _likeness(record.spec):
                    found[key].append(seconds + (record.status.get("scoring_seconds") or 0.0))
        self._means = {key: fmean(values) for key, values in found.items()}

    def in_store(self, spec: RunSpec) -> float | None:
        """Return the seconds that runs like it took, None when the store has none."""
        return next((self._means[key] for key in _likeness(spec) if key in self._means), None)

    def of(self, spec: RunSpec) -> float | None:
        """Return the seconds a run will take, None where nothing tells it."""
        seconds = self.in_store(spec)
        return self._foreseen(spec) if seconds is None else seconds

    def mean(self, runs: Iterable[Planned]) -> float | None:
        """Return the mean seconds of those runs of which something is known, None without any."""
        known = [seconds for one in runs if (seconds := self.of(one.job.spec)) is not None]
        return fmean(known) if known else None


def wall_seconds(todo: Sequence[Planned], durations: Durations, workers: int) -> tuple[float, int]:
    """Return the seconds until everything known is done with so many workers, and how many runs are not known.

    A run begins when what it needs is done; one that is not known takes no time.
    """
    lengths = [durations.of(one.job.spec) for one in todo]
    at = {one.run_id: number for number, one in enumerate(todo)}
    needed_by: dict[int, list[int]] = defaultdict(list)
    lacking = [0] * len(todo)
    for number, one in enumerate(todo):
        for needed in {*one.needs} & at.keys():
            needed_by[at[needed]].append(number)
            lacking[number] += 1
    ready = [number for number, count in enumerate(lacking) if not count]  # a heap: the earlier in the list first
    now, running = 0.0, list[tuple[float, int]]()  # when which one ends
    while ready or running:
        while ready and len(running) < max(1, workers):
            number = heapq.heappop(ready)
            heapq.heappush(running, (now + (lengths[number] or 0.0), number))
        now, ended = heapq.heappop(running)
        for number in needed_by[ended]:
            lacking[number] -= 1
            if not lacking[number]:
                heapq.heappush(ready, number)
    return now, lengths.count(None)
