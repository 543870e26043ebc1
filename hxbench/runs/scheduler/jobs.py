"""Jobs in a queue: which of them may go now, how each ended, and what a process's death means for them.

Each launcher (`local`, `on_ray`, `on_slurm`) takes bundles from a `Queue` and says how their jobs ended.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hxbench import network, places
from hxbench.errors import InputError, Interrupted, RunError, Stopped
from hxbench.runs.session import Job
from hxbench.store import Store
from hxbench.store.claim import STALE_SECONDS, RunBusy
from hxbench.system_errors import of_the_system

RETRIES = 10  # deaths in a row, without getting further, after which a run counts as failed
PATIENCE = STALE_SECONDS + 30.0  # seconds in which a claim of a machine that is gone has surely become stale
NOT_STARTED = "not started"
_HANDED_ON = ("HXBENCH_DEBUG", "HF_HOME", *network.OFFLINE)


def environment(*more: str) -> dict[str, str]:
    """Return the variables that a process of a cluster needs of this one's, `more` of them by name."""
    kept = {name: os.environ[name] for name in (*_HANDED_ON, *more) if name in os.environ}
    return {**kept, "HXBENCH_CACHE": str(places.cache_dir().absolute())}


@dataclass(frozen=True)
class Result:
    """How a job ended: `done`, `failed`, `input` (what was given cannot be used), `interrupted` or `submitted`."""

    state: str
    message: str = ""
    signal: int = 0

    @property
    def is_told(self) -> bool:
        """Whether there is something to say about it: a job that was never started has no story."""
        return self.message != NOT_STARTED


@dataclass(frozen=True)
class QueuedJob:
    """A job among others: which of them have to be done before it, and with which it shares a process.

    Jobs of one bundle are done one after the other in one process, so that starting it is paid for once.
    """

    job: Job
    needs: frozenset[int] = frozenset()
    bundle: str = ""


class Observer:
    """Hears of jobs by their numbers while they are done; this one ignores everything."""

    def began(self, number: int) -> None:
        """A process works on the job."""

    def went(self, number: int, what: str, done: int, total: int | None) -> None:
        """The job has `done` so much of `total` in the activity `what`."""

    def again(self, number: int, how: str) -> None:
        """The job's process died (`how`), and the job will be tried again."""

    def ended(self, number: int, result: Result) -> None:
        """The job is over."""


def attempt(job: Job, report: Callable[[str, int, int | None], None], patience: float = 0.0) -> Result:
    """Do a job in this process and say how it ended.

    For so many seconds of `patience` it waits for another process that has the run: on a cluster that may be one
    of a machine that is gone, of which nothing but the silence of its claim tells.
    """
    give_up = time.monotonic() + patience
    try:
        while True:
            try:
                return Result("done", str(job.execute(report)))
            except RunBusy:
                if time.monotonic() > give_up:
                    raise
            time.sleep(min(5.0, patience / 10))
    except Interrupted as stopped:
        return Result("interrupted", str(stopped), stopped.signal_number)
    except (Stopped, KeyboardInterrupt) as stopped:
        return stopped_by(stopped.signal_number if isinstance(stopped, Stopped) else signal.SIGINT)
    except InputError as error:
        return Result("input", str(error))
    except RunError as error:
        return Result("failed", str(error))
    except Exception as error:
        if os.environ.get("HXBENCH_DEBUG"):
            traceback.print_exception(error)
        if (known := of_the_system(error)) is not None:
            return Result("input", str(known))
        return Result("failed", f"unexpected {type(error).__name__}: {error} (--debug shows where)")


def stopped_by(number: int) -> Result:
    """Return how a job ended that a signal stopped where nothing had to be saved."""
    return Result("interrupted", "stopped; what was saved stays", number)


def not_tried(needed: Job) -> Result:
    """Return how a job ended that needs one that did not get done."""
    return Result("failed", f"not tried: {needed.spec.title}, which it needs, failed")


def bundles_of(entries: Sequence[QueuedJob]) -> list[list[int]]:
    """Return the numbers of the jobs, those of a bundle together and not before what any of them needs."""
    bundles: dict[Any, list[int]] = {}
    for number, entry in enumerate(entries):
        bundles.setdefault(entry.bundle or number, []).append(number)
    return sorted(bundles.values(), key=lambda bundle: bundle[-1])


