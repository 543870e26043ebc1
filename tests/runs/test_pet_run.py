"""Whole runs of a tuning on BERT, BLOOM and T5: trained, scored, resumed, restored to the same answers."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest
import torch
from miniature import resolved
from text_miniature import text_spec, write_text_mirror

from hxbench.data import Corpora, Origin
from hxbench.runs.assemble import build
from hxbench.runs.data import RunData
from hxbench.runs.export import export
from hxbench.runs.finished import restore
from hxbench.runs.predict import predict
from hxbench.runs.predictor import predictor_of_export, predictor_of_run
from hxbench.runs.prepare import make_backbone
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks import task_of
from hxbench.training.loop import Interrupted

SMALL = {"pet-prompt": {"tokens": 3}, "pet-adapter": {"bottleneck": 4}, "apet": {"budget": 300}}
BACKBONES = {
    name: BackboneSpec(
        name=f"tiny-{name}",
        pretrain=PretrainSpec(
            architecture=name, vocabulary=400, layers=2, hidden=16, heads=2, intermediate=64, steps=10,
            batch_size=8, max_length=24, lr=3e-3, dropout=0, cpu_threads=1,
        ),
    )
    for name in ("bert", "t5", "bloom")
}  # fmt: skip


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text-mirror")
    write_text_mirror(folder)
    return lambda spec: Corpora(Origin("mirror", folder), spec.data)


def check(method, family, english, tmp_path, options):
    wanted = text_spec(method, BACKBONES[family], task="rte", options=options)
    corpora = english(wanted)
    make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
    spec, plan = resolved(wanted, corpora)
    run(spec, plan, corpora, Store(tmp_path))
    record = Store(tmp_path).get(spec.run_id)
    rows = {(row["task"], row["metric"]): row for row in record.metrics() if row["split"] == "test"}
    assert rows["rte", "accuracy"]["sentences"] == 12
    method_again, backbone = restore(record)
    data = RunData(spec, plan, corpora, backbone)
    answers = data.score(method_again, Pair("rte", "en"), "test")
    assert answers.predicted == list(map(list, record.predictions("rte", "en")["predicted"]))
    assert answers.rows("test")[0]["value"] == rows["rte", "accuracy"]["value"]


def every(names):
    """Return each name with every family; the short suite has each once, and the families in their order."""
    return [
        pytest.param(name, family, marks=() if number % len(BACKBONES) == place else pytest.mark.matrix)
        for number, name in enumerate(names)
        for place, family in enumerate(BACKBONES)
    ]


@pytest.mark.parametrize(
    ("method", "family"), every(["pet-ft", "pet-prompt", "pet-bitfit", "pet-lora", "pet-adapter", "apet"])
)
def test_a_run_is_trained_scored_and_restored(method, family, english, tmp_path):
    check(method, family, english, tmp_path, SMALL.get(method, {}))


@pytest.mark.parametrize(
    ("recipe", "family", "options"),
    [
        ("lora", "bert", {"init_lora_weights": "pissa"}),  # which begins by changing the backbone
        pytest.param("dora", "t5", {}, marks=pytest.mark.matrix),
        pytest.param("oft", "bloom", {"oft_block_size": 4}, marks=pytest.mark.matrix),
        ("prefix-tuning", "bloom", {"num_virtual_tokens": 3, "encoder_hidden_size": 8}),
        pytest.param(
            "p-tuning", "bert", {"num_virtual_tokens": 3, "encoder_hidden_size": 8}, marks=pytest.mark.matrix
        ),
    ],
)
def test_a_run_of_peft_is_trained_scored_and_restored(recipe, family, options, english, tmp_path):
    check(recipe, family, english, tmp_path, options)


class Killed:
    """A report of progress that stops the training as a signal does, at one step."""

    def __init__(self, at=None):
        self.at = at

    def __call__(self, step, updates, loss):
        if step == self.at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("mode", "family"), every(["modules", "discrete"]))
def test_entries_that_ever_had_a_gradient_are_counted(family, mode, english, tmp_path, monkeypatch):
    """Against every gradient of every step; stopped in between and gone on with, the number is the same."""
    options = {"budget": 2000, "mode": mode, "places": "existing"}
    wanted = text_spec("apet", BACKBONES[family], task="rte", options=options, training={"evaluate_every": 2})
    corpora = english(wanted)
    make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
    spec, plan = resolved(wanted, corpora)
    ever = {}

    def note(here, gradient):
        here |= gradient != 0

    def watched(*arguments):
        method = build(*arguments)
        for number, parameter in enumerate(method.drawn()):
            here = ever.setdefault(number, torch.zeros(parameter.shape, dtype=torch.bool))
            parameter.register_hook(partial(note, here))
        return method

    monkeypatch.setattr("hxbench.runs.train.build", watched)
    with pytest.raises(Interrupted):
        run(spec, plan, corpora, Store(tmp_path / "a"), report=Killed(3))
    run(spec, plan, corpora, Store(tmp_path / "a"), report=Killed())
    expected = sum(int(one.sum()) for one in ever.values())
    ever.clear()
    run(spec, plan, corpora, Store(tmp_path / "b"), report=Killed())
    assert sum(int(one.sum()) for one in ever.values()) == expected
    for store in "ab":
        costs = {
            r["metric"]: r["value"]
            for r in Store(tmp_path / store).get(spec.run_id).metrics()
            if r["split"] == "cost"
        }
        assert costs["live_parameters"] == expected
        assert costs["counted_parameters"] == 2000
    # words that no text has are dead; not in BLOOM, whose every word is also one that might have come next
    some_dead = mode == "discrete" and family != "bloom"
    assert (0.3 * 2000 < expected < 2000) if some_dead else expected == 2000


def chosen_run(family, choose, english, tmp_path):
    """Return the record of a short run, and the data that it was scored on."""
    words = {"template": "pet", "labels": "words"}
    wanted = text_spec("pet-lora", BACKBONES[family], task="rte", training={"choose": choose}, data=words)
    corpora = english(wanted)
    make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
    spec, plan = resolved(wanted, corpora)
    run(spec, plan, corpora, Store(tmp_path))
    record = Store(tmp_path).get(spec.run_id)
    return record, lambda backbone: RunData(spec, plan, corpora, backbone)


def test_a_model_that_writes_is_also_scored_by_what_it_finds_most_likely(english, tmp_path):
    record, data_on = chosen_run("t5", True, english, tmp_path)
    found = [(row["split"], row["sentences"]) for row in record.metrics() if row["metric"] == "chosen"]
    assert found == [("test", 12)]
    method, backbone = restore(record)
    answers = data_on(backbone).score(method, Pair("rte", "en"), "test")
    assert {one for [one] in answers.chosen} <= {one for [one] in answers.gold}
    [value] = [row["value"] for row in record.metrics() if row["metric"] == "chosen"]
    right = sum(a == b for a, b in zip(answers.chosen, answers.gold, strict=True))
    assert value == pytest.approx(100 * right / 12)
    assert "text" in predicted(predictor_of_run(record, None, None), tmp_path)[0], "which writes all the same"


def predicted(predictor, tmp_path):
    """Return what a predictor answers to six texts."""
    path, pieces = tmp_path / "in.jsonl", []
    words = "the cat dog bird saw heard good bad old new man house".split()
    texts = [{"sentence1": " ".join(words[: n + 2]), "sentence2": " ".join(words[-n - 1 :])} for n in range(6)]
    path.write_text("".join(json.dumps(one) + "\n" for one in texts))
    predict(predictor, str(path), pieces.extend)
    return [json.loads(line) for line in "".join(pieces).splitlines()]


def test_a_run_whose_answers_are_chosen_is_selected_scored_and_asked_by_that_alone(english, tmp_path, monkeypatch):
    """And an export of it answers in the same way."""
    writes = lambda *_, **__: pytest.fail("written")  # noqa: E731
    monkeypatch.setattr("hxbench.answering.causal.CausalText.generate", writes)
    record, data_on = chosen_run("bloom", "normalised", english, tmp_path)
    rows = [row for row in record.metrics() if row["task"] == "rte" and row["split"] in ("dev", "test")]
    assert {(row["split"], row["metric"]) for row in rows} == {
        ("dev", "accuracy"), ("test", "accuracy"), ("test", "majority"),
    }  # fmt: skip
    assert not any(row.get("unreadable") for row in rows)
    assert record.title.count("chosen by normalised likelihood") == 1
    known = task_of("rte").labels
    assert {one for [one] in record.predictions("rte", "en")["predicted"]} <= {*known}
    method, backbone = restore(record)
    data = data_on(backbone)
    split = data.split(Pair("rte", "en"), "test")
    batch = split.batch(np.arange(12))
    chosen = split.labels.scores(method, batch).argmax(1)
    assert [[known[one]] for one in chosen] == record.predictions("rte", "en")["predicted"]
    answers = predicted(predictor_of_run(record, None, None), tmp_path)
    for one in answers:
        assert one.keys() == {"line", "label", "probabilities"}
        assert [*one["probabilities"]] == [*known]
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert one["label"] == max(one["probabilities"], key=one["probabilities"].get)
    export(record, task="rte", language="en", out=tmp_path / "export")
    assert predicted(predictor_of_export(tmp_path / "export", None, None), tmp_path) == answers
