"""Runs as tasks of a Ray cluster, which is found by its address or started here for the command.

The nodes need the same hxbench, and see the store and the cache (`HXBENCH_CACHE`) at the same paths. What a task
asks for: as many CPUs as its runs have threads, and a GPU where the cluster has any.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from hxbench.errors import InputError
from hxbench.runs.scheduler.jobs import (
    PATIENCE,
    Observer,
    Queue,
    QueuedJob,
    Result,
    Watch,
    attempt,
    environment,
    stopped_by,
)
from hxbench.runs.scheduler.signals import noted, signals_as_stops
from hxbench.runs.session import Job

CONNECT_SECONDS = 5.0
LOOK_EVERY = 1.0  # seconds between two looks at the store


@dataclass(frozen=True)
class OnRay:
    """At most `workers` tasks at a time, as many as the cluster takes for 0."""

    how: ClassVar[str] = " as tasks of Ray"

    address: str | None = None
    workers: int = 0

    def require(self) -> None:
        """Connect: to `address`, else to `RAY_ADDRESS`, else to a cluster of this machine, else to a new one."""
        address = self.address or os.environ.get("RAY_ADDRESS") or None
        # Ray is a guest: it sends no usage statistics, and its own handlers of signals do not stay
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray
        except ImportError:
            raise InputError("--on ray needs Ray, which is not installed: pip install 'hxbench[ray]'.") from None
        if ray.is_initialized():
            return
        if address:
            _require_listener(address)
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            ray.init(address, log_to_driver=False, logging_level="critical", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f"at {address}" if address else "on this machine"
            reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
            raise InputError(f"--on ray: no Ray cluster answers {where} ({reason}).") from None
        finally:
            with contextlib.suppress(ValueError):  # not the main thread
                for number, handler in handlers.items():
                    signal.signal(number, handler)

    def at_a_time(self, threads: int) -> int | None:
        """Return how many jobs go at a time, None when the cluster decides."""
        return self.workers or None

    def run(self, entries: Sequence[QueuedJob], observer: Observer) -> list[Result]:
        """Do each bundle as a task."""
        entries = [replace(entry, job=replace(entry.job, store=entry.job.store.absolute())) for entry in entries]
        queue = Queue(entries, observer)
        with noted() as stopped:
            _Tasks(queue, Watch(queue, observer), self.workers).do(stopped)
        return queue.results()


class _Tasks:
    """The tasks at work."""

    def __init__(self, queue: Queue, watch: Watch, workers: int) -> None:
        import ray

        self._ray, self._queue, self._watch, self._workers = ray, queue, watch, workers
        self._has_gpus = ray.cluster_resources().get("GPU", 0) > 0
        self._at_work: dict[Any, list[int]] = {}

    def do(self, stopped: Sequence[int]) -> None:
        """Do all bundles of the queue; after a signal in `stopped`, let those at work save and stop."""
        cancelled, looked = False, 0.0
        while self._queue.waiting or self._at_work:
            if stopped and not cancelled:
                cancelled = True
                self._queue.clear()
                for task in self._at_work:
                    self._ray.cancel(task, recursive=False)  # it raises SIGINT's handler there, and nothing more
            while len(self._at_work) < (self._workers or len(self._queue.entries)) and (
                bundle := self._queue.take()
            ):
                self._at_work[self._start(bundle)] = bundle
            if self._at_work:
                ended, _ = self._ray.wait(list(self._at_work), timeout=LOOK_EVERY)
                for task in ended:
                    self._end(task, self._at_work.pop(task), stopped)
            if time.monotonic() - looked > LOOK_EVERY:
                looked = time.monotonic()
                self._watch.look([number for bundle in self._at_work.values() for number in bundle])

    def _start(self, bundle: Sequence[int]) -> Any:
        jobs = [(number, self._queue.entries[number].job) for number in bundle]
        threads = max(job.spec.training.cpu_threads or 1 for _, job in jobs)
        variables = environment("HF_TOKEN", "TRANSFORMERS_VERBOSITY", "TOKENIZERS_PARALLELISM")
        # dying is counted by the queue, as everywhere: Ray's own count would not see whether a run got further
        remote = self._ray.remote(_work).options(
            num_cpus=threads, num_gpus=int(self._has_gpus), max_retries=0, name=jobs[0][1].spec.title,
            runtime_env={"env_vars": variables},
        )  # fmt: skip
        return remote.remote(jobs)

    def _end(self, task: Any, bundle: list[int], stopped: Sequence[int]) -> None:
        """Note how the jobs of a finished, failed or dead task ended."""
        try:
            for number, result in self._ray.get(task):
                self._queue.end(number, result)
            return
        except self._ray.exceptions.TaskCancelledError:
            if stopped:
                self._stop(bundle, stopped)
                return
            how = "was cancelled"
        except self._ray.exceptions.RayTaskError as error:  # nothing died: another node is not as this one is
            cause = getattr(error, "cause", None) or error
            if stopped:  # before the task could report it
                self._stop(bundle, stopped)
            for number in bundle:
                self._queue.end(
                    number, Result("failed", f"unexpected {type(cause).__name__}: {_first_line(cause)}")
                )
            return
        except self._ray.exceptions.RayError as error:
            how = f"died ({_first_line(error)})"
        self._watch.look(bundle)  # those before the one it was at may have been done
        left = [number for number in bundle if not self._queue.has_ended(number)]
        if left and stopped:
            self._stop(left, stopped)
        elif left:
            self._queue.died(left, how)

    def _stop(self, bundle: Sequence[int], stopped: Sequence[int]) -> None:
        self._watch.look(bundle)
        for number in bundle:
            self._queue.end(number, stopped_by(stopped[0]))


def _require_listener(address: str) -> None:
    """Raise `InputError` when nothing listens at `host:port`: Ray itself would try for a quarter of an hour."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--on ray: no Ray cluster answers at {address} ({reason}).") from None


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[0].strip() if lines else type(error).__name__)[:200].rstrip(".")


def _work(jobs: Sequence[tuple[int, Job]]) -> list[tuple[int, Result]]:
    """Do the jobs of a bundle in a Ray worker; those that a stop leaves out are not among the results."""
    ended: list[tuple[int, Result]] = []
    with signals_as_stops():
        for number, job in jobs:  # progress is read from the store
            ended.append((number, attempt(job, lambda *_: None, PATIENCE)))
            if ended[-1][1].state == "interrupted":
                break
    return ended
