"""Weights, configuration and tokenizer that do not belong together: each is refused, with what is wrong."""

import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from command_line import hxbench, write_profile
from safetensors.torch import load_file, save_file

from hxbench import places
from hxbench.backbones.load import folder_fingerprint, load_backbone, meta_backbone
from hxbench.errors import InputError
from hxbench.spec.backbone import BackboneSpec

LAYER = "bert.encoder.layer.1.output.dense.weight"


@pytest.fixture
def folder(tiny, tmp_path):
    """A copy of the small BERT of two layers, whose files may be changed."""
    copy = Path(shutil.copytree(places.cache_dir() / "backbones" / tiny.fingerprint, tmp_path / "bert"))
    (copy / "manifest.json").unlink()
    return copy


def loaded(folder, **others):
    return load_backbone(BackboneSpec(name="mine", folder=str(folder), **others))


def rewritten(folder, change):
    """Put `change` of the tensors in their place."""
    path = folder / "model.safetensors"
    tensors = change({name: tensor.clone() for name, tensor in load_file(path).items()})
    save_file(tensors, path, metadata={"format": "pt"})


def configured(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def without(*names):
    return lambda tensors: {name: t for name, t in tensors.items() if name not in names}


def renamed(old, new):
    return lambda tensors: {name.replace(old, new, 1): t for name, t in tensors.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renamed("bert.", "encoder."), r"\d\d tensors \(bert\..*, …\) missing; \d\d tensors \(enc.* left over"),
        (lambda tensors: tensors | {"foreign": torch.zeros(3)}, r"1 tensor \(foreign\) left over\.$"),
        (without(LAYER), rf"config\.json: 1 tensor \({LAYER}\) missing\.$"),
        (renamed("layer.1.", "layer.2."), r"gives 2 layers \(encoder\.layer\), but the weights have 3"),
        (without("cls.predictions.bias"), r"2 tensors \(cls\.predictions\.bias, .*\) missing"),
        (
            lambda tensors: tensors | {LAYER: torch.zeros(32, 60)},
            r"1 tensor \(.*dense\.weight 32×60 instead of 32×64\) of another shape",
        ),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(folder, change, said):
    rewritten(folder, change)
    with pytest.raises(InputError, match=said) as caught:
        loaded(folder)
    assert str(caught.value).startswith("backbone mine: ")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_hidden_layers": 1}, "gives 1 layers .* but the weights have 2"),
        ({"num_hidden_layers": 3}, "gives 3 layers .* but the weights have 2"),
        ({"num_hidden_layers": -1}, "num_hidden_layers"),
        ({"num_hidden_layers": 10_000_000}, "num_hidden_layers is 10000000"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"hidden_size": 36}, "of another shape"),
        ({"hidden_size": 90_000, "intermediate_size": 900_000}, r"parameters, but the weights have \d"),
        ({"vocab_size": 9_000_000}, r"parameters, but the weights have \d"),
        ({"vocab_size": 200}, "its tokenizer has ids up to .*, but its embeddings have 200 rows"),
        ({"vocab_size": "many"}, "vocab_size"),
    ],
)
@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_configurations_that_do_not_fit(folder, values, said, weights):
    configured(folder, **values)
    if weights == "random" and values == {"hidden_size": 36}:
        assert loaded(folder, weights=weights).hidden_size == 36, "they are of whatever width it says"
        return
    started = time.monotonic()
    with pytest.raises(InputError, match=said):
        loaded(folder, weights=weights)
    assert time.monotonic() - started < 20, "nothing of that size was made"


def test_a_shape_that_is_none_is_refused_before_it_is_made():
    for shape in ({"num_hidden_layers": 10_000_000}, {"num_attention_heads": 0}, {"hidden_size": "x"}):
        with pytest.raises(ValueError, match=r"expected a number from 1 to"):
            BackboneSpec(name="x", hub="a/b", shape={"model_type": "bert", **shape})
    with pytest.raises(InputError):
        meta_backbone(BackboneSpec(name="x", hub="a/b", shape={"vocab_size": 3}))


def test_weights_in_several_files_are_one_backbone(folder):
    whole, mark = loaded(folder).model.state_dict(), folder_fingerprint(folder)
    tensors = load_file(folder / "model.safetensors")
    parts = {"model-00001-of-00002.safetensors": {}, "model-00002-of-00002.safetensors": {}}
    for number, (name, tensor) in enumerate(tensors.items()):
        list(parts.values())[number % 2][name] = tensor.clone()
    for name, part in parts.items():
        save_file(part, folder / name, metadata={"format": "pt"})
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"metadata": {}, "weight_map": {t: name for name, part in parts.items() for t in part}})
    )
    split = loaded(folder).model.state_dict()
    assert all(torch.equal(whole[name], split[name]) for name in whole)
    assert folder_fingerprint(folder) != mark
    first, second = (folder / name for name in parts)
    before = folder_fingerprint(folder)
    save_file({n: t + 1 for n, t in load_file(second).items()}, second, metadata={"format": "pt"})
    assert folder_fingerprint(folder) != before, "every file counts"
    first.unlink()
    with pytest.raises(
        InputError, match=r"1 file \(model-00001-of-00002\.safetensors\) of the weights.*is missing"
    ):
        loaded(folder)
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"a": "../../other.safetensors"}}))
    with pytest.raises(InputError, match="no safetensors file of its folder"):
        loaded(folder)
    index.write_text("[]")
    with pytest.raises(InputError, match="is damaged"):
        loaded(folder)


def test_folders_that_are_no_backbones(folder, tmp_path):
    (folder / "tokenizer.json").rename(tmp_path / "kept")
    with pytest.raises(InputError, match=r"tokenizer\.json is missing, and there is no vocabulary file"):
        loaded(folder)
    (tmp_path / "kept").rename(folder / "tokenizer.json")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/other"}))
    with pytest.raises(InputError, match="holds an adapter"):
        loaded(folder)
    with pytest.raises(InputError, match="there is no such folder"):
        loaded(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kept", [0, 40, 0.5, -1])
def test_a_cut_file_is_one_sentence(folder, name, kept):
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if 0 < kept < 1 else kept])
    if name != "model.safetensors" and kept == -1:
        path.write_bytes(content.rstrip()[:-1])
    with pytest.raises(InputError) as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_tokenizer_without_the_tokens_of_batches(folder):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mask_token": None}))
    with pytest.raises(InputError, match="its tokenizer has no mask_token"):
        loaded(folder)


def test_the_command_says_it_in_one_sentence(folder, mirror, tmp_path):
    rewritten(folder, renamed("bert.", "encoder."))
    scale = write_profile(tmp_path, mirror)
    refused = hxbench(*scale.train("--partition", "a", "--backbone", folder, "--store", tmp_path / "store"))
    assert refused.code == 2, refused.err
    (said,) = [line for line in refused.err.splitlines() if "do not fit" in line]
    assert "bert.embeddings" in said
    assert "Traceback" not in refused.err
    assert not list((tmp_path / "store").glob("runs/*/metrics.jsonl"))
