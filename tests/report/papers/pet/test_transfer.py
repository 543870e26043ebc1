"""Transfer in percent of the target's own training, against a plain reading of a made-up matrix."""

import random

import pytest

from hxbench.report.papers.pet.transfer import NOTHING, Transfer, across, across_labels, cells_where, within
from hxbench.report.scores.run_set import TEXTS, RunSet
from hxbench.spec.settings import Model
from hxbench.tasks import task_of

TASKS = ("sst2", "imdb", "mnli", "qnli", "mrpc", "nq", "samsum", "multinews")
TYPE = {
    "sst2": "sa", "imdb": "sa", "mnli": "nli", "qnli": "nli", "mrpc": "pi", "nq": "qa", "samsum": "sum",
    "multinews": "sum",
}  # fmt: skip
LABELS = ("sst2", "imdb", "mnli", "qnli", "mrpc")


def rows(scores, source=None, majority=None):
    """Return a run's rows: by task, beside others that must not count."""
    found = []
    for task, value in scores.items():
        known = task_of(task)
        where = {"split": "test", "task": task, "language": "en"}
        found.append({**where, "metric": known.metric, "value": value})
        found.append({**where, "split": "dev", "metric": known.metric, "value": 1e6})
        found += [{**where, "metric": other, "value": 1e6} for other in known.metrics[1:]]
    found.append({"split": "cost", "task": None, "metric": "wall_seconds", "value": 3})
    if majority is not None:
        found.append({"split": "test", "task": source, "metric": "majority", "value": majority})
    return found


def transfer_of(tasks, wanted, runs):
    """Return the transfer of runs, given as their rows by seed and source."""
    by_model = {(Model(source), seed): some for (seed, source), some in runs.items()}
    return Transfer(tasks, RunSet(tuple(map(Model, tasks)), wanted, by_model, TEXTS))


def made(seeds=(1, 2), wanted=(1, 2), own=None, more=None):
    """Return a transfer of random scores, and these by (seed, source, target)."""
    draw = random.Random("transfer")
    runs, scores = dict(more or {}), {}
    for seed in seeds:
        for source in TASKS:
            of_run = {task: draw.uniform(10, 90) for task in TASKS}
            if own is not None and source in own:
                of_run[source] = own[source]
            scores |= {(seed, source, target): value for target, value in of_run.items()}
            runs[seed, source] = rows(of_run, source, 40.0 if source in LABELS else None)
    return transfer_of(TASKS, wanted, runs), scores


def test_a_cell_is_in_percent_of_the_targets_own_training_with_the_same_seed():
    transfer, scores = made()
    for source in TASKS:
        for target in TASKS:
            found = transfer.relative(source, target)
            assert found.values == pytest.approx(
                [100 * scores[seed, source, target] / scores[seed, target, target] for seed in (1, 2)]
            )
            assert not found.incomplete
            if source == target:
                assert found.values == (100, 100)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (within, lambda s, t: s != t and TYPE[s] == TYPE[t]),
        (across, lambda s, t: TYPE[s] != TYPE[t]),
        (across_labels, lambda s, t: TYPE[s] != TYPE[t] and s in LABELS and t in LABELS),
    ],
    ids=["within", "across", "labels"],
)
def test_means_are_over_the_cells_of_a_kind_for_each_seed(kind, wanted):
    transfer, scores = made()
    for seed, mean in zip((1, 2), transfer.mean(kind).values, strict=True):
        total = count = 0
        for source in TASKS:
            for target in TASKS:
                if wanted(source, target):
                    total += 100 * scores[seed, source, target] / scores[seed, target, target]
                    count += 1
        assert count > 5
        assert mean == pytest.approx(total / count)
    assert list(cells_where(TASKS, kind)) == [
        (source, target) for source in TASKS for target in TASKS if wanted(source, target)
    ]


def test_the_most_frequent_label_is_relative_to_the_same():
    transfer, scores = made()
    assert transfer.frequent().values == pytest.approx(
        [sum(100 * 40 / scores[seed, task, task] for task in LABELS) / len(LABELS) for seed in (1, 2)]
    )


