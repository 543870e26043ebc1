"""Runs on this machine, each in a process of its own when several go at a time."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hxbench.errors import InputError, Interrupted, RunError
from hxbench.stages.session import Job

Report = Callable[[int, str, int, int | None], None]  # number of the job, what it does, how far, of how much
REPORT_EVERY = 10  # steps between two messages of a worker


@dataclass(frozen=True)
class Outcome:
    """How a job ended: `done`, `failed`, `input` (what was given cannot be used) or `interrupted`."""

    state: str
    message: str = ""
    signal: int = 0


def attempt(job: Job, report: Callable[[str, int, int | None], None]) -> Outcome:
    """Do a job in this process and say how it ended; a bug in the program is raised, not described."""
    try:
        return Outcome("done", str(job.execute(report)))
    except Interrupted as stopped:
        return Outcome("interrupted", str(stopped), stopped.signal_number)
    except KeyboardInterrupt:
        return Outcome("interrupted", "stopped; what was saved stays", signal.SIGINT)
    except InputError as error:
        return Outcome("input", str(error))
    except RunError as error:
        return Outcome("failed", str(error))


def run_jobs(jobs: Sequence[Job], workers: int, report: Report) -> list[Outcome]:
    """Do the jobs, at most `workers` at a time; a failing one does not stop the others.

    After an interruption no further job is started, and those at work save and stop.
    """
    if workers == 1 or len(jobs) == 1:
        outcomes = []
        for number, job in enumerate(jobs):
            outcomes.append(attempt(job, lambda *told, n=number: report(n, *told)))
            if outcomes[-1].state == "interrupted":
                break
        return outcomes
    return _in_processes(jobs, workers, report)


def _work(number: int, job: Job, messages: Any) -> None:
    last = [0]

    def tell(what: str, done: int, total: int | None) -> None:
        if done - last[0] >= REPORT_EVERY or done in (0, total) or done < last[0]:
            last[0] = done
            messages.put((number, what, done, total))

    outcome = attempt(job, tell)
    messages.put((number, outcome, 0, None))


def _in_processes(jobs: Sequence[Job], workers: int, report: Report) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    messages = context.Queue()
    outcomes: dict[int, Outcome] = {}
    alive: dict[int, Any] = {}
    waiting = list(enumerate(jobs))
    with _forwarded_signals(alive) as stopped:
        while waiting or alive:
            while waiting and len(alive) < workers and not stopped:
                number, job = waiting.pop(0)
                alive[number] = context.Process(target=_work, args=(number, job, messages))
                alive[number].start()
            if stopped:
                waiting.clear()
            try:
                number, what, done, total = messages.get(timeout=0.2)
            except queue.Empty:
                for number, process in list(alive.items()):
                    if not process.is_alive() and messages.empty():
                        code = process.exitcode
                        how = (
                            f"was killed by signal {-code}"
                            if code and code < 0
                            else f"ended with exit code {code}"
                        )
                        outcomes[number] = Outcome(
                            "failed", f"its process {how}; the same command goes on from there"
                        )
                        del alive[number]
                continue
            if isinstance(what, Outcome):
                outcomes[number] = what
                alive.pop(number).join()
            else:
                report(number, what, done, total)
    return [outcomes.get(number, Outcome("interrupted", "not started")) for number in range(len(jobs))]


@contextmanager
def _forwarded_signals(alive: dict[int, Any]) -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to the workers, who save and stop."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def forward(number: int, _frame: Any) -> None:
        # Ctrl-C reaches the whole process group by itself; a second forward would kill before the state is saved
        if not seen and not (number == signal.SIGINT and os.isatty(0)):
            for process in alive.values():
                os.kill(process.pid, number)
        seen.append(number)

    old = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
