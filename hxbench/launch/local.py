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


@dataclass(frozen=True)
class _Worker:
    """A process at work and the pipe it tells through, its own: one killed while speaking harms no other."""

    process: Any
    messages: Any


def _start(context: Any, job: Job) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, theirs))
    process.start()
    theirs.close()  # so that the pipe ends when the process does
    return _Worker(process, ours)


def _work(job: Job, messages: Any) -> None:
    """Do a job in a process started for it."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    last = [0]

    def tell(what: str, done: int, total: int | None) -> None:
        if done - last[0] >= REPORT_EVERY or done in (0, total) or done < last[0]:
            last[0] = done
            with contextlib.suppress(OSError):  # nobody listens any more: we are about to be stopped
                messages.send((what, done, total))

    try:
        with signals_as_stops():
            let_through()
            outcome = attempt(job, tell)
    except Stopped as stopped:
        outcome = Outcome("interrupted", "stopped before it began", stopped.signal_number)
    with contextlib.suppress(OSError):
        messages.send(outcome)


def _stop_with_parent() -> None:
    """Save and stop when the command is gone, or giving it again would find the run busy."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _in_processes(jobs: Sequence[Job], workers: int, report: Report) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    outcomes: dict[int, Outcome] = {}
    at_work: dict[int, _Worker] = {}
    waiting = list(enumerate(jobs))
    with _forwarded_signals(at_work) as stopped:
        while waiting or at_work:
            if stopped:
                waiting.clear()
                if not at_work:
                    break
            elif waiting and len(at_work) < workers:
                number, job = waiting.pop(0)
                with held_back():  # the process is born with both signals waiting until it can act on them
                    at_work[number] = _start(context, job)
                if stopped:  # maybe just before there was a process to forward it to; two that wait are one
                    os.kill(at_work[number].process.pid, stopped[0])
                continue
            ready = connection.wait([worker.messages for worker in at_work.values()])
            for number, worker in [(n, w) for n, w in at_work.items() if w.messages in ready]:
                try:
                    told = worker.messages.recv()
                except (EOFError, OSError):
                    told = _death(worker.process, stopped)
                if isinstance(told, Outcome):
                    outcomes[number] = told
                    del at_work[number]
                    worker.process.join()
                    worker.messages.close()
                else:
                    report(number, *told)
    return [outcomes.get(number, Outcome("interrupted", "not started")) for number in range(len(jobs))]


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
