"""Runs that others do, seen through the store: who is at work, how far, who has finished."""

from collections.abc import Iterable

from hxbench.runs.scheduler.jobs import Observer, Queue, Result
from hxbench.store import Store


class Watch:
    """Tells an observer what the store says of jobs that processes elsewhere do."""

    def __init__(self, queue: Queue, observer: Observer) -> None:
        self._queue, self._observer = queue, observer
        jobs = [entry.job for entry in queue.entries]
        self._ids = [job.spec.run_id for job in jobs]
        self._stores = {job.store: Store(job.store) for job in jobs}
        self._steps: dict[int, int] = {}  # what was told last, by those that are known to be at work

    def look(self, numbers: Iterable[int]) -> None:
        """Look at those of the jobs that have not ended."""
        for number in numbers:
            if self._queue.has_ended(number):
                continue
            job = self._queue.entries[number].job
            store, run_id = self._stores[job.store], self._ids[number]
            if store.is_complete(run_id):
                self._queue.end(number, Result("done", str(store.root / "runs" / run_id)))
            elif (status := store.at_work(run_id)) is not None:
                self._tell(number, status.get("step") or 0, status.get("updates"))

    def _tell(self, number: int, step: int, updates: int | None) -> None:
        if number not in self._steps:
            self._observer.began(number)
        if self._steps.get(number) != step:
            self._steps[number] = step
            self._observer.went(number, self._queue.entries[number].job.spec.title, step, updates)
