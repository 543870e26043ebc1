"""Whole runs on models of the library's own classes: trained, scored, gone on with after a stop, taken up again.

`make test` has each model and each tuning once, `make test-all` the product.
"""

import os
import signal

import pytest
import torch
from miniature import resolved, spec_for
from stock_models import ENCODERS, MODELS, write_stock
from text_miniature import text_spec, write_text_mirror

from hxbench.data import Corpora, Origin
from hxbench.runs.assemble import costs
from hxbench.runs.data import RunData
from hxbench.runs.finished import restore
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec
from hxbench.store import Store
from hxbench.training.loop import Interrupted

TUNINGS = {
    "ft": {}, "pet-lora": {"rank": 2}, "pet-adapter": {"bottleneck": 4}, "pet-prompt": {"tokens": 3},
    "apet": {"budget": 300}, "pet-bitfit": {},
}  # fmt: skip
TAGGED = ("hyperx-base", "mbert")  # with masked language modelling, and without any method
CELLS = [
    (model, method)
    for model in MODELS
    for method in (*TUNINGS, *(TAGGED if model in ENCODERS else ()))
    if (model, method) != ("modernbert", "pet-bitfit")
]
ORDER = [*TUNINGS, *TAGGED]
# every method once, on half of the models: what differs between models alone, test_stock_tunings has of all
SAMPLE = {
    next(cell for shift in range(len(ORDER)) if (cell := (model, ORDER[(place + shift) % len(ORDER)])) in CELLS)
    for place, model in enumerate([*MODELS][::-2])
}


@pytest.mark.parametrize(
    ("model", "method"),
    [pytest.param(*cell, marks=() if cell in SAMPLE else pytest.mark.matrix) for cell in CELLS],
)
def test_it_is_trained_scored_gone_on_with_and_taken_up_again(model, method, corpora, tmp_path):
    backbone = BackboneSpec(name="mine", folder=str(write_stock(model, tmp_path / "own", shard="20KB")))
    if method in TAGGED:
        wanted = spec_for(method, backbone, training={"updates": 6, "evaluate_every": 3})
    else:
        write_text_mirror(tmp_path / "mirror")
        wanted = text_spec(
            method,
            backbone,
            setting="single",
            options=TUNINGS[method],
            training={"updates": 6, "evaluate_every": 3},
        )
        corpora = Corpora(Origin("mirror", tmp_path / "mirror"), wanted.data)
    spec, plan = resolved(wanted, corpora)
    whole, broken = Store(tmp_path / "whole"), Store(tmp_path / "broken")
    run(spec, plan, corpora, whole, report=lambda step, updates, loss: None)

    def stop(step, _updates, _loss):
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run(spec, plan, corpora, broken, report=stop)
    run(spec, plan, corpora, broken, report=lambda step, updates, loss: None)
    assert weights(whole, spec) == weights(broken, spec), "a stop changes nothing"
    record = broken.get(spec.run_id)
    assert {row["metric"] for row in record.metrics() if row["split"] == "test"}
    restored, on = restore(record)
    data = RunData(spec, plan, corpora, on)
    for pair in plan.test:
        assert data.score(restored.eval(), pair, "test").predicted == record.predictions(*pair)["predicted"]
    assert costs(spec)["counted"] == restored.counted()
    assert torch.get_num_threads() == 1


def weights(store, spec):
    return {p.name: p.read_bytes() for p in store.get(spec.run_id).folder.rglob("*.safetensors")}


def test_the_sample_covers_methods_and_half_of_the_models():
    assert len({model for model, _ in SAMPLE}) == (len(MODELS) + 1) // 2
    assert {method for _, method in SAMPLE} == {*ORDER}
