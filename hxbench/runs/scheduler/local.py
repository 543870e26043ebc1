"""Runs on this machine, each in a process of its own when several go at a time.

Where there are several GPUs each process sees one, the least used.
"""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection
from typing import Any, ClassVar

from hxbench.processes import STOPPING, handling_stops
from hxbench.runs.scheduler.jobs import Observer, Queue, QueuedJob, Result, attempt, bundles_of, stopped_by
from hxbench.runs.scheduler.signals import held_back
from hxbench.runs.scheduler.worker_process import Worker, free_gpu, process_context, start_worker, visible_gpus


@dataclass(frozen=True)
class OnThisMachine:
    """At most `workers` jobs at a time, as many as the cores carry for 0; `torchrun` allows one."""

    how: ClassVar[str] = ""

    workers: int = 0

    def require(self) -> None:
        """There always is this machine."""

    def at_a_time(self, threads: int) -> int:
        """Return how many jobs of so many threads go at a time."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            return 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return self.workers or max(1, cores // threads if threads else 1)

    def run(self, entries: Sequence[QueuedJob], observer: Observer) -> list[Result]:
        """Do the jobs in this process, or each bundle in a process of its own when several go at a time."""
        threads = max((entry.job.spec.training.cpu_threads or 0 for entry in entries), default=0)
        queue, workers = Queue(entries, observer), self.at_a_time(threads)
        if workers == 1 or len(bundles_of(entries)) == 1:
            _one_by_one(queue, observer)
        else:
            _in_processes(queue, workers, observer)
        return queue.results()


def _one_by_one(queue: Queue, observer: Observer) -> None:
    """Do the bundles in this process; an interruption ends it."""
    while bundle := queue.take():
        for number in bundle:
            observer.began(number)
            result = attempt(queue.entries[number].job, partial(observer.went, number))
            queue.end(number, result)
            if result.state == "interrupted":
                return


def _in_processes(queue: Queue, workers: int, observer: Observer) -> None:
    context, gpus = process_context(), visible_gpus()
    at_work: dict[int, Worker] = {}  # by the first job they were given
    with _forwarded_signals(at_work) as stopped:
        while queue.waiting or at_work:
            if stopped:
                queue.clear()
                if not at_work:
                    break
            ready = queue.take() if len(at_work) < workers else None
            if ready:
                with held_back():  # the process is born with both signals waiting until it can act on them
                    gpu = free_gpu(gpus, at_work.values())
                    at_work[ready[0]] = start_worker(context, queue.entries, ready, gpu)
                if stopped:  # maybe just before there was a process to forward it to; two that wait are one
                    os.kill(at_work[ready[0]].process.pid, stopped[0])
                continue
            if at_work:
                _listen(at_work, queue, stopped, observer)


def _listen(at_work: dict[int, Worker], queue: Queue, stopped: Sequence[int], observer: Observer) -> None:
    """Take one message of every worker that has something to say."""
    ready = connection.wait([worker.messages for worker in at_work.values()])
    for key, worker in [(k, w) for k, w in at_work.items() if w.messages in ready]:
        try:
            number, message = worker.messages.recv()
        except (EOFError, OSError):
            _bury(worker, queue, stopped)
            del at_work[key]
            continue
        if message is None:
            observer.began(number)
        elif isinstance(message, Result):
            queue.end(number, message)
            worker.left.remove(number)
            if not worker.left or message.state == "interrupted":
                del at_work[key]
                worker.process.join()
                worker.messages.close()
        else:
            observer.went(number, *message)


def _bury(worker: Worker, queue: Queue, stopped: Sequence[int]) -> None:
    """See to the jobs of a process that is gone without having said how the one it was at ended."""
    worker.process.join()
    worker.messages.close()
    code = worker.process.exitcode or 0
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if not stopped:
        queue.died(worker.left, how)
    elif -code in STOPPING:
        queue.end(worker.left[0], stopped_by(-code))
    else:  # killed while it was to stop: it counts as stopped, what it saved before stays
        queue.end(worker.left[0], Result("interrupted", f"its process {how}; what was saved stays", stopped[0]))


@contextmanager
def _forwarded_signals(at_work: Mapping[int, Worker]) -> Iterator[list[int]]:
    """Pass SIGINT and SIGTERM on to the workers, who save and stop."""
    seen: list[int] = []

    def forward(number: int, _frame: Any) -> None:
        # Ctrl-C reaches the whole process group by itself; a second forward would kill before the state is saved
        if not seen and not (number == signal.SIGINT and os.isatty(0)):
            for worker in at_work.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.process.pid, number)
        seen.append(number)

    with handling_stops(forward):
        yield seen
