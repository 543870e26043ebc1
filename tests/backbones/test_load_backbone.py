"""Backbones from folders: what is read, what is refused, and what a fingerprint covers."""

import shutil
from pathlib import Path

import pytest
import torch
from miniature import TINY

from hxbench import places
from hxbench.backbones.load import folder_fingerprint, load_backbone, meta_backbone
from hxbench.backbones.shape import shape_of
from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.errors import InputError
from hxbench.spec.backbone import BackboneSpec


@pytest.fixture
def folder(tiny, tmp_path):
    """A local backbone of the test's own: a copy of the small one."""
    return Path(shutil.copytree(places.cache_dir() / "backbones" / tiny.fingerprint, tmp_path / "bert"))


def spec_of(folder, **others):
    return BackboneSpec(name="mine", folder=str(folder), **others)


def test_a_folder_gives_model_tokenizer_and_map(folder):
    backbone = load_backbone(spec_of(folder))
    assert (backbone.hidden_size, backbone.layer_count) == (32, 2)
    assert backbone.body is backbone.model.bert
    assert backbone.tokenizer.tokenize("ban")
    assert backbone.model.config.vocab_size == len(backbone.tokenizer)
    assert {p.dtype for p in backbone.model.parameters()} == {torch.float32}


def test_random_weights_have_the_same_shape_and_other_values(folder):
    trained, control = load_backbone(spec_of(folder)), load_backbone(spec_of(folder, weights="random"))
    one, other = trained.model.state_dict(), control.model.state_dict()
    assert {n: t.shape for n, t in one.items()} == {n: t.shape for n, t in other.items()}
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(one[name], other[name])
    torch.manual_seed(99)  # whatever was drawn before
    before = torch.get_rng_state()
    again = load_backbone(spec_of(folder, weights="random")).model
    assert torch.equal(other[name], again.state_dict()[name]), "what was trained on them finds them again"
    assert torch.equal(before, torch.get_rng_state())


def test_a_flipped_byte_is_named(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_missing_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        folder_fingerprint(folder)
    with pytest.raises(InputError, match=name):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_fingerprint_covers_every_file(folder, name):
    before = folder_fingerprint(folder)
    assert folder_fingerprint(folder) == before
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert folder_fingerprint(folder) != before


def test_pickled_weights_are_never_read(folder):
    (folder / "manifest.json").unlink()
    torch.save(load_backbone(spec_of(folder)).model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        InputError,
        match=r"pickled weights such as pytorch_model\.bin are never loaded.*\.save_pretrained\(",
    ):
        load_backbone(spec_of(folder))


def test_a_family_without_a_map_is_refused(folder):
    (folder / "manifest.json").unlink()
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"model_type": "bert"', '"model_type": "ctrl"'))
    with pytest.raises(InputError, match="'ctrl' have no entry"):
        load_backbone(spec_of(folder))


def test_a_hub_name_that_is_not_here_says_so_offline():
    with pytest.raises(InputError, match=r"owner/none.*not in the local cache.*--offline"):
        load_backbone(BackboneSpec(name="x", hub="owner/none"), offline=True)


def test_the_meta_backbone_has_the_shape_and_no_weights(tiny):
    meta = meta_backbone(tiny)
    assert {p.device.type for p in meta.model.parameters()} == {"meta"}
    assert (meta.hidden_size, meta.layer_count) == (32, 2)
    assert shape_of(TINY)["vocab_size"] == 300


LINES = ["the cat, the dog", "Über dämliche 猫 cats"] * 3


def test_a_vocabulary_is_the_same_every_time(mirror):
    # many ties: every word of the first lines is equally frequent
    lines = [*LINES, *(mirror / "text" / "en.txt").read_text().splitlines()]
    vocabularies = [train_wordpiece(lines, 150).get_vocab() for _ in range(5)]
    assert all(vocabulary == vocabularies[0] for vocabulary in vocabularies)
    assert sorted(vocabularies[0].values()) == list(range(150))


def test_a_vocabulary_can_be_read_line_by_line():
    assert train_wordpiece(iter(LINES), 60).get_vocab() == train_wordpiece(LINES, 60).get_vocab()


def test_a_vocabulary_splits_as_bert_does_and_keeps_case_and_accents():
    tokenizer = train_wordpiece(LINES, 200)
    assert [tokenizer.convert_ids_to_tokens(i) for i in range(5)] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.tokenize("the cat,猫Über") == ["the", "cat", ",", "猫", "Über"]
    assert tokenizer.tokenize("dämliche dog Dog") == ["dämliche", "dog", "[UNK]"]
    assert sorted(tokenizer.all_special_tokens) == ["[CLS]", "[MASK]", "[PAD]", "[SEP]", "[UNK]"], "and no piece"
    assert "##d" not in tokenizer.get_vocab(), "d never stands behind the first place"
    assert {"d", "##o", "##g"} <= tokenizer.get_vocab().keys()
    assert tokenizer("the").input_ids[0] == tokenizer.cls_token_id
    assert tokenizer("the").input_ids[-1] == tokenizer.sep_token_id
