"""Runs as array jobs of a Slurm cluster.

By hand and not with submitit (1.5.4), which passes by SIGTERM, so that what is preempted or cancelled without its
own signal saves nothing, does not queue a killed job again, exchanges pickles and needs accounting to know what
became of the jobs that an earlier `--no-wait` has left.

`STORE/slurm/NAME/` holds the plan, the batch scripts as they were submitted, a log for every index and how the
runs ended. Accounting is not needed: the state of a run is read from the store, and `squeue` only says whether an
index is still there at all. Partition, account and time limit are sbatch's own business: `--sbatch`, or its
environment variables (`SBATCH_PARTITION`, …). The nodes need the same hxbench, and see the store and the cache
(`HXBENCH_CACHE`) at the same paths.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, NamedTuple

from hxbench.errors import InputError
from hxbench.runs.scheduler.batch_script import batch_script
from hxbench.runs.scheduler.jobs import NOT_STARTED, RETRIES, Observer, Queue, QueuedJob, Result, Watch, stages_of
from hxbench.runs.scheduler.plan_file import PlanFile
from hxbench.runs.scheduler.signals import noted
from hxbench.store.files import replace_text, to_json
from hxbench.store.record import DamagedRun, read_mapping

LONGEST_ARRAY = 1000  # Slurm's own limit, MaxArraySize, is 1001 unless an administrator has changed it
_SUBMITTED = "submitted.json"


@dataclass(frozen=True)
class OnSlurm:
    """At most `workers` indices of an array at a time, as many as the cluster takes for 0."""

    how: ClassVar[str] = " as array jobs of Slurm"

    options: tuple[str, ...] = ()  # of sbatch
    workers: int = 0
    wait: bool = True
    look_every: float = 2.0  # seconds between two looks at the store
    ask_every: float = 10.0  # seconds between two requests to the controller, which serves everybody

    def require(self) -> None:
        """Raise `InputError` when Slurm's commands are not here, or no Slurm answers them."""
        for name in ("sbatch", "squeue", "scancel"):
            if shutil.which(name) is None:
                raise InputError(f"--on slurm needs Slurm's {name}, which is not on the PATH of this machine.")
        if _alive() is None:
            raise InputError("--on slurm: no Slurm answers squeue here. Without a cluster: --on local.")

    def at_a_time(self, threads: int) -> int | None:
        """Return how many jobs go at a time, None when the cluster decides."""
        return self.workers or None

    def run(self, entries: Sequence[QueuedJob], observer: Observer) -> list[Result]:
        """Submit what is not queued already, and see all of it through unless nobody waits."""
        queue = Queue(entries, observer)
        with noted() as stopped:
            submitted = _Submitted(queue, entries[0].job.store.absolute() / "slurm")
            submitted.find()
            if not stopped:
                self._submit(queue, submitted)
            if self.wait:
                _Watcher(self, queue, submitted, Watch(queue, observer)).see_through(stopped)
                submitted.tidy()
            else:
                for number, index in submitted.indices.items():
                    queue.end(number, Result("submitted", f"Slurm job {index.name}"))
        return queue.results()

    def _submit(self, queue: Queue, submitted: "_Submitted") -> None:
        """Submit an array for each stage, to begin when all of the stage before is over, well or not."""
        entries, indices = queue.entries, submitted.indices
        new = [number for number in range(len(entries)) if number not in indices]
        if not new:
            return
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        plan = PlanFile(submitted.folder / name)
        plan.write(entries)
        (plan.folder / "log").mkdir()
        # a run of before that somebody needs may still be queued by an earlier command
        before = sorted({indices[need].name for n in new for need in entries[n].needs if need in indices})
        for level, stage in enumerate(stages_of(entries)):
            bundles = [left for bundle in stage if (left := [n for n in bundle if n not in indices])]
            jobs = []
            for start in range(0, len(bundles), LONGEST_ARRAY):
                some = bundles[start : start + LONGEST_ARRAY]
                text = batch_script(
                    [[entries[n].job.spec.run_id for n in bundle] for bundle in some],
                    plan.folder,
                    name=f"hxbench-{name[-6:]}-{level}",
                    threads=max(entries[n].job.spec.training.cpu_threads or 1 for bundle in some for n in bundle),
                    retries=RETRIES,
                    at_a_time=self.workers,
                )
                path = plan.folder / f"stage-{level}-{start // LONGEST_ARRAY}.sh"
                replace_text(path, text)
                try:
                    jobs.append(_sbatch(path, self.options, before))
                except InputError:
                    if not (plan.folder / _SUBMITTED).exists():
                        shutil.rmtree(plan.folder, ignore_errors=True)
                        with suppress(OSError):  # others' plans
                            plan.folder.parent.rmdir()
                    raise
                submitted.add(plan, jobs[-1], some)
            before = jobs or before