def stages_of(entries: Sequence[QueuedJob]) -> list[list[list[int]]]:
    """Return the bundles in stages: what a bundle needs is all in stages before its own."""
    waiting = [
        (bundle, {need for number in bundle for need in entries[number].needs}) for bundle in bundles_of(entries)
    ]
    stages: list[list[list[int]]] = []
    placed: set[int] = set()
    while waiting:
        stage = [bundle for bundle, needs in waiting if needs <= placed]
        if not stage:
            raise ValueError("bundles wait for each other")
        waiting = [(bundle, needs) for bundle, needs in waiting if not needs <= placed]
        placed |= {number for bundle in stage for number in bundle}
        stages.append(stage)
    return stages


class Queue:
    """Which bundles wait, and how the jobs ended that did."""

    def __init__(self, entries: Sequence[QueuedJob], observer: Observer) -> None:
        self.entries = entries
        self._observer = observer
        self._waiting = bundles_of(entries)
        self._results: dict[int, Result] = {}
        self._deaths: dict[int, tuple[int, int]] = {}  # how many in a row, and after which step

    @property
    def waiting(self) -> bool:
        """Whether there are bundles that nobody has taken."""
        return bool(self._waiting)

    def take(self) -> list[int] | None:
        """Return the first bundle that waits for nothing any more; what can never start ends here."""
        for bundle in list(self._waiting):
            if not all(need in self._results for number in bundle for need in self.entries[number].needs):
                continue
            self._waiting.remove(bundle)
            able = []
            for number in bundle:
                bad = [n for n in sorted(self.entries[number].needs) if self._results[n].state != "done"]
                if bad:
                    self.end(number, not_tried(self.entries[bad[0]].job))
                else:
                    able.append(number)
            if able:
                return able
        return None

    def end(self, number: int, result: Result) -> None:
        """Note how a job ended; only the first word on it counts."""
        if number not in self._results:
            self._results[number] = result
            self._observer.ended(number, result)

    def has_ended(self, number: int) -> bool:
        """Return whether it is known how a job ended."""
        return number in self._results

    def died(self, left: Sequence[int], how: str) -> None:
        """Put back what a process had left that is gone: it was at the first of them, `how` says how it died.

        That job is tried again unless it has died `RETRIES` times in a row without getting further than before.
        """
        number, job = left[0], self.entries[left[0]].job
        step = Store(job.store).step(job.spec.run_id)
        deaths, before = self._deaths.get(number, (0, -1))
        self._deaths[number] = deaths, _ = (deaths + 1 if step <= before else 1), step
        if deaths <= RETRIES:
            self._observer.again(number, how)
            self._waiting.insert(0, list(left))
            return
        times = f"{deaths} times in a row without getting further" if deaths > 1 else "at once"
        self.end(number, Result("failed", f"its process {how}, {times}; the same command goes on from there"))
        if left[1:]:
            self._waiting.insert(0, list(left[1:]))  # the others of its bundle have done nothing wrong

    def clear(self) -> None:
        """Start nothing any more."""
        self._waiting.clear()

    def results(self) -> list[Result]:
        """Return how every job ended, in the order of the queue."""
        return [self._results.get(n, Result("interrupted", NOT_STARTED)) for n in range(len(self.entries))]


class Watch:
    """Passes on to an observer what the store says of jobs that processes elsewhere do."""

    def __init__(self, queue: Queue, observer: Observer) -> None:
        self._queue, self._observer = queue, observer
        self._store = Store(queue.entries[0].job.store)  # of one command all runs are in one store
        self._ids = [entry.job.spec.run_id for entry in queue.entries]  # hashed once
        self._steps: dict[int, int] = {}  # the last one passed on, of jobs known to be at work

    def look(self, numbers: Iterable[int]) -> None:
        """Look at those of the jobs that have not ended."""
        for number in numbers:
            if self._queue.has_ended(number):
                continue
            run_id, title = self._ids[number], self._queue.entries[number].job.spec.title
            if self._store.is_complete(run_id):
                self._queue.end(number, Result("done", str(self._store.root / "runs" / run_id)))
            elif (status := self._store.at_work(run_id)) is not None:
                step = status.get("step") or 0
                if number not in self._steps:
                    self._observer.began(number)
                if self._steps.get(number) != step:
                    self._steps[number] = step
                    self._observer.went(number, title, step, status.get("updates"))
