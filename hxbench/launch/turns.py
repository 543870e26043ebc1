"""Planned jobs in turns: which of them may go now, how each ended, and what a process's death means for them.

Whoever does jobs (`local`, `on_ray`, `on_slurm`) takes lanes from an `Agenda` and says how their jobs ended.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hxbench.errors import InputError, Interrupted, RunError, Stopped
from hxbench.stages.session import Job
from hxbench.store import Store
from hxbench.store.claim import STALE_SECONDS, RunBusy
from hxbench.system_errors import of_the_system

RETRIES = 10  # deaths in a row, without getting further, after which a run counts as failed
PATIENCE = STALE_SECONDS + 30.0  # seconds in which a claim of a machine that is gone has surely become stale
NOT_STARTED = "not started"


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `done`, `failed`, `input` (what was given cannot be used), `interrupted` or `submitted`."""

    state: str
    message: str = ""
    signal: int = 0

    @property
    def is_told(self) -> bool:
        """Whether there is something to say about it: a job that was never started has no story."""
        return self.message != NOT_STARTED


@dataclass(frozen=True)
class Turn:
    """A job among others: which of them have to be done before it, and with which it shares a process.

    Jobs of one lane are done one after the other in one process, so that starting it is paid for once.
    """

    job: Job
    needs: frozenset[int] = frozenset()
    lane: str = ""


class Listener:
    """What is told while jobs are done, by the number of the job; this one lets it pass."""

    def began(self, number: int) -> None:
        """Somebody works on it."""

    def went(self, number: int, what: str, done: int, total: int | None) -> None:
        """What it does, how far that is, and of how much."""

    def again(self, number: int, how: str) -> None:
        """Its process died, `how` says of what, and it will be tried again."""

    def ended(self, number: int, outcome: Outcome) -> None:
        """It is over."""


def attempt(job: Job, report: Callable[[str, int, int | None], None], patience: float = 0.0) -> Outcome:
    """Do a job in this process and say how it ended.

    For so many seconds of `patience` it waits for another process that has the run: on a cluster that may be one
    of a machine that is gone, of which nothing but the silence of its claim tells.
    """
    give_up = time.monotonic() + patience
    while True:
        try:
            return Outcome("done", str(job.execute(report)))
        except RunBusy as busy:
            if time.monotonic() > give_up:
                return Outcome("failed", str(busy))
        except Interrupted as stopped:
            return Outcome("interrupted", str(stopped), stopped.signal_number)
        except (Stopped, KeyboardInterrupt) as stopped:
            return stopped_by(stopped.signal_number if isinstance(stopped, Stopped) else signal.SIGINT)
        except InputError as error:
            return Outcome("input", str(error))
        except RunError as error:
            return Outcome("failed", str(error))
        except Exception as error:
            if os.environ.get("HXBENCH_DEBUG"):
                traceback.print_exception(error)
            if (told := of_the_system(error)) is not None:
                return Outcome("input", str(told))
            return Outcome("failed", f"unexpected {type(error).__name__}: {error} (--debug shows where)")
        try:
            time.sleep(min(5.0, patience / 10))
        except (Stopped, KeyboardInterrupt) as stopped:
            return stopped_by(stopped.signal_number if isinstance(stopped, Stopped) else signal.SIGINT)


def stopped_by(number: int) -> Outcome:
    """Return how a job ended that a signal stopped where nothing had to be saved."""
    return Outcome("interrupted", "stopped; what was saved stays", number)


def not_tried(needed: Job) -> Outcome:
    """Return how a job ended that needs one that did not get done."""
    return Outcome("failed", f"not tried: {needed.spec.title}, which it needs, failed")


def lanes_of(turns: Sequence[Turn]) -> list[list[int]]:
    """Return the numbers of the turns, those of a lane together and not before what any of them needs."""
    lanes: dict[Any, list[int]] = {}
    for number, turn in enumerate(turns):
        lanes.setdefault(turn.lane or number, []).append(number)
    return sorted(lanes.values(), key=lambda lane: lane[-1])


def stages_of(turns: Sequence[Turn]) -> list[list[list[int]]]:
    """Return the lanes in stages: what a lane needs is all in stages before its own."""
    waiting = [(lane, {need for number in lane for need in turns[number].needs}) for lane in lanes_of(turns)]
    stages: list[list[list[int]]] = []
    placed: set[int] = set()
    while waiting:
        stage = [lane for lane, needs in waiting if needs <= placed]
        if not stage:
            raise ValueError("lanes wait for each other")
        waiting = [(lane, needs) for lane, needs in waiting if not needs <= placed]
        placed |= {number for lane in stage for number in lane}
        stages.append(stage)
    return stages


class Agenda:
    """Which lanes wait, and how the jobs ended that did."""

    def __init__(self, turns: Sequence[Turn], listener: Listener) -> None:
        self.turns = turns
        self._listener = listener
        self._waiting = lanes_of(turns)
        self._outcomes: dict[int, Outcome] = {}
        self._deaths: dict[int, tuple[int, int]] = {}  # how many in a row, and after which step

    @property
    def waiting(self) -> bool:
        """Whether there are lanes that nobody has taken."""
        return bool(self._waiting)

    def take(self) -> list[int] | None:
        """Return the first lane that waits for nothing any more; what can never start ends here."""
        for lane in list(self._waiting):
            if not all(need in self._outcomes for number in lane for need in self.turns[number].needs):
                continue
            self._waiting.remove(lane)
            able = []
            for number in lane:
                bad = [n for n in sorted(self.turns[number].needs) if self._outcomes[n].state != "done"]
                if bad:
                    self.end(number, not_tried(self.turns[bad[0]].job))
                else:
                    able.append(number)
            if able:
                return able
        return None

    def end(self, number: int, outcome: Outcome) -> None:
        """Note how a job ended; only the first word on it counts."""
        if number not in self._outcomes:
            self._outcomes[number] = outcome
            self._listener.ended(number, outcome)

    def has_ended(self, number: int) -> bool:
        """Return whether it is known how a job ended."""
        return number in self._outcomes

    def died(self, left: Sequence[int], how: str) -> None:
        """Put back what a process had left that is gone: it was at the first of them, `how` says how it died.

        That job is tried again unless it has died `RETRIES` times in a row without getting further than before.
        """
        number, job = left[0], self.turns[left[0]].job
        step = Store(job.store).step(job.spec.run_id)
        deaths, before = self._deaths.get(number, (0, -1))
        self._deaths[number] = deaths, _ = (deaths + 1 if step <= before else 1), step
        if deaths <= RETRIES:
            self._listener.again(number, how)
            self._waiting.insert(0, list(left))
            return
        times = f"{deaths} times in a row without getting further" if deaths > 1 else "at once"
        self.end(number, Outcome("failed", f"its process {how}, {times}; the same command goes on from there"))
        if left[1:]:
            self._waiting.insert(0, list(left[1:]))  # the others of its lane have done nothing wrong

    def clear(self) -> None:
        """Start nothing any more."""
        self._waiting.clear()

    def outcomes(self) -> list[Outcome]:
        """Return how every job ended, in the order of the turns."""
        return [self._outcomes.get(n, Outcome("interrupted", NOT_STARTED)) for n in range(len(self.turns))]
