"""What tables say of sets that papers divide otherwise."""

from types import SimpleNamespace

from hxbench.report.scores.protocol import divided, divided_otherwise
from hxbench.spec import recipe


def record(task, examples, profile="lab", **data):
    spec = recipe.resolve("pet-lora", setting="single", task=task, profile=profile, origin="mirror")
    spec = spec.model_copy(update={"data": spec.data.model_copy(update=data)})
    rows = [{"split": "test", "task": task, "metric": "accuracy", "value": 60.0, "sentences": examples}]
    return SimpleNamespace(spec=spec, fields={"task": task}, metrics=lambda: rows)


def test_halves_and_training_examples_are_told_apart_and_say_what_they_are_worth():
    found = divided([record("qqp", 500), record("mrpc", 204), record("rte", 139), record("rotten", 500)])
    assert found.halved == {"mrpc": 204, "rte": 139}, "Rotten Tomatoes has sets of its own"
    assert found.drawn == ["qqp"]
    assert found.said() == (
        "of MRPC (204 examples: an s.d. of up to 3.5 by sampling) and RTE (139 examples: an s.d. of up to 4.2 by "
        "sampling) one half is selected by and the other scored; of QQP training examples are selected by"
    )
    assert divided([record("rotten", 500)]).said() == ""


def test_a_limit_of_splits_is_the_runs_own():
    assert divided([record("sst2", 436)]).halved == {"sst2": 436}
    assert divided([record("sst2", 872, split_limit=10_000)]).drawn == ["sst2"]
    tasks = ["cola", "sst2", "mnli"]
    assert divided_otherwise([record("rte", 139)], tasks, 10_000) == ["sst2"]
    assert divided_otherwise([record("rte", 139, split_limit=10_000)], tasks, 10_000) == []
