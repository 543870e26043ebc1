"""The scores of runs of any kind as rows: what is averaged, over what, and which columns there are."""

from dataclasses import replace

import pytest
from miniature import spec_for
from text_miniature import text_spec

from hxbench.report.papers.kept import Kept
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_scores import few_shot_scores, run_scores
from hxbench.report.scores.run_set import TEXTS, RunSet
from hxbench.spec.run_spec import FewShotSpec
from hxbench.spec.settings import Model
from hxbench.store import Store


def scored(task, value, language="en", metric="accuracy", role="trained", **more):
    return {"split": "test", "task": task, "language": language, "metric": metric, "value": value, "role": role,
            **more}  # fmt: skip


def put(store, spec, *rows, **status):
    with store.open_run(spec) as run:
        run.write_metrics([*rows, {"split": "cost", "metric": "wall_seconds", "value": 1.0}])
        run.finish(**status)
    return store.finished(spec.run_id)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def tags(store):
    """A tagger that was trained on English, and scored on it and on four other languages."""
    return put(
        store, spec_for("hyperx-base"),
        scored("ner", 90.0, "en", "f1"),
        scored("ner", 50.0, "ar", "f1", "target", words_cut=2),
        scored("ner", 70.0, "tr", "f1", "target"),
        scored("ner", 10.0, "mt", "f1", "target"),
        scored("pos", 40.0, "fo", role="target"),
    )  # fmt: skip


@pytest.fixture
def texts(store):
    return put(
        store, text_spec("pha", seed=1),
        scored("cola", 30.0, metric="matthews"), scored("rte", 60.0, cut=1),
        scored("rte", 55.0, metric="majority"), scored("mrpc", 99.0, metric="f1"),
        scored("cb", 10.0, role="target"),
    )  # fmt: skip


def test_tags_are_averaged_over_the_languages_of_a_group_that_are_no_sources(tags):
    scores = run_scores([tags])
    (row,) = scores.rows
    assert row["run"] == tags.id
    groups = {name: row[name] for name in ("ner seen", "ner unseen", "pos seen", "pos unseen")}
    assert groups == {"ner seen": 60.0, "ner unseen": 10.0, "pos seen": None, "pos unseen": 40.0}
    assert row["words cut"] == 2
    assert row["plateau"] == {}
    assert "mean" not in row
    assert scores.heading == "Zero-shot scores, mean over the languages each run was not trained on:"
    assert "plateau" not in scores.worth_printing()[0]
    assert "words cut" in scores.worth_printing()[0]


def test_a_column_a_text_task_and_the_mean_of_several(texts):
    scores = run_scores([texts])
    (row,) = scores.rows
    assert {name: row[name] for name in ("cola", "rte", "mean")} == {"cola": 30.0, "rte": 60.0, "mean": 45.0}
    assert not {"mrpc", "cb", "words cut"} & set(row), "neither another metric nor a task it was not trained on"
    assert row["texts cut"] == 1
    assert scores.heading == "Test scores: Matthews correlation (cola); accuracy (rte):"


def test_runs_of_all_kinds_stand_in_one_table(tags, texts):
    scores = run_scores([tags, texts])
    first, second = scores.rows
    assert first.keys() == second.keys()
    assert (first["rte"], second["rte"]) == (None, 60.0)
    assert (first["words cut"], second["words cut"]) == (2, None)
    assert second["ner seen"] is None
    assert list(first)[-1] == "plateau"
    assert scores.heading == (
        "Test scores: Matthews correlation (cola); accuracy (rte); "
        "of tags the mean over the languages each run was not trained on:"
    )


def test_several_runs_of_one_text_task_each(store):
    records = [
        put(
            store, text_spec("prompt", task=task, seed=1), scored(task, score, metric=metric),
            scored(task, 52.0, metric="majority"),
        )
        for task, metric, score in (("rte", "accuracy", 60.0), ("cola", "matthews", 7.0))
    ]  # fmt: skip
    scores = run_scores(records)
    assert [(row["metric"], row["score"], row["majority"]) for row in scores.rows] == [
        ("accuracy", 60.0, 52.0), ("Matthews correlation", 7.0, 52.0),
    ]  # fmt: skip
    assert [row["title"] for row in scores.rows] == ["prompt single rte seed 1", "prompt single cola seed 1"]
    assert "backbone" in scores.rows[0]
    assert "backbone" not in scores.worth_printing()[0], "they have it in common"
    assert "rte" in run_scores(records[:1]).rows[0], "one alone has the columns of its tasks"


def test_what_any_run_has_to_say_is_a_column(tags):
    losses = {"ner": {"loss": 2.0, "entropy": 2.0}, "pos": {"loss": 3.0, "entropy": 2.0}}
    told = replace(tags, status={**tags.status, "label_losses": losses})
    scores = run_scores([tags, told])
    assert [row["plateau"] for row in scores.rows] == [{}, {"ner": "on", "pos": "above"}]
    assert [row["plateau"] for row in scores.worth_printing()] == ["", "plateau of NER, above plateau of POS"]


def test_few_shot_scores_by_k_and_where_they_started(store):
    start = text_spec("pha")
    put(store, start, scored("cb", 30.0), scored("cb", 1.0, metric="f1"))
    specs = []
    for k, draw, value in ((4, 0, 40.0), (4, 1, 50.0), (16, 0, None)):
        shot = FewShotSpec(task="cb", language="en", k=k, draw=draw)
        specs.append(start.model_copy(update={"few_shot": shot, "after": {"start": start.run_id}}))
        if value is not None:
            put(store, specs[-1], scored("cb", value))
    found = few_shot_scores(store, specs)
    assert found == {("cb", "en"): {0: Estimate((30.0,)), 4: Estimate((40.0, 50.0))}}
    alone = [spec.model_copy(update={"after": {}}) for spec in specs[:1]]
    put(store, alone[0], scored("cb", 20.0))
    assert few_shot_scores(store, alone) == {("cb", "en"): {4: Estimate((20.0,))}}, "from nothing: no k of 0"


def test_a_run_without_development_scores_takes_nothing_from_other_seeds():
    def developed(value):
        where = {"split": "dev", "step": 1, "value": value}
        return [
            {**where, "task": "rte", "language": "en", "metric": "accuracy"},
            {**where, "task": None, "language": "mean", "metric": "score"},
        ]

    tested = {"split": "test", "task": "rte", "language": "en", "metric": "accuracy", "value": 90.0, "step": 1}
    rows = {(Model("rte"), 1): developed(60.0), (Model("rte"), 2): [tested], (Model("rte"), 3): developed(64.0)}
    found = Kept(RunSet((Model("rte"),), (1, 2, 3), rows, TEXTS)).of(["rte"])
    assert found.by_seed == {1: 60.0, 3: 64.0}
    assert found.incomplete
