"""A process of its own for a bundle of jobs: how it starts, which GPU it sees, what it tells, when it stops."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from hxbench.errors import Stopped
from hxbench.runs.scheduler.jobs import QueuedJob, Result, attempt
from hxbench.runs.scheduler.signals import let_through, signals_as_stops
from hxbench.runs.session import Job

REPORT_EVERY = 10  # steps between two messages of a worker
_VISIBLE = "CUDA_VISIBLE_DEVICES"
# What the server of processes imports for all of them. Most of it is imported late, by whoever first needs it: of
# every process that would take three seconds of CPU time, more than a small run itself.
PRELOADED = (
    "hxbench.runs.train",
    "hxbench.runs.scheduler.worker_process",
    "datasets",
    "peft.tuners.lora",
    "pyarrow.parquet",
    "rouge_score.tokenizers",
    "seqeval.metrics.sequence_labeling",
    "transformers.models.bert.modeling_bert",
    "transformers.models.bloom.modeling_bloom",
    "transformers.models.t5.modeling_t5",
)


@dataclass
class Worker:
    """A process at work and the pipe it tells through, its own: one killed while speaking harms no other."""

    process: Any
    messages: Any
    left: list[int]  # the jobs it has not ended yet, in its order
    gpu: str | None  # the only one it sees; None where there is nothing to choose


def process_context() -> Any:
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


def visible_gpus() -> list[str]:
    """Return the GPUs that this process sees, in the words of `CUDA_VISIBLE_DEVICES`; none without CUDA."""
    import torch

    count = torch.cuda.device_count()
    if given := os.environ.get(_VISIBLE):
        return [name.strip() for name in given.split(",")][:count]
    return list(map(str, range(count)))


def free_gpu(gpus: Sequence[str], workers: Iterable[Worker]) -> str | None:
    """Return the GPU that the fewest workers have, the first of several; None where there are not several."""
    if len(gpus) < 2:
        return None
    taken = Counter(worker.gpu for worker in workers)
    return min(gpus, key=lambda gpu: taken[gpu])


def start_worker(context: Any, entries: Sequence[QueuedJob], numbers: list[int], gpu: str | None) -> Worker:
    """Start a process that does the jobs of these numbers and sees no GPU but `gpu`, all of them for None."""
    ours, theirs = context.Pipe(duplex=False)
    environment = dict(os.environ) if gpu is None else {**os.environ, _VISIBLE: gpu}
    jobs = [(number, entries[number].job) for number in numbers]
    process = context.Process(target=_work, args=(jobs, theirs, environment))
    process.start()
    theirs.close()  # so that the pipe ends when the process does
    return Worker(process, ours, list(numbers), gpu)


def _work(jobs: Sequence[tuple[int, Job]], messages: Any, environment: Mapping[str, str]) -> None:
    """Do jobs in a process started for them, in the environment as it is now and not when their server began."""
    os.environ.update(environment)  # CUDA reads its variable when it is first used, which is later
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    for number, job in jobs:
        result = _work_on(number, job, messages)
        with contextlib.suppress(OSError):
            messages.send((number, result))
        if result.state == "interrupted":
            return


def _work_on(number: int, job: Job, messages: Any) -> Result:
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
        return Result("interrupted", "stopped before it began", stopped.signal_number)


def _stop_with_parent() -> None:
    """Save and stop when the command is gone, or giving it again would find the run busy."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
