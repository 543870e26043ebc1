"""What reading a store of many runs takes: CPU seconds of commands, the second time (with an index).

    python benchmarks/store.py [--runs 10000] [--keep FOLDER]

The runs are those of all experiments of the three papers at profile demo, with one seed after the other. Their
scores are made up, for nothing is trained. Filling the store takes a few minutes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from itertools import count, islice
from pathlib import Path

from hxbench.spec import experiment, recipe
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import target_pairs, text_pairs
from hxbench.store import Store
from hxbench.tasks import TAGGING, task_of

COMMANDS = {
    "runs list": ["runs", "list"],
    "runs list --json": ["runs", "list", "--json"],
    "report --table 2": ["report", "--table", "2"],
    "report --paper pha --table 1": ["report", "--paper", "pha", "--table", "1"],
    "report --paper pet --figure 2": ["report", "--paper", "pet", "--figure", "2"],
    "results --format csv": ["results", "--format", "csv"],
}


def specs():
    """Yield the runs of all experiments, for ever."""
    for seed in count(1):
        for paper in recipe.papers():
            for wanted in experiment.runs_of(paper, "all", "demo", seeds=(seed,), origin="sandbox"):
                if wanted.spec.seed == seed:
                    yield wanted.spec


def rows(spec: RunSpec):
    """Return a score for each language or task, as many as a run has, and what it cost."""
    if spec.few_shot:
        pairs = [(spec.few_shot.task, spec.few_shot.language)]
    elif spec.ground == TAGGING:
        pairs = target_pairs(spec.setting, spec.task, spec.data)
    else:
        pairs = text_pairs(spec.tasks, spec.data)
    for place, (task, language) in enumerate(pairs):
        for metric in task_of(task).metrics:
            value = (spec.seed * 7919 + place * 104729) % 9973 / 100
            yield {
                "split": "test", "task": task, "language": language, "metric": metric, "value": value,
                "role": "target", "step": 1, "sentences": 100,
            }  # fmt: skip
    for metric in ("train_seconds", "trained_parameters", "peak_memory"):
        yield {"split": "cost", "metric": metric, "value": 1000.0}


def fill(root: Path, runs: int) -> None:
    """Write the runs."""
    store = Store(root)
    for spec in islice(specs(), runs):
        with store.open_run(spec) as run:
            run.write_metrics(list(rows(spec)))
            run.finish()


def seconds(words: list[str]) -> float:
    """Return the CPU seconds of a command in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "hxbench", *words], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Fill a store, read it once, and time what reads it again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, help="fill this folder, or read it if it has been filled")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        if not (root / "runs").is_dir():
            fill(root, given.runs)
        os.environ["HXBENCH_STORE"] = str(root)
        print(f"first, without an index: {seconds(['runs', 'list']):.1f} s of CPU")
        for name, words in COMMANDS.items():
            print(f"{name}: {min(seconds(words) for _ in range(3)):.2f} s of CPU")


if __name__ == "__main__":
    main()