def _sbatch(script: Path, options: Sequence[str], after: Sequence[str]) -> str:
    """Submit a script and return the number of its job."""
    dependency = [f"--dependency=afterany:{':'.join(after)}"] if after else []
    words = ["sbatch", "--parsable", *dependency, *options, str(script)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        reason = lines[-1].removeprefix("sbatch: ").removeprefix("error: ")
        reason = reason.removeprefix("Batch job submission failed: ").rstrip(".")
        raise InputError(f"--on slurm: sbatch says: {reason}. Without a cluster: --on local.")
    return done.stdout.strip().partition(";")[0]  # a federation adds the cluster's name


class _Index(NamedTuple):
    """An index of a submitted array, named JOB_INDEX, and the plan that it follows."""

    name: str
    plan: PlanFile


@dataclass
class _Submitted:
    """Which array index does which runs, of this command and of earlier ones whose arrays are still queued."""

    queue: Queue
    folder: Path
    indices: dict[int, _Index] = field(default_factory=dict)  # by the number of the job

    def find(self) -> None:
        """Find those of the jobs that an earlier command has submitted and that are still queued or at work."""
        number_of = {entry.job.spec.run_id: number for number, entry in enumerate(self.queue.entries)}
        alive: set[str] | None = None
        for path in sorted(self.folder.glob(f"*/{_SUBMITTED}")):
            with suppress(DamagedRun, FileNotFoundError):
                submitted = read_mapping(path)
                ours = {index: [r for r in runs if r in number_of] for index, runs in submitted.items()}
                if any(ours.values()):
                    alive = _alive() if alive is None else alive
                    if alive is None:
                        raise InputError(
                            "--on slurm: squeue does not answer, so that what is queued is not known."
                        )
                    for index, runs in ours.items():
                        for run_id in runs if index in alive else ():
                            self.indices[number_of[run_id]] = _Index(index, PlanFile(path.parent))

    def tidy(self) -> None:
        """Remove the plans of this command all of whose runs are done; the others keep their logs."""
        results = self.queue.results()
        for folder in {index.plan.folder for index in self.indices.values()}:
            mine = [results[number] for number, index in self.indices.items() if index.plan.folder == folder]
            with suppress(DamagedRun, FileNotFoundError):
                planned = {run_id for runs in read_mapping(folder / _SUBMITTED).values() for run_id in runs}
                if len(mine) == len(planned) and all(result.state == "done" for result in mine):
                    shutil.rmtree(folder, ignore_errors=True)

    def add(self, plan: PlanFile, job: str, bundles: Sequence[Sequence[int]]) -> None:
        """Note which index of a submitted array does which jobs, here and for later commands."""
        path = plan.folder / _SUBMITTED
        known = read_mapping(path) if path.exists() else {}
        for index, bundle in enumerate(bundles):
            known[f"{job}_{index}"] = [self.queue.entries[number].job.spec.run_id for number in bundle]
            self.indices |= dict.fromkeys(bundle, _Index(f"{job}_{index}", plan))
        replace_text(path, to_json(known))


def _alive() -> set[str] | None:
    """Return the array indices of this user that Slurm knows, None when it does not answer."""
    words = ["squeue", "--noheader", "--array", "--format=%i", f"--user={os.getuid()}"]
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if done.returncode == 0:
            return set(done.stdout.split())
    return None


class _Watcher:
    """Sees submitted jobs through to their end."""

    def __init__(self, how: OnSlurm, queue: Queue, submitted: _Submitted, watch: Watch) -> None:
        self._how, self._queue, self._indices, self._watch = how, queue, submitted.indices, watch
        self._gone: set[int] = set()  # by the last answer of the controller

    def see_through(self, stopped: Sequence[int]) -> None:
        """Wait until all jobs have ended; after a signal in `stopped` they are cancelled: they save and stop."""
        looked, cancelled = time.monotonic(), False
        while left := list(self._left()):
            if stopped and not cancelled:
                cancelled = True
                subprocess.run(["scancel", *dict.fromkeys(self._indices[n].name for n in left)], check=False)
            self._watch.look(left)
            for number in self._left():
                ending = self._ending(number)
                if ending is not None and ending.state in ("failed", "input"):
                    self._queue.end(number, ending)
            if time.monotonic() - looked > (1.0 if stopped else self._how.ask_every):
                looked = time.monotonic()
                self._bury(stopped)
            else:
                time.sleep(min(self._how.look_every, self._how.ask_every))

    def _left(self) -> Iterator[int]:
        return (number for number in self._indices if not self._queue.has_ended(number))

    def _ending(self, number: int) -> Result | None:
        """Return how the job's own process says that it ended."""
        return self._indices[number].plan.told(self._queue.entries[number].job.spec.run_id)

    def _bury(self, stopped: Sequence[int]) -> None:
        """End the jobs whose index is missing from two answers of Slurm: their last files take time to be seen."""
        alive = _alive()
        if alive is None:
            return
        gone = {number for number in self._left() if self._indices[number].name not in alive}
        for number in gone & self._gone:
            (name, plan), ending = self._indices[number], self._ending(number)
            if ending is not None and ending.state == "done":
                ending = Result("failed", f"Slurm job {name} says that it is done, but the store does not show it")
            if stopped and (ending is None or ending.state == "interrupted"):
                # Slurm's signal stands for the one that this command received
                ending = Result("interrupted", ending.message if ending else NOT_STARTED, stopped[0])
            log = plan.folder / "log" / f"{name}.txt"
            self._queue.end(number, ending or Result("failed", f"Slurm job {name} ended without a word: {log}"))
        self._gone = gone
