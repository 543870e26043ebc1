"""Entries that are proposed for families without one: extended where another fits, else by usual names."""

import pytest
import torch
import yaml
from transformers import AutoConfig

from hxbench.backbones.entry import unnamed_parts, wrong_parts
from hxbench.backbones.proposal import proposed_entry
from hxbench.backbones.shape import new_model
from hxbench.spec import recipe

SHAPE = {"num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
FAMILIES = {"ernie": "bert", "granite": "llama", "olmo2": "", "phi": "", "codegen": "", "nomic_bert": ""}


def proposed(kind, folder, **shape):
    AutoConfig.for_model(kind, **{"vocab_size": 40, **shape}).save_pretrained(folder)
    return proposed_entry(kind, folder)


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_is_proposed_names_every_part_of_the_model(kind, tmp_path):
    own = {"n_layer": 2, "n_embd": 16, "n_head": 2, "rotary_dim": 4} if kind == "codegen" else SHAPE
    text = proposed(kind, tmp_path, **own)
    assert yaml.safe_load(text).get("extends", "") == FAMILIES[kind]
    (tmp_path / "entry.yaml").write_text(text)
    found = recipe.family_in(tmp_path / "entry.yaml", kind)
    with torch.device("meta"):
        model = new_model(AutoConfig.from_pretrained(tmp_path), found)
    assert [*wrong_parts(model, found), *unnamed_parts(model, found)] == []
    assert 2 < len(text.splitlines()) < 31


def test_what_cannot_be_told_is_said(tmp_path):
    mamba = proposed("mamba", tmp_path / "mamba", num_hidden_layers=2, hidden_size=16)
    assert "    ffn: unknown\n" in mamba
    assert "    # which role has mixer.in_proj?\n" in mamba
    assert "# Two stacks" in proposed("pegasus", tmp_path / "pegasus", encoder_layers=2)
    (tmp_path / "config.json").write_text('{"model_type": "ours", "auto_map": {"AutoConfig": "code.Ours"}}')
    assert proposed_entry("ours", tmp_path).startswith("# The library knows no language model of this type")
