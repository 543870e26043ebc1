"""T5 as a backbone: both versions from a folder, their shapes digit for digit, and what is refused."""

import json
from contextlib import nullcontext

import pytest
import torch
from transformers import AutoConfig

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.load import load_backbone, meta_backbone, require_precision
from hxbench.backbones.shape import new_model, shape_of
from hxbench.backbones.vocabularies import train_unigram
from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec, PretrainSpec

SMALL = {
    "model_type": "t5", "d_model": 16, "d_ff": 24, "d_kv": 8, "num_layers": 2, "num_heads": 2, "dropout_rate": 0.0,
    "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
}  # fmt: skip
VERSIONS = {
    "1.0": {"feed_forward_proj": "relu", "tie_word_embeddings": True},
    "1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
}
IDS = torch.tensor([[5, 6, 7, 1], [8, 9, 1, 0]])


@pytest.fixture(scope="module")
def tokenizer():
    return train_unigram(["the cat sat on the mat"] * 5, 100)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


def made(version, tokenizer):
    torch.manual_seed(1)
    shape = {**SMALL, **VERSIONS[version], "vocab_size": len(tokenizer)}
    return new_model(AutoConfig.for_model(**shape)).eval()


@pytest.fixture
def folder(version, tokenizer, tmp_path):
    made(version, tokenizer).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def spec_of(folder, **others):
    return BackboneSpec(name="mine", folder=str(folder), **others)


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=(IDS != 0).long(), decoder_input_ids=IDS).logits


def test_a_folder_gives_model_tokenizer_and_map(folder, version, tokenizer, capfd):
    backbone = load_backbone(spec_of(folder))
    assert backbone.is_text_to_text
    assert (backbone.hidden_size, backbone.layer_count) == (16, 2)
    assert backbone.body is backbone.model
    assert backbone.mlm_head is backbone.model.lm_head
    assert backbone.tokenizer.is_fast
    assert backbone.tokenizer("the cat").input_ids == tokenizer("the cat").input_ids
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}
    assert torch.equal(logits(backbone.model.eval()), logits(made(version, tokenizer)))
    assert capfd.readouterr().err == "", "no advice of the library's"


def test_since_1_1_the_output_matrix_is_its_own(tokenizer, tmp_path):
    for version, own in (("1.0", False), ("1.1", True)):
        model = made(version, tokenizer)
        assert (model.lm_head.weight is not model.shared.weight) is own
        model.save_pretrained(tmp_path / version)
        tokenizer.save_pretrained(tmp_path / version)
        back = load_backbone(spec_of(tmp_path / version)).model
        assert (back.lm_head.weight is not back.shared.weight) is own
        control = load_backbone(spec_of(tmp_path / version, weights="random")).model
        assert (control.lm_head.weight is not control.shared.weight) is own
        assert len(list(control.parameters())) == len(list(model.parameters()))


def test_random_weights_are_the_same_every_time(folder):
    trained = load_backbone(spec_of(folder)).model.state_dict()
    first = load_backbone(spec_of(folder, weights="random")).model.state_dict()
    torch.manual_seed(99)  # whatever was drawn before
    before = torch.get_rng_state()
    again = load_backbone(spec_of(folder, weights="random")).model.state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], trained["lm_head.weight"])


def test_pickled_weights_are_never_read(folder):
    torch.save(load_backbone(spec_of(folder)).model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"pickled weights such as pytorch_model\.bin are never loaded"):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize("name", ["pad_token_id", "eos_token_id", "decoder_start_token_id"])
def test_the_ids_come_from_the_configuration(folder, name):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {name: None}))
    with pytest.raises(InputError, match=rf"mine: config\.json gives no {name}"):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("t5-small", 60_506_624), ("t5-base", 222_903_552), ("t5-large", 737_668_096), ("t5-v1_1-base", 247_577_856)],
)
def test_shapes_are_those_of_the_released_weights(name, parameters):
    backbone = meta_backbone(recipe.load("backbones", name))
    assert {p.device.type for p in backbone.model.parameters()} == {"meta"}
    assert sum(p.numel() for p in backbone.model.parameters()) == parameters
    assert backbone.is_text_to_text
    assert backbone.model.config.decoder_start_token_id == 0


def test_a_made_one_has_the_shape_its_recipe_says():
    plan = PretrainSpec(vocabulary=200, layers=2, hidden=24, heads=3, intermediate=48, steps=1, architecture="t5")
    spec = BackboneSpec(name="x", pretrain=plan)
    meta = meta_backbone(spec)
    assert (meta.hidden_size, meta.layer_count) == (24, 2)
    assert len(meta.model.decoder.block) == 2
    assert meta.model.config.d_kv == 8
    assert meta.model.lm_head.weight.shape == (200, 24)
    assert shape_of(spec)["feed_forward_proj"] == "relu"
    gated = plan.model_copy(update={"gated": True})
    model = meta_backbone(BackboneSpec(name="x", pretrain=gated)).model
    assert model.config.is_gated_act
    assert sum(p.numel() for p in model.parameters()) > sum(p.numel() for p in meta.model.parameters())


@pytest.mark.parametrize("kind", ["t5", "bert"])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_t5_in_fp16_is_refused(kind, precision, tokenizer):
    refused = kind == "t5" and precision == "fp16"
    expected = pytest.raises(InputError, match="T5 overflows in fp16") if refused else nullcontext()
    with expected:
        require_precision(family_of(kind), precision)
    if kind == "t5":
        backbone = Backbone(made("1.0", tokenizer), tokenizer, family_of("t5"))
        expected = pytest.raises(InputError, match="bf16 or fp32") if refused else nullcontext()
        with expected:
            require_precision(backbone.family, precision)
