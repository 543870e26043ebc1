"""Whole runs of a tuning on BERT, BLOOM and T5: trained, scored, resumed, restored to the same answers."""

import os
import signal
from functools import partial

import pytest
import torch
from miniature import resolved
from text_miniature import text_spec, write_text_mirror

from hxbench.data import Corpora, Origin
from hxbench.runs.assemble import build
from hxbench.runs.data import RunData
from hxbench.runs.finished import restore
from hxbench.runs.prepare import make_backbone
from hxbench.runs.train import run
from hxbench.spec.run_spec import BackboneSpec, PretrainSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store
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


@pytest.mark.parametrize("family", BACKBONES)
@pytest.mark.parametrize("method", ["pet-ft", "pet-prompt", "pet-bitfit", "pet-lora", "pet-adapter", "apet"])
def test_a_run_is_trained_scored_and_restored(method, family, english, tmp_path):
    check(method, family, english, tmp_path, SMALL.get(method, {}))


@pytest.mark.parametrize(
    ("recipe", "family", "options"),
    [
        ("lora", "bert", {"init_lora_weights": "pissa"}),  # which begins by changing the backbone
        ("dora", "t5", {}),
        ("oft", "bloom", {"oft_block_size": 4}),
        ("prefix-tuning", "bloom", {"num_virtual_tokens": 3, "encoder_hidden_size": 8}),
        ("p-tuning", "bert", {"num_virtual_tokens": 3, "encoder_hidden_size": 8}),
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


@pytest.mark.parametrize("family", BACKBONES)
@pytest.mark.parametrize("mode", ["modules", "discrete"])
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


@pytest.mark.parametrize("family", BACKBONES)
def test_a_model_that_writes_is_also_scored_by_what_it_finds_most_likely(family, english, tmp_path):
    wanted = text_spec("pet-bitfit", BACKBONES[family], task="rte", training={"choose": True})
    corpora = english(wanted)
    make_backbone(wanted.backbone, corpora, lambda what, done, total: None)
    spec, plan = resolved(wanted, corpora)
    run(spec, plan, corpora, Store(tmp_path))
    record = Store(tmp_path).get(spec.run_id)
    found = [(row["split"], row["sentences"]) for row in record.metrics() if row["metric"] == "chosen"]
    assert found == ([] if family == "bert" else [("test", 12)]), "BERT has a head that chooses anyway"
    if found:
        method, backbone = restore(record)
        answers = RunData(spec, plan, corpora, backbone).score(method, Pair("rte", "en"), "test")
        assert {one for [one] in answers.chosen} <= {one for [one] in answers.gold}
        [value] = [row["value"] for row in record.metrics() if row["metric"] == "chosen"]
        right = sum(a == b for a, b in zip(answers.chosen, answers.gold, strict=True))
        assert value == pytest.approx(100 * right / 12)
