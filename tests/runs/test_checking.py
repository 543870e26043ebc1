"""`hxbench backbones check`: right families pass, and every kind of fault in an entry or a folder is told."""

import json
import re
import shutil

import pytest
import yaml
from command_line import hxbench
from stock_models import MODELS, write_stock
from tiny_decoders import save_decoder

from hxbench.backbones.load import load_backbone
from hxbench.runs.checking import TUNINGS, checks
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec

SAMPLE = ("electra", "modernbert", "umt5")  # decoders: `test_decoder_families`


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SAMPLE else pytest.mark.matrix) for name in MODELS]
)
def test_nothing_is_wrong_with_a_family_of_ours(name, tmp_path):
    found = {one.name: one for one in checks(write_stock(name, tmp_path / "own"))}
    assert [one for one in found.values() if one.wrong] == []
    assert {one.partition(", ")[0] for one in found} >= {
        "parts",
        "files",
        "stock model",
        "padding",
        "sites",
        *TUNINGS,
    }
    biased = load_backbone(BackboneSpec(name="own", folder=str(tmp_path / "own"))).biased()
    assert next(one.left_out for title, one in found.items() if title.startswith("BitFit")) != bool(biased)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("checked")
    return {name: save_decoder(name, root / name) for name in ("llama", "gpt2", "gemma2")}


WRONG = {  # by what is changed in an entry of ours: in which check it shows, and as what
    ("llama", "decoder: {projections: {gate: mlp.up}}"): ("parts", r"^llama\.yaml: decoder\.projections\.gate: "),
    ("llama", "decoder: {norms: [input_layernorm]}"): ("parts", r"norms: post_attention_layernorm .* not named"),
    ("llama", "decoder: {sites: {attention: mlp.gone}}"): ("parts", r"sites\.attention: the model has no module"),
    ("llama", "decoder: {layers: norm}"): ("parts", "norm is no list of layers"),
    ("llama", "words: norm"): ("parts", "words: norm is no table of embeddings"),
    ("llama", "width: hidden"): ("parts", "width: the configuration gives no number hidden"),
    ("llama", "key_heads: null"): ("LoRA, causal", "by the configuration there are"),
    ("llama", "tokens: [mask_token]"): ("files", "its tokenizer has no mask_token"),
    ("gpt2", "counts_positions: false"): ("padding", "padding on the left moves the states"),
    ("gemma2", "cap: null"): ("stock model", "logits: they differ by"),
    ("gemma2", "decoder: {sites: {parallel: {module: mlp, fed_by: mlp.down_proj}}}"): ("sites", "RuntimeError: "),
}  # fmt: skip


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_what_is_wrong_with_an_entry_is_said(name, change, folders, tmp_path):
    entry = tmp_path / "entry.yaml"
    entry.write_text(f"extends: {name}\n{change}\n")
    where, said = WRONG[name, change]
    wrong = {one.name: one.wrong for one in checks(folders[name], entry) if one.wrong}
    assert where in wrong, wrong
    assert re.search(said, " ".join(wrong[where])), wrong
    assert all(text.endswith(".") and "\n" not in text for texts in wrong.values() for text in texts)


def test_a_role_that_is_missing_is_named(folders, tmp_path):
    entry = recipe.load("families", "llama").model_dump(mode="json", exclude_defaults=True)
    del entry["decoder"]["projections"]["down"]
    entry["decoder"]["biases"].remove("down")
    (tmp_path / "entry.yaml").write_text(yaml.safe_dump(entry))
    [parts] = checks(folders["llama"], tmp_path / "entry.yaml")
    assert parts.wrong == (
        "llama.yaml: decoder.projections: mlp.down_proj of a layer is not named (Linear).",
        "llama.yaml: decoder.projections: no module has the role down.",
    )


def test_the_command_prints_and_ends_as_it_found(folders, tmp_path):
    right = hxbench("backbones", "check", str(folders["gpt2"]))
    assert right.code == 0, right.err
    assert max(map(len, right.out.splitlines())) <= 80
    assert "APET, causal              right" in right.out
    (tmp_path / "entry.yaml").write_text("extends: gpt2\ndecoder: {depth: n_layers}\n")
    wrong = hxbench("backbones", "check", str(folders["gpt2"]), "--family", str(tmp_path / "entry.yaml"), "--json")
    assert wrong.code == 1
    [row] = json.loads(wrong.out)
    assert (row["check"], row["result"]) == ("parts", "wrong")
    assert row["what"] == ["gpt2.yaml: decoder.depth: the configuration gives no number n_layers."]


def test_bad_input_is_one_sentence(folders, tmp_path):
    shutil.copytree(folders["gpt2"], tmp_path / "bird")
    config = json.loads((tmp_path / "bird" / "config.json").read_text())
    (tmp_path / "bird" / "config.json").write_text(json.dumps(config | {"model_type": "bird"}))
    (tmp_path / "none.yaml").write_text("[1")
    for words, said in (
        ((str(tmp_path / "gone"),), "there is no such folder"),
        ((str(tmp_path / "bird"),), "backbones of type 'bird' have no entry"),
        ((str(folders["gpt2"]), "--family", str(tmp_path / "none.yaml")), "not a readable YAML file"),
        ((str(folders["gpt2"]), "--family", str(tmp_path / "gone.yaml")), "No such file"),
    ):
        answer = hxbench("backbones", "check", *words)
        assert (answer.code, answer.out) == (2, "")
        assert said in answer.err
