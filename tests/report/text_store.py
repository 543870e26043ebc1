"""Stores filled with made-up scores of text-to-text runs, without training anything."""

import numpy as np

from hxbench.report.papers.pha.results import Results
from hxbench.spec import experiment
from hxbench.spec.run_spec import START
from hxbench.store.arrays import SENTENCE_COLUMNS
from hxbench.tasks import task_of

# small, synthetic, with backbones whose recipes name a shape: nothing of it is ever loaded
PROFILE = """
about: A profile for tests.
backbone: t5-small
sizes: {small: t5-small, base: t5-base, large: t5-large}
seeds: [1, 2]
draws: 2
data: {origin: sandbox, collection: english, max_length: 64}
"""
COSTS = {"counted_parameters": 8_000_000, "backbone_parameters": 60_000_000}


def made_profile(folder):
    """Return the path of a profile to report on."""
    path = folder / "made.yaml"
    path.write_text(PROFILE)
    return str(path)


def tasks_of(spec):
    """Return the tasks that a run is scored on."""
    if spec.few_shot:
        return (spec.few_shot.task,)
    return spec.tasks


def write_text_run(store, spec, score, *, counts=None, majority=50.0, costs=None, retrieval=None, status=None):
    """Write a finished run; `score(task)` and `counts(task)` give its value and its (correct, predicted, gold)."""
    where = {"split": "test", "language": "en", "step": 1, "role": "source"}
    with store.open_run(spec) as run:
        rows = [{"split": "cost", "metric": name, "value": value} for name, value in (costs or COSTS).items()]
        for task in tasks_of(spec):
            known = task_of(task)
            rows.append({**where, "task": task, "metric": known.metric, "value": score(task), "sentences": 10})
            rows += [{**where, "task": task, "metric": other, "value": -1000.0} for other in known.metrics[1:]]
            rows.append({**where, "task": task, "metric": "majority", "value": majority})
        run.write_metrics(rows)
        if counts:
            table = {name: [] for name in SENTENCE_COLUMNS}
            for task in tasks_of(spec):
                for one in counts(task):
                    for name, value in zip(SENTENCE_COLUMNS, (task, "en", *map(int, one)), strict=True):
                        table[name].append(value)
            run.write_sentence_counts(table)
        run.write_provenance({"device": "cpu"})
        if retrieval:
            run.write_retrieval(*retrieval)
        run.finish(**(status or {}))


def fill_text(store, profile, name, score, methods=None, **others):
    """Write every run of an experiment; `score(spec, task)` gives its values."""
    written = {}
    for block in experiment.blocks("pha", name):
        chosen = tuple(method for method in block.methods if methods is None or method in methods)
        for one in experiment.block_runs(block.model_copy(update={"methods": chosen}), profile):
            after = {START: one.start.run_id} if one.start else {}
            spec = one.spec.model_copy(update={"after": after})
            if spec.run_id not in written:
                made = {name: value(spec) for name, value in others.items()}
                write_text_run(store, spec, lambda task, spec=spec: score(spec, task), **made)
                written[spec.run_id] = spec
    assert written
    return list(written.values())


def clusters(tasks, instances, seed, each=12, far=5.0):
    """Return a retrieval whose instances lie around the prototype of their task, or between for a task without."""
    random = np.random.default_rng(seed)
    prototypes = np.eye(len(tasks), 16) * far
    rows, task = [], []
    for number, name in enumerate(instances):
        middle = prototypes[tasks.index(name)] if name in tasks else prototypes[:2].sum(axis=0) / 2
        rows.append(middle + 0.3 * random.normal(size=(each, 16)))
        task += [number] * each
    z = np.concatenate(rows)
    facts = {
        "tasks": list(tasks),
        "instances": [{"task": name, "n": each} for name in instances],
        "analysis": {"silhouette_features": 0.1 * seed, "silhouette_z": 0.5, "nearest_prototype": 0.9},
    }
    features = (z @ random.normal(size=(16, 24)) + 2 * random.normal(size=(len(z), 24))).astype(np.float32)
    arrays = {
        "prototypes": prototypes.astype(np.float32),
        "features": features,
        "z": z.astype(np.float32),
        "task": np.array(task, dtype=np.int64),
    }
    return facts, arrays


def read(store, profile):
    """Return the results that artifacts are built from."""
    return Results(store, profile)
