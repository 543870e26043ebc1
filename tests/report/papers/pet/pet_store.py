"""Stores filled with made-up scores of PET's runs, without training anything."""

import math
import random

from hxbench import report
from hxbench.report.papers.pet.results import Results
from hxbench.spec import experiment
from hxbench.tasks import task_of

# synthetic, on backbones whose recipes name a shape: nothing of it is ever loaded
PROFILE = """
about: A profile for tests.
backbone: t5-v1_1-base
seeds: [1, 2, 3]
data: {origin: sandbox, collection: english, max_length: 64}
papers:
  pet:
    sizes:
      bert-small: bert-small
      bert-base: bert-base
      bert-large: bert-large
      bloom-small: bloom-560m
      bloom-base: bloom-1b1
      bloom-large: bloom-7b1
      t5-small: t5-v1_1-small
      t5-base: t5-v1_1-base
      t5-large: t5-v1_1-xxl
"""
METHODS = ("pet-prompt", "pet-bitfit", "pet-lora", "pet-adapter", "pet-ft")
NAMED = ("prompt", "bitfit", "lora", "adapter")
PLACED = ("sst2", "rte", "mrpc")
ARTIFACTS = report.ARTIFACTS["pet"]
_SIZES = {"bert-small": "bert-small", "bert-base": "bert-base", "bert-large": "bert-large",
          "bloom-560m": "bloom-small", "bloom-1b1": "bloom-base", "bloom-7b1": "bloom-large",
          "t5-v1_1-small": "t5-small", "t5-v1_1-base": "t5-base", "t5-v1_1-xxl": "t5-large"}  # fmt: skip


def made_profile(folder, seeds="[1, 2, 3]", name="made"):
    """Return the path of a profile to report on."""
    path = folder / f"{name}.yaml"
    path.write_text(PROFILE.replace("[1, 2, 3]", seeds))
    return str(path)


def size_of(spec):
    """Return the name that the profile has for a run's backbone."""
    return _SIZES[spec.backbone.name]


def count_of(spec):
    """Return what a run is made to count: a budget's number, or a number of the method and backbone."""
    budget = spec.options.get("budget", spec.method.removeprefix("pet-"))
    if isinstance(budget, int):
        return budget
    width = {"small": 1, "base": 3, "large": 8}[size_of(spec).partition("-")[2]]
    return {"prompt": 30_000, "bitfit": 10_000, "lora": 60_000, "adapter": 200_000, "ft": 9_000_000}[
        budget
    ] * width


def write_run(store, spec, score, curve=None, flat=False):
    """Write a finished run with its test score and validation scores by step; `flat`: it learned nothing."""
    task = task_of(spec.task)
    where = {"task": task.name, "language": "en", "role": "source"}
    width = {"small": 1.0, "base": 4.0, "large": 16.0}[size_of(spec).partition("-")[2]]
    costs = {"counted_parameters": count_of(spec), "backbone_parameters": 1e7 * width,
             "flops_per_token": 2e7 * width + count_of(spec), "wall_seconds": 5.0 * width + spec.seed}  # fmt: skip
    if spec.method == "apet":
        costs["live_parameters"] = count_of(spec) * (0.7 if size_of(spec).endswith("small") else 0.95)
    with store.open_run(spec) as run:
        rows = [{"split": "test", **where, "metric": task.metric, "value": score, "step": 1, "sentences": 10}]
        rows += [
            {"split": "test", **where, "metric": other, "value": -1000.0, "step": 1} for other in task.metrics[1:]
        ]
        rows.append({"split": "test", **where, "metric": "majority", "value": 55.0 + len(spec.task), "step": 0})
        for step, value in curve if curve is not None else [(50, score / 2), (100, score)]:
            rows.append(
                {"split": "dev", "task": None, "language": "mean", "metric": "score", "value": value, "step": step}
            )
        rows += [{"split": "cost", "metric": name, "value": value} for name, value in costs.items()]
        run.write_metrics(rows)
        run.write_provenance({"device": "cpu"})
        run.finish(label_losses={task.name: {"loss": 0.7, "entropy": 0.7}} if flat else {})


def specs(profile, name):
    """Return the specs of an experiment."""
    return [one.spec for one in experiment.runs_of("pet", name, profile)]


def fill(store, profile, name, score, curve=None, keep=lambda spec: True):
    """Write the runs of an experiment that `keep` wants; `score(spec)` and `curve(spec)` give what is in them."""
    written = [spec for spec in specs(profile, name) if keep(spec) and not store.is_complete(spec.run_id)]
    for spec in written:
        write_run(store, spec, score(spec), curve(spec) if curve else None)
    assert written
    return written


def read(store, profile):
    """Return the results that artifacts are built from."""
    return Results(store, profile)


def plausible(spec):
    """Return a score that looks like one: larger backbones and more parameters are better, and seeds differ."""
    own = random.Random(f"{spec.method} {spec.options.get('budget')} {spec.backbone.name} {spec.task} {spec.seed}")
    size = size_of(spec)
    large = {"small": 0, "base": 1, "large": 2}[size.partition("-")[2]]
    if spec.method == "apet":
        low = 50.0 if size.startswith("bert") else 0.0
        rise = 1 / (1 + math.exp(-2.2 * (math.log10(count_of(spec)) - 3.4 - 0.2 * large)))
        return min(100.0, low + (80 + 5 * large - low) * rise + own.gauss(0, 3 - large))
    middle = {"prompt": 62, "bitfit": 68, "lora": 72, "adapter": 75, "ft": 77}[spec.method.removeprefix("pet-")]
    return middle + (86 - middle) * large / 3 + own.gauss(0, 2.5 - large)


def curve_of(spec):
    """Return validation scores that rise to the test score, at a pace of the run's own."""
    own = random.Random(f"pace {spec.run_id}")
    pace = own.uniform(0.5, 1.2)
    return [(25 * n, plausible(spec) * (1 - math.exp(-n * pace))) for n in range(1, 9)]


def mean_by_seed(specs, tasks, **wanted):
    """Return {seed: mean of the made-up scores over tasks}: slowly, over every spec there is."""
    found = {}
    for seed in sorted({spec.seed for spec in specs}):
        values = []
        for task in tasks:
            for spec in specs:
                told = {"size": size_of(spec), "method": spec.method, "budget": spec.options.get("budget")}
                if spec.task == task and spec.seed == seed and wanted.items() <= told.items():
                    values.append(plausible(spec))
        assert len(values) == len(tasks), (wanted, seed)
        found[seed] = sum(values) / len(values)
    return found


def deviation(values):
    """Return the sample standard deviation (n - 1)."""
    values = list(values)
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def made_into(made, name):
    """Return an artifact from the store that the tests share."""
    return report.make(ARTIFACTS[name], made.results)


def figure_of(made, name):
    """Return the only figure of an artifact."""
    (figure,) = made_into(made, name).figures
    return figure


def rows_of(table, block):
    """Return the cells of a block's rows by their titles."""
    (found,) = [one for one in table.blocks if one.title == block]
    return {row.title: row.cells for row in found.rows}
