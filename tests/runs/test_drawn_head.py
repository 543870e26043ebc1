"""An encoder saved without its language-modelling head: the run's seed draws one, and it is said."""

import os

import pytest
import torch
from command_line import ended, hxbench, started, write_profile
from miniature import spec_for

from hxbench.backbones.load import load_backbone
from hxbench.runs.assemble import build
from hxbench.runs.backbone import get_backbone
from hxbench.spec.backbone import BackboneSpec
from hxbench.store import Store

HEAD = {
    "cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias",
    "cls.predictions.transform.LayerNorm.weight", "cls.predictions.transform.LayerNorm.bias",
}  # fmt: skip
TIMES = {"wall_seconds", "device_seconds", "peak_memory_bytes", "tokens_per_second"}


@pytest.fixture(scope="module")
def encoder(tiny, tmp_path_factory):
    """A folder with the small BERT as `BertModel` saves it."""
    folder = tmp_path_factory.mktemp("encoder")
    backbone = get_backbone(tiny)
    backbone.body.save_pretrained(folder)
    backbone.tokenizer.save_pretrained(folder)
    return folder


def spec_of(folder):
    return BackboneSpec(name="bare", folder=str(folder))


def head_of(folder, seed, *, before=0):
    torch.manual_seed(before)
    torch.randn(before + 1)
    backbone = load_backbone(spec_of(folder))
    build(spec_for(backbone=spec_of(folder), seed=seed), backbone)
    return backbone, {n: p.detach().clone() for n, p in backbone.model.named_parameters() if n in HEAD}


def test_the_head_is_a_function_of_the_seed_alone(encoder, tiny):
    backbone, first = head_of(encoder, 3)
    assert HEAD <= set(backbone.drawn) <= HEAD | {"cls.predictions.decoder.bias", "cls.predictions.decoder.weight"}
    assert first.keys() == HEAD
    _, again = head_of(encoder, 3, before=17)
    assert all(torch.equal(first[name], again[name]) for name in HEAD)
    _, other = head_of(encoder, 4)
    dense = "cls.predictions.transform.dense.weight"
    assert not torch.equal(first[dense], other[dense])
    assert first[dense].std().item() == pytest.approx(0.02, rel=0.2)
    head = backbone.mlm_head
    assert head.decoder.weight is backbone.model.bert.embeddings.word_embeddings.weight
    trained = get_backbone(tiny)
    assert trained.drawn == ()
    body = backbone.body.state_dict()
    assert all(torch.equal(p, body[n]) for n, p in trained.body.state_dict().items())


def test_what_a_method_begins_as_does_not_depend_on_the_head(encoder, tiny):
    """The seed's own draws are the same with a head that is there and with one that is drawn."""
    bare = build(spec_for(seed=5), load_backbone(spec_of(encoder)))
    whole = build(spec_for(seed=5), get_backbone(tiny))
    theirs = dict(whole.named_parameters())
    for name, parameter in bare.named_parameters():
        if not name.startswith("model."):
            assert torch.equal(parameter, theirs[name]), name


@pytest.mark.matrix
def test_two_processes_score_the_same_and_say_so(encoder, mirror, tmp_path):
    scale = write_profile(tmp_path, mirror)
    kept = []
    for do in (hxbench, lambda *words: ended(started(*words))):  # in this process, and in one of its own
        store = tmp_path / f"store-{len(kept)}"
        words = scale.train("--partition", "a", "--backbone", encoder, "--store", store, updates=8)
        done = do(*words)
        assert done.code == 0, done.err
        said = [line for line in done.err.splitlines() if "without a language-modelling head" in line]
        begins = f"Backbone {encoder.name} comes without a language-modelling head:"
        assert said == [f"{begins} each run draws one from its seed."]
        (record,) = [Store(store).get(name) for name in os.listdir(store / "runs")]
        assert set(record.provenance()["drawn"]) >= HEAD
        rows = [row for row in record.metrics() if row["metric"] not in TIMES]
        kept.append((record.id, rows, [row["loss"] for row in record.history() if "loss" in row]))
    assert kept[0] == kept[1]
