"""Runs on this machine, each in a process of its own when several go at a time."""

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from hxbench.errors import InputError, Interrupted, RunError, Stopped
from hxbench.launch.signals import STOPPING, held_back, let_through, signals_as_stops
from hxbench.stages.session import Job

Report = Callable[[int, str, int, int | None], None]  # number of the job, what it does, how far, of how much
Ended = Callable[[int, "Outcome"], None]  # number of the job, how it ended
REPORT_EVERY = 10  # steps between two messages of a worker


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `done`, `failed`, `input` (what was given cannot be used) or `interrupted`."""

    state: str
    message: str = ""
    signal: int = 0


def attempt(job: Job, report: Callable[[str, int, int | None], None]) -> Outcome:
    """Do a job in this process and say how it ended."""
    try:
        return Outcome("done", str(job.execute(report)))
    except Interrupted as stopped:
        return Outcome("interrupted", str(stopped), stopped.signal_number)
    except (Stopped, KeyboardInterrupt) as stopped:
        number = stopped.signal_number if isinstance(stopped, Stopped) else signal.SIGINT
        return Outcome("interrupted", "stopped; what was saved stays", number)
    except InputError as error:
        return Outcome("input", str(error))
    except RunError as error:
        return Outcome("failed", str(error))
    except Exception as error:
        if os.environ.get("HXBENCH_DEBUG"):
            traceback.print_exception(error)
        return Outcome("failed", f"unexpected {type(error).__name__}: {error} (--debug shows where)")


@dataclass(frozen=True)
class Turn:
    """A job among others: which of them have to be done before it, and with which it shares a process.

    Jobs of one lane are done one after the other in one process, so that starting it is paid for once.
    """

    job: Job
    needs: frozenset[int] = frozenset()
    lane: str = ""


class _Outcomes(dict[int, Outcome]):
    """How jobs ended, told to whoever wants to know as they do."""

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self._ended = ended

    def __setitem__(self, number: int, outcome: Outcome) -> None:
        super().__setitem__(number, outcome)
        self._ended(number, outcome)


def run_jobs(
    turns: Sequence[Turn], workers: int, report: Report, ended: Ended = lambda number, outcome: None
) -> list[Outcome]:
    """Do the jobs, at most `workers` at a time; a failing one stops only those that need it.

    A job needs earlier ones of the list only. After an interruption no further job is started, and those at work
    save and stop.
    """
    outcomes = _Outcomes(ended)
    lanes = _lanes(turns)
    if workers == 1 or len(lanes) == 1:
        _one_by_one(turns, lanes, report, outcomes)
    else:
        _in_processes(turns, lanes, workers, report, outcomes)
    return [outcomes.get(number, Outcome("interrupted", "not started")) for number in range(len(turns))]


def _one_by_one(
    turns: Sequence[Turn], waiting: list[list[int]], report: Report, outcomes: dict[int, Outcome]
) -> None:
    """Do the lanes in this process; an interruption ends it."""
    while lane := _next_ready(turns, waiting, outcomes):
        for number in lane:
            outcomes[number] = attempt(turns[number].job, lambda *told, n=number: report(n, *told))
            if outcomes[number].state == "interrupted":
                return


def _lanes(turns: Sequence[Turn]) -> list[list[int]]:
    """Return the numbers of the turns, those of a lane together and not before what any of them needs."""
    lanes: dict[Any, list[int]] = {}
    for number, turn in enumerate(turns):
        lanes.setdefault(turn.lane or number, []).append(number)
    return sorted(lanes.values(), key=lambda lane: lane[-1])


def _lost(turns: Sequence[Turn], number: int, outcomes: Mapping[int, Outcome]) -> Outcome | None:
    """Return how a turn ends without being tried: one that it needs did not get done."""
    bad = [need for need in sorted(turns[number].needs) if outcomes[need].state != "done"]
    return Outcome("failed", f"not tried: {turns[bad[0]].job.spec.title}, which it needs, failed") if bad else None


@dataclass
class _Worker:
    """A process at work and the pipe it tells through, its own: one killed while speaking harms no other."""

    process: Any
    messages: Any
    left: list[int]  # the turns it has not ended yet, in its order


def _start(context: Any, turns: Sequence[Turn], numbers: list[int]) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=([(n, turns[n].job) for n in numbers], theirs))
    process.start()
    theirs.close()  # so that the pipe ends when the process does
    return _Worker(process, ours, list(numbers))


def _work(jobs: Sequence[tuple[int, Job]], messages: Any) -> None:
    """Do jobs in a process started for them."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    for number, job in jobs:
        outcome = _work_on(number, job, messages)
        with contextlib.suppress(OSError):
            messages.send((number, outcome))
        if outcome.state == "interrupted":
            return


