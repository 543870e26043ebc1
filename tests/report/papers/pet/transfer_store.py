"""Stores filled with made-up transfer between tasks, without training anything."""

from hxbench.spec import experiment
from hxbench.tasks import task_of

PROFILE = """
about: A profile for tests.
backbone: t5-v1_1-small
sizes: {bert-small: bert-small, bert-large: bert-large, t5-small: t5-v1_1-small, t5-large: t5-v1_1-xxl}
seeds: [1, 2]
data: {origin: sandbox, collection: english, max_length: 64}
"""


def made_profile(folder, *, text=PROFILE):
    """Return the path of a profile to report on."""
    path = folder / "made.yaml"
    path.write_text(text)
    return str(path)


def specs(profile):
    """Return the specs of the experiment."""
    return [one.spec for one in experiment.runs_of("pet", "figure7", profile)]


def write(store, spec, score, *, majority=50.0, chosen=None):
    """Write a finished run whose scores are `score(task)`, of all tasks that it was scored on.

    `chosen(task)` are those of tasks with labels by what the model finds most likely.
    """
    with store.open_run(spec) as run:
        rows = []
        for task in dict.fromkeys((spec.task, *spec.transfer)):
            known, own = task_of(task), task == spec.task
            where = {
                "split": "test",
                "language": "en",
                "step": 1,
                "role": "source" if own else "target",
                "task": task,
            }
            rows.append({**where, "metric": known.metric, "value": score(task), "sentences": 10})
            if chosen and known.type == "classification":
                rows.append({**where, "metric": "chosen", "value": chosen(task), "sentences": 10})
            rows += [{**where, "metric": other, "value": -1000.0} for other in known.metrics[1:]]
            rows.append({**where, "split": "dev", "metric": known.metric, "value": -1000.0})
            if own and known.type == "classification":
                rows.append({**where, "metric": "majority", "value": majority})
        run.write_metrics(rows)
        run.write_provenance({"device": "cpu"})
        run.finish()
