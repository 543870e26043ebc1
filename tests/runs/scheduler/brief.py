"""Jobs without a model, for tests of whoever does jobs: they write into a store as real ones do.

A job keeps the step it got to, notes every attempt in `STORE/attempts` and every finish in `STORE/finished`.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from miniature import spec_for

from hxbench.errors import RunError
from hxbench.runs.scheduler.jobs import Observer, QueuedJob
from hxbench.spec.run_spec import RunSpec
from hxbench.store import Store


@dataclass(frozen=True)
class Brief:
    spec: RunSpec
    store: Path
    steps: int = 10
    pause: float = 0.05
    fault: str = ""  # fail, or die at step 3 in every attempt

    def execute(self, report):
        store, run_id = Store(self.store), self.spec.run_id
        note(self.store / "attempts", f"{run_id} {os.getpid()}")
        note(self.store / "gpus", " ".join(f"={v}" for k, v in os.environ.items() if k == "CUDA_VISIBLE_DEVICES"))
        if store.is_complete(run_id):
            return self.store / "runs" / run_id
        begin = store.step(run_id)
        with store.open_run(self.spec) as writer:
            writer.status(updates=self.steps)
            for step in range(begin + 1, self.steps + 1):
                time.sleep(self.pause)
                if self.fault == "fail":
                    raise RunError("the loss is nan")
                if self.fault == "die" and step == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
                writer.status(step=step)
                report(self.spec.title, step, self.steps)
            writer.write_metrics([{"split": "test", "metric": "steps", "value": self.steps - begin}])
            folder = writer.finish()
        note(self.store / "finished", run_id)
        return folder


def note(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.write(f"{line}\n")


def notes(path):
    return path.read_text().split("\n")[:-1] if path.exists() else []


def brief_jobs(store, count, faults=None, needs=None, bundles=None, **fields):
    """Return entries of jobs that differ in their seed; faults, needs and bundles by number."""
    return [
        QueuedJob(
            Brief(spec_for("mbert", seed=number), store, fault=(faults or {}).get(number, ""), **fields),
            frozenset((needs or {}).get(number, ())),
            (bundles or {}).get(number, ""),
        )
        for number in range(count)
    ]


def require_each_once(entries, store):
    """Every job has been finished exactly once, and the store loads clean."""
    wanted = sorted(entry.job.spec.run_id for entry in entries)
    assert sorted(notes(store / "finished")) == wanted
    loaded = Store(store)
    assert [record.id for record in loaded.runs()] == wanted
    assert loaded.problems == []
    left = [path.name for path in (store / "runs").iterdir() if path.name.startswith(".")]
    assert left == [], "no work folder, no claim, nothing half deleted"


class Heard(Observer):
    """Notes everything that it is told."""

    def __init__(self):
        self.begun, self.tried_again, self.over, self.steps = [], [], {}, []

    def began(self, number):
        self.begun.append(number)

    def again(self, number, how):
        self.tried_again.append((number, how))

    def went(self, number, what, done, total):
        self.steps.append((number, done, total))

    def ended(self, number, result):
        assert number not in self.over, "an ending is told once"
        self.over[number] = result
