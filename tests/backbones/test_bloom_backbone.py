"""BLOOM as a backbone: from a folder, its shapes digit for digit, ALiBi under left padding, what is refused."""

import json
from itertools import pairwise

import pytest
import torch
from tiny_families import tiny

from hxbench.backbones.families import family_of
from hxbench.backbones.load import load_backbone, meta_backbone, require_precision
from hxbench.backbones.shape import new_model, shape_of
from hxbench.backbones.sites import SiteKey, Sites
from hxbench.backbones.vocabularies import train_byte_pairs
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec, PretrainSpec

IDS = torch.tensor([[5, 6, 7, 8, 9]])


@pytest.fixture
def folder(tmp_path):
    from transformers import AutoConfig

    tokenizer = train_byte_pairs(["the cat sat"] * 5, 270)
    shape = {"hidden_size": 16, "n_layer": 2, "n_head": 2, "pad_token_id": 0, "eos_token_id": 1}
    torch.manual_seed(1)
    new_model(AutoConfig.for_model("bloom", vocab_size=len(tokenizer), **shape)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def spec_of(folder, **others):
    return BackboneSpec(name="mine", folder=str(folder), **others)


def test_a_folder_gives_model_tokenizer_and_map(folder):
    backbone = load_backbone(spec_of(folder))
    assert backbone.family is family_of("bloom")
    assert not backbone.is_text_to_text
    assert (backbone.hidden_size, backbone.layer_count) == (16, 2)
    assert backbone.body is backbone.model.transformer
    assert backbone.mlm_head.weight is backbone.model.transformer.word_embeddings.weight
    assert backbone.tokenizer.padding_side == "left"
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}
    random = load_backbone(spec_of(folder, weights="random")).model.state_dict()
    again = load_backbone(spec_of(folder, weights="random")).model.state_dict()
    assert all(torch.equal(random[name], again[name]) for name in random)
    trained = backbone.model.state_dict()
    assert not torch.equal(random["lm_head.weight"], trained["lm_head.weight"])


@pytest.mark.parametrize("name", ["pad_token_id", "eos_token_id"])
def test_the_ids_come_from_the_configuration(folder, name):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: None}))
    with pytest.raises(InputError, match=rf"mine: config\.json gives no {name}, without which BLOOM cannot write"):
        load_backbone(spec_of(folder))


@torch.no_grad()
def test_padding_on_the_left_moves_nothing():
    body = tiny("bloom").body
    plain = body(input_ids=IDS).last_hidden_state
    for count in (1, 7):
        ids, mask = (torch.nn.functional.pad(one, (count, 0)) for one in (IDS, torch.ones_like(IDS)))
        padded = body(input_ids=ids, attention_mask=mask).last_hidden_state[:, count:]
        torch.testing.assert_close(padded, plain, rtol=1e-5, atol=1e-5)
        wrong = body(input_ids=ids).last_hidden_state[:, count:]
        assert not torch.allclose(wrong, plain, atol=1e-3), "without a mask it would"


class Shift:
    def __init__(self, by):
        self.by = by

    def apply(self, hidden):
        return hidden + self.by


@torch.no_grad()
@pytest.mark.parametrize("position", ["attention_output", "ffn_output"])
def test_a_site_acts_before_the_residual(position):
    """Adding a constant there is adding it to the bias of the layer whose output it is."""
    backbone, by = tiny("bloom"), torch.linspace(-1, 1, 18)
    sites = Sites(backbone.body, backbone.family, ("attention_output", "ffn_output"))
    assert sites.keys == [SiteKey(n, p) for n in range(2) for p in ("attention_output", "ffn_output")]
    plain = backbone.body(input_ids=IDS).last_hidden_state
    with sites.using({SiteKey(1, position): Shift(by)}):
        found = backbone.body(input_ids=IDS).last_hidden_state
    assert torch.equal(backbone.body(input_ids=IDS).last_hidden_state, plain), "the identity without weights"
    layer = backbone.body.h[1]
    {"attention_output": layer.self_attention.dense, "ffn_output": layer.mlp.dense_4h_to_h}[position].bias += by
    torch.testing.assert_close(found, backbone.body(input_ids=IDS).last_hidden_state, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, plain, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("bloom-560m", 559_214_592), ("bloom-1b1", 1_065_314_304), ("bloom-7b1", 7_069_016_064),
        ("t5-v1_1-small", 76_961_152), ("t5-v1_1-xxl", 11_135_332_352),
    ],
)  # fmt: skip
def test_shapes_are_those_of_the_released_weights(name, parameters):
    backbone = meta_backbone(recipe.load("backbones", name))
    assert {p.device.type for p in backbone.model.parameters()} == {"meta"}
    assert sum(p.numel() for p in backbone.model.parameters()) == parameters


@pytest.mark.parametrize("family", ["sandbox-en-bert-{}", "sandbox-bloom-{}", "sandbox-t5-{}"])
def test_each_size_has_about_four_times_the_parameters_outside_of_the_embeddings(family):
    sizes = []
    for size in ("small", "base", "large"):
        name = "sandbox-t5" if family.format(size) == "sandbox-t5-base" else family.format(size)
        backbone = meta_backbone(recipe.load("backbones", name))
        words = backbone.model.get_input_embeddings().weight.numel()
        sizes.append(sum(p.numel() for p in backbone.body.parameters()) - words)
    ratios = [large / small for small, large in pairwise(sizes)]
    assert all(3 < ratio < 4.2 for ratio in ratios), ratios


PLAN = {"vocabulary": 300, "layers": 3, "hidden": 24, "heads": 4, "steps": 1, "architecture": "bloom"}


def test_a_made_one_has_the_shape_its_recipe_says():
    spec = BackboneSpec(name="x", pretrain=PretrainSpec(**PLAN, intermediate=96, dropout=0.2))
    meta = meta_backbone(spec)
    assert (meta.hidden_size, meta.layer_count, meta.model.config.n_head) == (24, 3, 4)
    assert meta.body.h[0].mlp.dense_h_to_4h.weight.shape == (96, 24)
    assert (meta.model.config.hidden_dropout, meta.model.config.attention_dropout) == (0.2, 0.2)
    assert (shape_of(spec)["pad_token_id"], shape_of(spec)["eos_token_id"]) == (0, 1)
    with pytest.raises(InputError, match="four times as wide"):
        validated(PretrainSpec, {**PLAN, "intermediate": 95}, "mine")


def test_precisions():
    for precision in ("fp32", "bf16", "fp16"):
        require_precision(family_of("bloom"), precision)
