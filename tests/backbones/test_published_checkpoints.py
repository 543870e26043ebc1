"""The shipped hub recipes: made-up checkpoints with the published lists of tensors load, whole and unchanged."""

import json
import re

import pytest
import torch
from published_keys import PUBLISHED, forms_of, listed
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

from hxbench.backbones.load import load_backbone
from hxbench.backbones.vocabularies import train_byte_pairs, train_unigram, train_wordpiece
from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec

LINES = ["the cat sat on the mat"] * 5
HUB = [name for name in recipe.recipe_names("backbones") if recipe.load("backbones", name).hub]
CASES = [(name, form) for name in HUB for form in forms_of(recipe.load("backbones", name).shape)]
SMALL = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
             "max_position_embeddings": 40},
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizers():
    return {
        "bert": train_wordpiece(LINES, 60),
        "t5": train_unigram(LINES, 100),
        "bloom": train_byte_pairs(LINES, 270),
    }


def written(folder, name, form, tokenizers, *, shards=1):
    """Write a checkpoint of a recipe's kind at small sizes; return its tensors."""
    shape = recipe.load("backbones", name).shape
    kind = shape["model_type"]
    tokenizer = tokenizers[kind]
    config = AutoConfig.for_model(**shape | SMALL[kind] | {"vocab_size": len(tokenizer)})
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sizes = {"H": 16, "F": 64 if kind == "bloom" else 24, "V": len(tokenizer), "P": 40, "T": 2, "A": 16, "Q": 48,
             "B": shape.get("relative_attention_num_buckets", 32), "N": 2}  # fmt: skip
    generator = torch.Generator().manual_seed(3)
    tensors = {n: torch.randn(s, generator=generator) for n, s in listed(form, sizes, 2).items()}
    for tied in ("cls.predictions.decoder.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
                 "lm_head.weight"):  # fmt: skip
        words = next(n for n in tensors if n.endswith(("word_embeddings.weight", "shared.weight")))
        if tied in tensors and not (tied == "lm_head.weight" and "1.1" in form):
            tensors[tied] = tensors[words].clone()
    if "cls.predictions.decoder.bias" in tensors:
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    if "bert.embeddings.position_ids" in tensors:
        tensors["bert.embeddings.position_ids"] = torch.arange(40)[None]
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return tensors
    files = {n: f"model-{i % shards + 1:05d}-of-{shards:05d}.safetensors" for i, n in enumerate(tensors)}
    for file in set(files.values()):
        part = {n: t for n, t in tensors.items() if files[n] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return tensors


def test_every_hub_recipe_is_tried():
    assert len(HUB) >= 10
    assert {form for _, form in CASES} == set(PUBLISHED)
    assert {name for name, _ in CASES} == set(HUB)


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_published_list_loads(name, form, tokenizers, tmp_path, capfd):
    tensors = written(tmp_path, name, form, tokenizers, shards=2 if name in ("bloom-7b1", "t5-v1_1-xxl") else 1)
    backbone = load_backbone(BackboneSpec(name=name, folder=str(tmp_path)))
    assert backbone.drawn == ()
    assert capfd.readouterr().err == ""
    state = backbone.model.state_dict()
    used, unplaced = set(), set()
    for own, value in state.items():
        released = re.sub(r"LayerNorm\.weight$", "LayerNorm.gamma", own)
        released = re.sub(r"LayerNorm\.bias$", "LayerNorm.beta", released)
        names = (own, own.removeprefix("transformer."), released)
        if found := [n for n in names if n in tensors]:
            assert torch.equal(value, tensors[found[0]]), own
            used.add(found[0])
        else:
            unplaced.add(own)
    beside = [n for n in tensors if n not in used]
    assert all(re.search(r"pooler|seq_relationship|position_ids|EncDecAttention\.rel", n) for n in beside), beside
    tied = r"predictions\.decoder\.(weight|bias)|lm_head\.weight|(en|de)coder\.embed_tokens\.weight"
    assert all(re.search(tied, own) for own in unplaced), unplaced


def test_an_output_matrix_of_its_own_has_to_be_there(tokenizers, tmp_path):
    """The library would tie it to the words and say nothing."""
    tensors = written(tmp_path, "t5-v1_1-base", "T5 1.1", tokenizers)
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"the weights lack lm_head\.weight"):
        load_backbone(BackboneSpec(name="x", folder=str(tmp_path)))


def test_stacks_of_a_t5_are_held_against_the_weights_each(tokenizers, tmp_path):
    written(tmp_path, "t5-base", "T5 1.0", tokenizers)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    for name, stack in (("num_layers", "encoder"), ("num_decoder_layers", "decoder")):
        path.write_text(json.dumps({**config, name: 1}))
        with pytest.raises(InputError, match=rf"gives 1 layers \({stack}\.block\), but the weights have 2"):
            load_backbone(BackboneSpec(name="x", folder=str(tmp_path)))


def test_an_encoder_saved_with_its_pooler_lacks_only_the_head(tokenizers, tmp_path):
    from transformers import AutoModel

    written(tmp_path, "mbert", "BERT, 2018", tokenizers)
    whole = load_backbone(BackboneSpec(name="x", folder=str(tmp_path)))
    AutoModel.from_pretrained(tmp_path).save_pretrained(tmp_path / "encoder")
    tokenizers["bert"].save_pretrained(tmp_path / "encoder")
    backbone = load_backbone(BackboneSpec(name="x", folder=str(tmp_path / "encoder")))
    assert backbone.drawn
    assert all(name.startswith("cls.predictions.") for name in backbone.drawn)
    body = backbone.body.state_dict()
    assert all(torch.equal(value, body[name]) for name, value in whole.body.state_dict().items())


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_robertas_of_any_age_load(kind, tokenizers, tmp_path):
    """No shipped recipe is one: as saved today, released with pooler and tied copies, and an encoder alone."""
    from transformers import AutoModel, AutoModelForMaskedLM

    config = AutoConfig.for_model(kind, vocab_size=60, pad_token_id=0, **SMALL["bert"])
    made = {"masked": AutoModelForMaskedLM.from_config(config), "bare": AutoModel.from_config(config)}
    for name, model in made.items():
        model.save_pretrained(tmp_path / name)
        tokenizers["bert"].save_pretrained(tmp_path / name)
    spec = BackboneSpec(name="x", folder=str(tmp_path / "masked"))
    assert load_backbone(spec).drawn == ()
    path = tmp_path / "masked" / "model.safetensors"
    tensors = load_file(path)
    words, bias = tensors["roberta.embeddings.word_embeddings.weight"], tensors["lm_head.bias"]
    beside = {"roberta.pooler.dense.weight": torch.zeros(16, 16), "roberta.pooler.dense.bias": torch.zeros(16)}
    beside |= {"roberta.embeddings.position_ids": torch.arange(40)[None]}
    tied = {"lm_head.decoder.weight": words.clone(), "lm_head.decoder.bias": bias.clone()}
    save_file({**tensors, **beside, **tied}, path, metadata={"format": "pt"})
    assert load_backbone(spec).drawn == ()
    backbone = load_backbone(BackboneSpec(name="x", folder=str(tmp_path / "bare")))
    assert "lm_head.dense.weight" in backbone.drawn
    assert all(name.startswith("lm_head.") for name in backbone.drawn)
    backbone.draw(3)
    assert backbone.mlm_head.decoder.weight is backbone.body.get_input_embeddings().weight
    assert torch.equal(backbone.mlm_head.layer_norm.weight, torch.ones(16))