def _work_on(number: int, job: Job, messages: Any) -> Outcome:
    last = [0]

    def tell(what: str, done: int, total: int | None) -> None:
        if done - last[0] >= REPORT_EVERY or done in (0, total) or done < last[0]:
            last[0] = done
            with contextlib.suppress(OSError):  # nobody listens any more: we are about to be stopped
                messages.send((number, (what, done, total)))

    try:
        with signals_as_stops():
            let_through()
            return attempt(job, tell)
    except Stopped as stopped:
        return Outcome("interrupted", "stopped before it began", stopped.signal_number)


def _stop_with_parent() -> None:
    """Save and stop when the command is gone, or giving it again would find the run busy."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _in_processes(
    turns: Sequence[Turn], lanes: Sequence[list[int]], workers: int, report: Report, outcomes: dict[int, Outcome]
) -> None:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    at_work: dict[int, _Worker] = {}  # by the first turn they were given
    waiting = list(lanes)
    with _forwarded_signals(at_work) as stopped:
        while waiting or at_work:
            if stopped:
                waiting.clear()
                if not at_work:
                    break
            ready = _next_ready(turns, waiting, outcomes) if len(at_work) < workers else None
            if ready:
                with held_back():  # the process is born with both signals waiting until it can act on them
                    at_work[ready[0]] = _start(context, turns, ready)
                if stopped:  # maybe just before there was a process to forward it to; two that wait are one
                    os.kill(at_work[ready[0]].process.pid, stopped[0])
                continue
            if at_work:
                _listen(at_work, waiting, stopped, report, outcomes)


def _next_ready(turns: Sequence[Turn], waiting: list[list[int]], outcomes: dict[int, Outcome]) -> list[int] | None:
    """Take the first lane that waits for nothing any more off the list; what can never start ends here."""
    for lane in list(waiting):
        if not all(need in outcomes for number in lane for need in turns[number].needs):
            continue
        waiting.remove(lane)
        lost = {number: how for number in lane if (how := _lost(turns, number, outcomes))}
        for number, how in lost.items():
            outcomes[number] = how
        if able := [number for number in lane if number not in lost]:
            return able
    return None


def _listen(
    at_work: dict[int, _Worker],
    waiting: list[list[int]],
    stopped: Sequence[int],
    report: Report,
    outcomes: dict[int, Outcome],
) -> None:
    """Take one message of every worker that has something to say."""
    ready = connection.wait([worker.messages for worker in at_work.values()])
    for key, worker in [(k, w) for k, w in at_work.items() if w.messages in ready]:
        try:
            number, told = worker.messages.recv()
        except (EOFError, OSError):
            number, told = worker.left[0], _death(worker.process, stopped)
            if worker.left[1:] and not stopped:
                waiting.insert(0, worker.left[1:])  # the others of its lane have done nothing wrong
            worker.left = [number]
        if not isinstance(told, Outcome):
            report(number, *told)
            continue
        outcomes[number] = told
        worker.left.remove(number)
        if not worker.left or told.state == "interrupted":
            del at_work[key]
            worker.process.join()
            worker.messages.close()


def _death(process: Any, stopped: Sequence[int]) -> Outcome:
    """Return how a job ended whose process could not say so itself."""
    process.join()
    code = process.exitcode or 0
    if stopped and -code in STOPPING:
        return Outcome("interrupted", "stopped; what was saved stays", -code)
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return Outcome("failed", f"its process {how}; the same command goes on from there")


@contextmanager
def _forwarded_signals(at_work: Mapping[int, _Worker]) -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to the workers, who save and stop."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def forward(number: int, _frame: Any) -> None:
        # Ctrl-C reaches the whole process group by itself; a second forward would kill before the state is saved
        if not seen and not (number == signal.SIGINT and os.isatty(0)):
            for worker in at_work.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process.pid, number)
        seen.append(number)

    old = {number: signal.signal(number, forward) for number in STOPPING}
    try:
        yield seen
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
