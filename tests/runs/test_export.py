"""Exported adapters: the run's own logits without its hypernetwork, and nothing half-written."""

import importlib
import json
import re

import pytest
import torch
from miniature import TINY, resolved, spec_for
from safetensors.torch import load_file

from hxbench.answering.answer import Condition
from hxbench.backbones.load import Backbone
from hxbench.errors import InputError
from hxbench.methods import exported
from hxbench.methods.full import Full
from hxbench.methods.method import Method, Setup
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.export import _probe, export
from hxbench.runs.exported import load_exported
from hxbench.runs.finished import restore
from hxbench.spec.settings import Pair

PAIRS = [Pair("pos", "ug"), Pair("ner", "fo"), Pair("pos", "sa")]  # of the last there are no data at all


def logits(method, pair):
    method.eval()
    with torch.no_grad():
        return method.logits(_probe(pair, 300))


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_an_export_gives_the_logits_of_the_run_bit_for_bit(pair, variant, trained, tmp_path):
    record = trained(variant=variant)
    export(record, task=pair.task, language=pair.language, out=tmp_path / "adapter")
    method, _ = restore(record)
    wanted = logits(method, pair)
    found, _ = load_exported(tmp_path / "adapter")
    assert torch.equal(logits(found, pair), wanted)
    untrained = get_backbone(record.spec.backbone)
    assert not torch.equal(logits(_bare(untrained, found), pair), wanted), "the adapters do something"
    names = [*load_file(tmp_path / "adapter" / exported.WEIGHTS)]
    assert any(".norm." in name for name in names) == (variant == "code")
    assert not [name for name in names if "generator" in name or "embeddings.tables" in name]


def _bare(backbone: Backbone, like):
    bare = Full(Setup(backbone, (like.config.task,)), Full.Options())
    bare.answering.heads.load_state_dict(like.answering.heads.state_dict())
    return bare


@pytest.mark.parametrize("pair", PAIRS[:2], ids=str)
def test_an_export_tags_a_split_as_the_run_does(pair, trained, corpora, tmp_path):
    record = trained()
    export(record, task=pair.task, language=pair.language, out=tmp_path / "adapter")
    found, backbone = load_exported(tmp_path / "adapter")
    spec, plan = resolved(spec_for(), corpora)
    data = RunData(spec, plan, corpora, backbone)
    tagged = data.score(found, pair, "test")
    assert tagged.predicted == record.predictions(*pair)["predicted"]


def test_the_configuration_says_what_it_is_and_where_it_acts(trained, tmp_path):
    record = trained()
    out = tmp_path / "new" / "adapter"
    export(record, task="ner", language="fo", out=out)
    assert sorted(path.name for path in out.iterdir()) == sorted(exported.FILES)
    assert [path.name for path in out.parent.iterdir()] == ["adapter"]
    config = json.loads((out / "config.json").read_text())
    assert (config["task"], config["language"], config["language_name"]) == ("ner", "fo", "Faroese")
    assert config["labels"][:3] == ["O", "B-PER", "I-PER"]
    assert (config["layers"], config["hidden"], config["bottleneck"]) == (2, 32, 8)
    assert config["backbone"]["fingerprint"] == record.spec.backbone.fingerprint
    assert config["origin"]["run"] == record.id
    assert "before the residual and LayerNorm" in config["placement"]
    assert "AdapterHub" in config["compatibility"]
    digests = json.loads((out / "manifest.json").read_text())
    assert digests.keys() == {"adapter.safetensors", "config.json"}
    shapes = {name: tuple(t.shape) for name, t in load_file(out / exported.WEIGHTS).items()}
    assert shapes["layers.1.down.weight"] == (8, 32)
    assert shapes["layers.1.up.weight"] == (32, 8)
    assert shapes["head.weight"] == (7, 32)
    assert sum(name.startswith("body.") for name in shapes) == 2 * (1 + 2 * 2)


def test_adapters_are_for_one_pair_alone(trained, tmp_path):
    export(trained(), task="ner", language="fo", out=tmp_path / "adapter")
    found, _ = load_exported(tmp_path / "adapter")
    assert found.trained() == {}
    for task, language in (("ner", "is"), ("pos", "fo")):
        with pytest.raises(ValueError, match="ner-fo alone"):
            found.weights(Condition(task, language, 0, torch.zeros(1, dtype=torch.long)))


@pytest.mark.parametrize(
    ("task", "language", "said"),
    [
        ("ner", "fr", "unknown language 'fr'"),
        ("nre", "fo", "unknown task 'nre'. Did you mean rte or ner?"),
        (None, "fo", "has heads for ner and pos: say which with --task"),
    ],
)
def test_what_the_run_does_not_have_is_refused(task, language, said, trained, tmp_path):
    with pytest.raises(InputError, match=said):
        export(trained(), task=task, language=language, out=tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_methods_without_adapters_are_told_apart(trained, tmp_path):
    with pytest.raises(InputError, match="mbert generates no adapters that could be exported"):
        export(trained("mbert"), task="ner", language="fo", out=tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_does_more_than_it_says_is_refused(trained, tmp_path, monkeypatch):
    from hxbench.methods.hyperx import HyperX

    plain = Method.logits
    monkeypatch.setattr(HyperX, "logits", lambda self, batch: plain(self, batch) * 2, raising=False)
    with pytest.raises(InputError, match="would predict something else"):
        export(trained(), task="ner", language="fo", out=tmp_path / "adapter")
    assert list(tmp_path.iterdir()) == []


def test_random_weights_are_not_exported(trained, tmp_path):
    record = trained(backbone=TINY.model_copy(update={"weights": "random"}))
    with pytest.raises(InputError, match="stands on random weights"):
        export(record, task="ner", language="fo", out=tmp_path / "adapter")


def test_what_is_there_is_not_overwritten(trained, tmp_path):
    out = tmp_path / "adapter"
    out.mkdir()
    export(trained(), task="ner", language="fo", out=out)  # into an empty folder
    first = (out / exported.WEIGHTS).read_bytes()
    with pytest.raises(InputError, match="holds an export already: --force"):
        export(trained(), task="ner", language="en", out=out)
    assert (out / exported.WEIGHTS).read_bytes() == first
    export(trained(), task="ner", language="en", out=out, force=True)
    assert json.loads((out / "config.json").read_text())["language"] == "en"
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    (out / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds other files"):
        export(trained(), task="ner", language="fo", out=out, force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder"):
        export(trained(), task="ner", language="fo", out=tmp_path / "file", force=True)


def test_damage_and_another_backbone_are_named(trained, tmp_path, corpora):
    out = tmp_path / "adapter"
    export(trained(), task="ner", language="fo", out=out)
    config = exported.read_config(out)
    wide = config.model_copy(update={"hidden": 64})
    other = tmp_path / "other"
    other.mkdir()
    exported.write_exported(other, wide, load_file(out / exported.WEIGHTS))
    with pytest.raises(InputError, match="2 layers of width 64"):
        load_exported(other)
    content = bytearray((out / exported.WEIGHTS).read_bytes())
    content[-3] ^= 1
    (out / exported.WEIGHTS).write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        load_exported(out)
    (out / "manifest.json").unlink()
    with pytest.raises(InputError, match="no whole export"):
        load_exported(out)


def test_an_export_names_the_function_that_loads_it():
    said = re.search(r"(hxbench(?:\.\w+)+)\.(\w+) does", exported.COMPATIBILITY)
    assert getattr(importlib.import_module(said[1]), said[2]) is load_exported
