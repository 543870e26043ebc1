"""A grid of tiny runs whose workers are killed with `kill -9` every few seconds: does every run end once?

    python benchmarks/kill_workers.py
    python benchmarks/kill_workers.py --runs 24 --workers 4 --every 2 --json

Real runs of full fine-tuning on a part of the sandbox, one a seed, through `hxbench run`; the process to kill is
drawn from those that hold a claim. Afterwards the store must hold every run exactly once, none of them finished a
second time, and nothing else; the same command must find nothing left to do. Exit code 1 otherwise.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

BACKBONE = {
    "name": "grain",
    "pretrain": {
        "vocabulary": 300, "layers": 2, "hidden": 32, "heads": 2, "intermediate": 64, "steps": 20,
        "batch_size": 16, "max_length": 32, "cpu_threads": 1,
    },
}  # fmt: skip
TRAINING = {"updates": 60, "batch_size": 8, "lr": 0.003, "warmup": 4, "evaluate_every": 20}


def write_experiment(folder: Path, runs: int) -> list[str]:
    """Write an experiment of so many runs, its profile and its backbone; return the words of the command."""
    data = {
        "origin": "sandbox",
        "max_length": 32,
        "train_sentences": 100,
        "dev_sentences": 10,
        "test_sentences": 10,
    }
    profile = {
        "about": "Tiny.", "backbone": "grain.yaml", "seeds": list(range(1, runs + 1)), "data": data,
        "training": {"cpu_threads": 1, "eval_batch_size": 16},
    }  # fmt: skip
    block = {"setting": "single", "tasks": ["pos"], "methods": ["mbert"], "training": TRAINING}
    experiment = {"paper": "hyperx", "about": "A grid of seeds.", "blocks": [block]}
    for name, content in (("grain", BACKBONE), ("tiny", profile), ("grid", experiment)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    grid, tiny, store = (str(folder / name) for name in ("grid.yaml", "tiny.yaml", "store"))
    return [sys.executable, "-m", "hxbench", "run", grid, "--profile", tiny, "--store", store, "--json"]


@dataclass
class Watch:
    """Kills workers, and sees each run become finished."""

    runs: Path
    every: float
    draw: random.Random
    killed: set[int] = field(default_factory=set)
    finished: dict[str, tuple[int, int]] = field(default_factory=dict)  # what a folder was when it was first seen
    again: list[str] = field(default_factory=list)  # runs that were finished a second time
    _last: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        """Note what has been finished since the last look, and kill a worker when it is time."""
        for status in self.runs.glob("[0-9a-f]*/status.json"):
            with contextlib.suppress(FileNotFoundError):
                facts = status.stat()
                seen = self.finished.setdefault(status.parent.name, (facts.st_ino, facts.st_mtime_ns))
                if seen != (facts.st_ino, facts.st_mtime_ns):
                    self.again.append(status.parent.name)
        if time.monotonic() - self._last > self.every and (
            claims := sorted(self.runs.glob(".claim-????????????"))
        ):
            with contextlib.suppress(FileNotFoundError, ValueError, KeyError, ProcessLookupError):
                pid = int(json.loads(self.draw.choice(claims).read_text())["pid"])
                if pid not in self.killed:
                    os.kill(pid, signal.SIGKILL)
                    self.killed.add(pid)
                    self._last = time.monotonic()


def measure(runs: int, workers: int, every: float, folder: Path) -> dict[str, Any]:
    """Do the grid with killings; return what happened."""
    from hxbench.store import Store

    words = write_experiment(folder, runs)
    watch = Watch(folder / "store" / "runs", every, random.Random(0))
    begun = time.monotonic()
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen([*words, "--workers", str(workers)], stdout=out, stderr=err)
        while process.poll() is None:
            watch.look()
            time.sleep(0.05)
        watch.look()
    seconds = time.monotonic() - begun
    rows = json.loads((folder / "out").read_text() or "[]")
    store = Store(folder / "store")
    found = [record.id for record in store.runs()]
    plan = subprocess.run([*words, "--dry-run"], capture_output=True, text=True, check=True)
    left = [path.name for path in watch.runs.iterdir() if path.name.startswith(".")]
    return {
        "runs": runs,
        "workers": workers,
        "seconds": round(seconds, 1),
        "exit_code": process.returncode,
        "killed": len(watch.killed),
        "tried_again": (folder / "err").read_text().count("it will be tried again"),
        "done": sum(row["state"] == "done" for row in rows),
        "failed": [row["message"] for row in rows if row["state"] != "done"],
        "in_the_store": len(set(found)),
        "lost": sorted({row["run"] for row in rows} - set(found)),
        "finished_twice": watch.again,
        "problems": store.problems,
        "left_behind": left,
        "still_to_do": json.loads(plan.stdout)["to_do"],
    }


def is_clean(told: dict[str, Any]) -> bool:
    """Return whether every run ended once, none was lost, none done twice, and the store loads clean."""
    nothing = ("failed", "lost", "finished_twice", "problems", "left_behind", "still_to_do", "exit_code")
    return told["in_the_store"] == told["done"] == told["runs"] and not any(told[name] for name in nothing)


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs of the grid.")] = 200,
    workers: Annotated[int, typer.Option(min=2, help="Runs at a time.")] = 8,
    every: Annotated[float, typer.Option(help="Seconds between two kills.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Kill workers of a grid of tiny runs and report what the store holds at the end."""
    with tempfile.TemporaryDirectory(prefix="hxbench-kill-") as folder:
        os.environ.setdefault("HXBENCH_CACHE", str(Path(folder) / "cache"))
        told = measure(runs, workers, every, Path(folder))
    if as_json:
        print(json.dumps(told, indent=1))
    else:
        for name, value in told.items():
            print(f"{name.replace('_', ' '):15} {value}")
    if not is_clean(told):
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