def test_what_is_not_there_is_missing_and_what_is_nothing_is_said():
    transfer, _ = made(seeds=(1,))
    cell = transfer.relative("sst2", "imdb")
    assert (len(cell.values), cell.incomplete) == (1, True)
    assert transfer.mean(within).incomplete
    assert len(transfer.mean(within).values) == 1

    runs = {
        (1, "sst2"): rows({"sst2": 80.0, "imdb": 60.0, "rte": 20.0}),
        (1, "imdb"): rows({"sst2": 40.0, "imdb": 75.0}),
    }
    part = transfer_of(("sst2", "imdb", "rte"), (1,), runs)
    assert part.relative("sst2", "imdb").values == (80.0,)
    assert part.relative("sst2", "rte").incomplete, "its own training is not there"
    assert not part.relative("imdb", "sst2").incomplete
    assert part.mean(within).values == (), "a mean of a part would not be compared with one of all"

    zero, _ = made(own={"nq": 0.0})
    assert zero.relative("sst2", "nq").values == zero.relative("nq", "nq").values == ()
    assert zero.relative("sst2", "nq").note == NOTHING
    left = [cell for cell in cells_where(TASKS, across) if cell[1] != "nq"]
    each = [zero.relative(*cell).values[0] for cell in left]
    assert zero.mean(across).values[0] == pytest.approx(sum(each) / len(each))


def test_a_target_that_a_run_was_not_scored_on_has_no_data():
    runs = {(1, "sst2"): rows({"sst2": 80.0}), (1, "imdb"): rows({"imdb": 80.0, "sst2": 10.0})}
    part = transfer_of(("sst2", "imdb"), (1,), runs)
    assert part.relative("sst2", "imdb").lacking == ("imdb",)
    assert part.relative("imdb", "sst2").values == (12.5,)


def test_a_run_without_likeliest_labels_takes_nothing_from_other_seeds():
    def chosen(scores):
        where = {"split": "test", "language": "en", "metric": "chosen"}
        return [*rows(scores), *({**where, "task": task, "value": value} for task, value in scores.items())]

    sst2, imdb = {"sst2": 80.0, "imdb": 60.0}, {"sst2": 40.0, "imdb": 75.0}
    runs = {(seed, "sst2"): chosen(sst2) for seed in (1, 2)} | {(1, "imdb"): rows(imdb), (2, "imdb"): chosen(imdb)}
    part = transfer_of(("sst2", "imdb"), (1, 2), runs)
    cell = part.relative("sst2", "imdb", chosen=True)
    assert (cell.by_seed, cell.incomplete, cell.lacking) == ({2: 80.0}, False, ())
    assert part.relative("sst2", "sst2", chosen=True).by_seed == {1: 100.0, 2: 100.0}
    mean = part.mean(within, chosen=True)
    assert (mean.by_seed, mean.incomplete) == ({2: 65.0}, False)
    assert part.mean(within).by_seed == {1: 65.0, 2: 65.0}

    older = transfer_of(("sst2", "imdb"), (1,), {(1, "sst2"): chosen(sst2), (1, "imdb"): rows(imdb)})
    assert older.relative("imdb", "sst2", chosen=True).lacking == ("sst2",)
    absent = transfer_of(("sst2", "imdb"), (1,), {(1, "sst2"): chosen(sst2)})
    cell = absent.relative("imdb", "sst2", chosen=True)
    assert (cell.values, cell.incomplete, cell.lacking) == ((), True, ())


def test_further_seeds_count_and_do_not_have_to_be_whole():
    transfer, _ = made(seeds=(1, 2, 3), wanted=(1, 2))
    assert len(transfer.relative("sst2", "mrpc").values) == 3
    transfer, _ = made(seeds=(1, 2, 3), wanted=(1, 2), more={(4, "sst2"): rows(dict.fromkeys(TASKS, 1.0))})
    assert len(transfer.mean(across).values) == 3
    assert not transfer.mean(across).incomplete
