"""Runs on this machine, each in a process of its own when several go at a time."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from hxbench.errors import Stopped
from hxbench.launch.signals import STOPPING, held_back, let_through, signals_as_stops
from hxbench.launch.turns import Agenda, Listener, Outcome, Turn, attempt, lanes_of, stopped_by
from hxbench.stages.session import Job

REPORT_EVERY = 10  # steps between two messages of a worker
# What the server of processes imports for all of them. Most of it is imported late, by whoever first needs it: of
# every process that would take three seconds of CPU time, more than a small run itself.
PRELOADED = (
    "hxbench.stages.train",
    "hxbench.launch.local",
    "datasets",
    "peft.tuners.lora",
    "pyarrow.parquet",
    "rouge_score.tokenizers",
    "seqeval.metrics.sequence_labeling",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bloom.modeling_bloom",
    "transformers.models.t5.modeling_t5",
)


@dataclass(frozen=True)
class OnThisMachine:
    """At most `workers` jobs at a time, as many as the cores carry for 0; `torchrun` allows one."""

    workers: int = 0

    def require(self) -> None:
        """There always is this machine."""

    def at_a_time(self, threads: int) -> int:
        """Return how many jobs of so many threads go at a time."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            return 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return self.workers or max(1, cores // threads if threads else 1)

    def run(self, turns: Sequence[Turn], listener: Listener) -> list[Outcome]:
        """Do the jobs in this process, or each lane in a process of its own when several go at a time."""
        threads = max((turn.job.spec.training.cpu_threads or 0 for turn in turns), default=0)
        return run_jobs(turns, self.at_a_time(threads), listener)


def run_jobs(turns: Sequence[Turn], workers: int, listener: Listener) -> list[Outcome]:
    """Do the jobs, at most `workers` at a time; see `Launcher.run`."""
    agenda = Agenda(turns, listener)
    if workers == 1 or len(lanes_of(turns)) == 1:
        _one_by_one(agenda, listener)
    else:
        _in_processes(agenda, workers, listener)
    return agenda.outcomes()


def _one_by_one(agenda: Agenda, listener: Listener) -> None:
    """Do the lanes in this process; an interruption ends it."""
    while lane := agenda.take():
        for number in lane:
            listener.began(number)
            outcome = attempt(agenda.turns[number].job, lambda *told, n=number: listener.went(n, *told))
            agenda.end(number, outcome)
            if outcome.state == "interrupted":
                return


@dataclass
class _Worker:
    """A process at work and the pipe it tells through, its own: one killed while speaking harms no other."""

    process: Any
    messages: Any
    left: list[int]  # the turns it has not ended yet, in its order


def _context() -> Any:
    """Return how processes are started: from a server that has imported everything, or each from nothing.

    torch's threads do not survive a fork and neither does what a driver of a GPU has begun; the server has
    neither, as it only imports. Starting from it takes a tenth of a second instead of several.
    """
    import torch

    if not sys.platform.startswith("linux") or torch.accelerator.is_available():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _start(context: Any, turns: Sequence[Turn], numbers: list[int]) -> _Worker:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=([(n, turns[n].job) for n in numbers], theirs, dict(os.environ)))
    process.start()
    theirs.close()  # so that the pipe ends when the process does
    return _Worker(process, ours, list(numbers))


def _work(jobs: Sequence[tuple[int, Job]], messages: Any, environment: Mapping[str, str]) -> None:
    """Do jobs in a process started for them, in the environment as it is now and not when their server began."""
    os.environ.update(environment)
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
            with contextlib.suppress(OSError):
                messages.send((number, None))
            return attempt(job, tell)
    except Stopped as stopped:
        return Outcome("interrupted", "stopped before it began", stopped.signal_number)


def _stop_with_parent() -> None:
    """Save and stop when the command is gone, or giving it again would find the run busy."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def _in_processes(agenda: Agenda, workers: int, listener: Listener) -> None:
    context = _context()
    at_work: dict[int, _Worker] = {}  # by the first turn they were given
    with _forwarded_signals(at_work) as stopped:
        while agenda.waiting or at_work:
            if stopped:
                agenda.clear()
                if not at_work:
                    break
            ready = agenda.take() if len(at_work) < workers else None
            if ready:
                with held_back():  # the process is born with both signals waiting until it can act on them
                    at_work[ready[0]] = _start(context, agenda.turns, ready)
                if stopped:  # maybe just before there was a process to forward it to; two that wait are one
                    os.kill(at_work[ready[0]].process.pid, stopped[0])
                continue
            if at_work:
                _listen(at_work, agenda, stopped, listener)


def _listen(at_work: dict[int, _Worker], agenda: Agenda, stopped: Sequence[int], listener: Listener) -> None:
    """Take one message of every worker that has something to say."""
    ready = connection.wait([worker.messages for worker in at_work.values()])
    for key, worker in [(k, w) for k, w in at_work.items() if w.messages in ready]:
        try:
            number, told = worker.messages.recv()
        except (EOFError, OSError):
            _bury(worker, agenda, stopped)
            del at_work[key]
            continue
        if told is None:
            listener.began(number)
        elif isinstance(told, Outcome):
            agenda.end(number, told)
            worker.left.remove(number)
            if not worker.left or told.state == "interrupted":
                del at_work[key]
                worker.process.join()
                worker.messages.close()
        else:
            listener.went(number, *told)


def _bury(worker: _Worker, agenda: Agenda, stopped: Sequence[int]) -> None:
    """See to the jobs of a process that is gone without having said how the one it was at ended."""
    worker.process.join()
    worker.messages.close()
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if not stopped:
        agenda.died(worker.left, how)
    elif -code in STOPPING:
        agenda.end(worker.left[0], stopped_by(-code))
    else:  # killed while it was to stop: it counts as stopped, what it saved before stays
        agenda.end(worker.left[0], Outcome("interrupted", f"its process {how}; what was saved stays", stopped[0]))


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
