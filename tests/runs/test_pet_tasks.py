"""PET scaling's tasks and template in whole runs, and that nothing of it is in what is made for PHA."""

import json
from collections import Counter

import pytest
from miniature import resolved
from sampled import one_in
from text_miniature import text_spec, write_text_mirror

from hxbench.data import Corpora, Origin
from hxbench.data.collection import collection_of
from hxbench.runs import backbone
from hxbench.runs.prepare import make_backbone
from hxbench.runs.pretraining import _template_lines
from hxbench.runs.train import run
from hxbench.spec import recipe
from hxbench.spec.run_spec import DataSpec
from hxbench.store import Store
from hxbench.tasks import tasks_in


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    root = tmp_path_factory.mktemp("pet-mirror")
    write_text_mirror(root)
    for part, count in (("train", 40), ("dev", 12)):
        asked = [{"question": f"who saw cat {n % 7}", "answer": ["the dog", f"dog {n}"]} for n in range(count)]
        write(root / f"nq_open/NQ-open.{part}.jsonl", "".join(json.dumps(row) + "\n" for row in asked))
    for part in ("train", "validation", "test"):
        for label in ("neg", "pos"):
            lines = "".join(f"the {'good' if label == 'pos' else 'bad'} cat {n} . \n" for n in range(12))
            write(root / f"rotten_tomatoes/{part}/rt-polarity.{label}", lines)
    for part in ("train", "val", "test"):
        chats = [
            {"id": n, "dialogue": f"cat: saw dog {n}\r\ndog: good", "summary": f"cat saw {n} ."} for n in range(9)
        ]
        write(root / f"samsum/{part}.json", json.dumps(chats))
    return root


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def trained(mirror, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))

    def record(task, **data):
        wanted = text_spec("adapter", setting="single", task=task, data={"template": "pet", **data})
        corpora = Corpora(Origin("mirror", mirror), wanted.data)
        make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
        spec, plan = resolved(wanted, corpora)
        run(spec, plan, corpora, store)
        return store.get(spec.run_id)

    return record


@pytest.mark.parametrize(
    ("task", "labels", "metrics", "gold"),
    one_in(
        3,
        [
            ("rte", "words", ["accuracy"], {"entailment", "not_entailment"}),
            ("rte", "digits", ["accuracy"], {"1", "0"}),
            ("rotten", "words", ["accuracy"], {"negative", "positive"}),
            ("nq", "words", ["squad_f1", "exact_match"], {"the dog"}),
            ("samsum", "words", ["rougel"], {f"cat saw {n} ." for n in range(9)}),
        ],
    ),
)
def test_a_task_is_trained_on_and_scored(trained, task, labels, metrics, gold):
    record = trained(task, labels=labels)
    assert record.fields["data"]["template"] == "pet"
    assert record.fields["data"].get("labels", "digits") == labels
    tests = [row for row in record.metrics() if row["split"] == "test" and row["task"] == task]
    assert [row["metric"] for row in tests][: len(metrics)] == metrics
    assert all(0 <= row["value"] <= 100 for row in tests)
    written = record.predictions(task, "en")
    assert {right[0] for right in written["gold"]} == gold
    if task == "nq":
        assert all(len(right) == 2 for right in written["gold"])
    if task in ("rte", "rotten"):
        right = sum(one == other for one, other in zip(written["gold"], written["predicted"], strict=True))
        assert tests[0]["value"] == pytest.approx(100 * right / len(written["gold"]))
        assert "majority" in [row["metric"] for row in tests]


def test_two_wordings_are_two_runs():
    ids = {
        text_spec("adapter", setting="single", task="rte", data=data).run_id
        for data in ({}, {"template": "pet"}, {"template": "pet", "labels": "words"}, {"template": "pha"})
    }
    assert len(ids) == 3


def test_template_lines_are_of_phas_tasks_alone():
    found = Counter(_template_lines({"en": range(100)}))
    assert sum(found.values()) == len(tasks_in("pha")) == 16
    assert found["sst2 sentence:"] == found["summarize:"] == 1
    assert not any("imdb" in line or "nq" in line or "Input" in line for line in found)


def test_prepare_takes_what_the_paper_has():
    tasks_of = collection_of(DataSpec(origin="mirror", collection="english"), "mirror").tasks_of
    assert tasks_of([], "pha") == tasks_of([]) == [*tasks_in("pha"), "mlm"]
    assert tasks_of([], "pet") == [*tasks_in("pet"), "mlm"]
    assert tasks_of(["nq_open", "rotten_tomatoes"], "pha") == ["nq", "rotten"]


@pytest.mark.matrix
def test_the_demos_backbone_is_what_it_was(tmp_path, monkeypatch):
    """Its published runs name this fingerprint: of the recipe and of every line of the sandbox's raw text."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    data = recipe.scale("demo", "pha").data
    corpora = Corpora(Origin("sandbox"), DataSpec(**data))
    assert corpora.splits("imdb", "en") == ("train", "dev", "test")  # written before the raw text is read
    assert backbone.fingerprint(recipe.backbone("sandbox-t5"), corpora) == "adfd494dc4b4cb68"
