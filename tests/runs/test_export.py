"""Exported adapters: the run's own logits without its hypernetwork, and nothing half-written."""

import importlib
import json
import pickle
import re
import shutil

import pytest
import torch
from miniature import TINY, resolved, spec_for
from safetensors.torch import load_file, save_file
from sampled import one_in

from hxbench import manifest, places
from hxbench.answering.answer import Condition
from hxbench.backbones.backbone import Backbone
from hxbench.errors import InputError
from hxbench.methods.full import Full
from hxbench.methods.method import Method, Setup
from hxbench.runs import export_format
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.export import _probe, export
from hxbench.runs.exported import load_exported
from hxbench.runs.finished import restore
from hxbench.runs.predictor import predictor_of_export
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.settings import Pair

PAIRS = [Pair("pos", "ug"), Pair("ner", "fo"), Pair("pos", "sa")]  # of the last there are no data at all


def logits(method, pair):
    method.eval()
    with torch.no_grad():
        return method.logits(_probe(method, pair))


@pytest.mark.parametrize("variant", one_in(2, ["paper", "code"]))
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
    names = [*load_file(tmp_path / "adapter" / export_format.WEIGHTS["adapter"])]
    assert any(".norm." in name for name in names) == (variant == "code")
    assert not [name for name in names if "generator" in name or "embeddings.tables" in name]


def _bare(backbone: Backbone, like):
    bare = Full(Setup(backbone, (like.tasks[0],)), Full.Options())
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
    names = ["adapter.safetensors", "export.json", "load_adapter.py", "manifest.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert [path.name for path in out.parent.iterdir()] == ["adapter"]
    config = json.loads((out / "export.json").read_text())
    assert (config["task"], config["language"], config["language_name"]) == ("ner", "fo", "Faroese")
    assert config["labels"][:3] == ["O", "B-PER", "I-PER"]
    assert [(one["layer"], one["position"]) for one in config["options"]["sites"]] == [
        (0, "ffn_output"), (1, "ffn_output")
    ]  # fmt: skip
    assert config["options"]["sites"][1]["at"]["module"] == "encoder.layer.1.output.dropout"
    assert config["backbone"]["fingerprint"] == record.spec.backbone.fingerprint
    assert config["origin"]["run"] == record.id
    assert "x + up(f(down(x)))" in config["placement"]
    assert "AdapterHub" in config["compatibility"]
    digests = json.loads((out / "manifest.json").read_text())
    assert digests.keys() == {*names} - {"manifest.json"}
    shapes = {name: tuple(t.shape) for name, t in load_file(out / export_format.WEIGHTS["adapter"]).items()}
    assert shapes["sites.1.0.down.weight"] == (8, 32)
    assert shapes["sites.1.0.up.weight"] == (32, 8)
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
    with pytest.raises(InputError, match=r"\(psf\) cannot be exported: it has no adapters, and no form that peft"):
        export(trained("psf"), task="ner", language="fo", out=tmp_path / "adapter")
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
    first = (out / export_format.WEIGHTS["adapter"]).read_bytes()
    with pytest.raises(InputError, match="holds an export already: --force"):
        export(trained(), task="ner", language="en", out=out)
    assert (out / export_format.WEIGHTS["adapter"]).read_bytes() == first
    export(trained(), task="ner", language="en", out=out, force=True)
    assert json.loads((out / "export.json").read_text())["language"] == "en"
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    (out / "__pycache__").mkdir()  # somebody has imported the loader
    export(trained(), task="ner", language="en", out=out, force=True)
    (out / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="holds other files"):
        export(trained(), task="ner", language="fo", out=out, force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder"):
        export(trained(), task="ner", language="fo", out=tmp_path / "file", force=True)


def test_damage_and_another_backbone_are_named(trained, tmp_path, tiny):
    out, changed = tmp_path / "adapter", get_backbone(tiny)
    changed.body.embeddings.LayerNorm.bias.data[0] += 1
    export(trained(), task="ner", language="fo", out=out)
    with pytest.raises(InputError, match="is for other weights of tiny than these"):
        load_exported(out, changed)
    content = bytearray((out / export_format.WEIGHTS["adapter"]).read_bytes())
    content[-3] ^= 1
    (out / export_format.WEIGHTS["adapter"]).write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        load_exported(out)
    (out / "manifest.json").unlink()
    with pytest.raises(InputError, match="no whole export"):
        load_exported(out)


def test_an_export_names_the_function_that_loads_it():
    said = re.search(r"(hxbench(?:\.\w+)+)\.(\w+)\.$", export_format.COMPATIBILITY)
    assert getattr(importlib.import_module(said[1]), said[2]) is load_exported


def test_an_export_of_before_is_read_as_one_of_now(trained, tmp_path):
    now, before = tmp_path / "now", tmp_path / "before"
    said = export(trained(variant="code"), task="ner", language="fo", out=now)
    wanted = logits(load_exported(now)[0], Pair("ner", "fo"))
    for body in (list(said.body), None):
        as_before(now, before, body=body)
        found, _ = load_exported(before)
        assert torch.equal(logits(found, Pair("ner", "fo")), wanted)
        assert export_format.read_export(before)[0].reading.max_length == 32
        shutil.rmtree(before)
    as_before(now, before, backbone={"name": "x", "folder": "../x"})
    with pytest.raises(InputError, match="the folder of a backbone is only its name"):
        load_exported(before)
    shutil.rmtree(before)
    as_before(now, before, body=[], task="pos")
    with pytest.raises(InputError, match="its labels of pos are not those of this version"):
        load_exported(before)


def as_before(now, folder, **changes):
    """Write an export as version 1 wrote it."""
    said, tensors = json.loads((now / "export.json").read_text()), load_file(now / "adapter.safetensors")
    config = {name: said[name] for name in ("task", "language", "language_name", "labels", "backbone", "origin")}
    config |= {"format": "hxbench-adapter", "format_version": 1, "layers": 2, "hidden": 32, "bottleneck": 8}
    config |= {"backbone_weights": said["backbone_weights"], "activation": "relu", "layer_norm": True}
    config |= {"max_length": 32, "label_token": "first", "placement": "…", "compatibility": "…"} | changes
    folder.mkdir()
    old = {re.sub(r"^sites\.(\d+)\.0\.", r"layers.\1.", name): tensor for name, tensor in tensors.items()}
    save_file(old, folder / "adapter.safetensors")
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    manifest.write(folder)


def _said(change):
    """Return a change of what an export says of itself."""
    return lambda folder: (folder / "export.json").write_text(
        json.dumps(change(json.loads((folder / "export.json").read_text())))
    )


def _site(number, **values):
    def change(said):
        said["options"]["sites"][number] |= values
        return said

    return _said(change)


HOSTILE = {
    "no JSON": (lambda folder: (folder / "export.json").write_text("{"), "export.json: not readable as JSON"),
    "a list": (lambda folder: (folder / "export.json").write_text("[]"), "expected a JSON object"),
    "another format": (_said(lambda said: said | {"format_version": 3}), "format_version"),
    "more": (_said(lambda said: said | {"code": "x"}), "unknown field 'code'"),
    "a path": (
        _said(lambda said: said | {"backbone": {"name": "x", "folder": "../../etc"}}),
        "the folder of a backbone is only its name",
    ),
    "the folder above": (
        _said(lambda said: said | {"backbone": {"name": "x", "folder": ".."}}),
        "the folder of a backbone is only its name",
    ),
    "a method": (_said(lambda said: said | {"method": "hyperx"}), "names the method that takes it"),
    "no such method": (
        _said(lambda said: said | {"kind": "peft", "method": "os.system"}), "unknown method kind 'os.system'",
    ),
    "a method without the form": (
        _said(lambda said: said | {"kind": "peft", "method": "hyperx", "options": {}}),
        "does not take what peft saves",
    ),
    "another task": (_said(lambda said: said | {"task": "pos"}), "its labels of pos are not those"),
    "another answer": (_said(lambda said: said | {"answers": "class"}), "answers by class, which tiny does not"),
    "no such layer": (_site(1, layer=9), "adapters at ffn_output of layer 9, but this BERT has no such site"),
    "no such place": (_site(1, position="__class__"), "adapters at __class__ of layer 1"),
    "more adapters": (
        _site(1, adapters=2, position="ffn_output_normed"), r"sites\.1\.1\.down\.weight is missing",
    ),
    "a stack": (_site(1, adapters=2, position="attention_output"), "takes one adapter, not 2"),
    "a million adapters": (_site(1, adapters=1_000_000), "less than or equal to 8"),
    "fewer sites": (
        _said(lambda said: said | {"options": {"sites": said["options"]["sites"][:1]}}), "tensors are left over",
    ),
    "a pickle": (
        lambda folder: (folder / "adapter.safetensors").write_bytes(pickle.dumps({"x": 1})), "cannot be read",
    ),
    "a link": (
        lambda folder: ((folder / "export.json").unlink(), (folder / "export.json").symlink_to("/etc/hostname")),
        "not a regular file",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def good(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "adapter"
    export(trained(), task="ner", language="fo", out=folder)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_what_others_made_is_hostile_until_it_is_checked(name, good, tmp_path):
    change, said = HOSTILE[name]
    folder = tmp_path / "adapter"
    shutil.copytree(good, folder)
    if name in ("no such method", "a method without the form"):
        shutil.copyfile(folder / "adapter.safetensors", folder / "adapter_model.safetensors")
    change(folder)
    manifest.write(folder)
    with pytest.raises(InputError, match=said) as error:
        load_exported(folder)
    assert "\n" not in str(error.value)


def test_the_loader_that_lies_beside_is_never_run(good, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(good, folder)
    (folder / "load_adapter.py").write_text("raise SystemExit('run')")
    manifest.write(folder)
    load_exported(folder)


def test_a_local_backbone_is_found_beside_the_export_or_named(trained, tiny, tmp_path, monkeypatch):
    own = tmp_path / "one" / "mine"
    shutil.copytree(places.cache_dir() / "backbones" / tiny.fingerprint, own)
    record = trained(backbone=BackboneSpec(name="mine", folder=str(own)))
    out = tmp_path / "two" / "adapter"
    export(record, task="ner", language="fo", out=out)
    assert json.loads((out / "export.json").read_text())["backbone"]["folder"] == "mine"
    assert str(tmp_path) not in (out / "export.json").read_text()
    fingerprint = record.spec.backbone.fingerprint
    with pytest.raises(InputError, match=rf"stands on the local backbone mine \[{fingerprint}\].*--backbone"):
        load_exported(out)
    (tmp_path / "two" / "mine").mkdir()  # another of that name
    with pytest.raises(InputError, match="--backbone"):
        load_exported(out)
    predictor_of_export(out, None, None, backbone=own).load()
    monkeypatch.chdir(own.parent)
    load_exported(out)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two" / "mine").rmdir()
    (tmp_path / "two" / "mine").symlink_to(own)
    load_exported(out)


def test_a_backbone_that_is_gone_is_named(trained, good, tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"adapter stands on backbone tiny \[\w+\], .* hxbench prepare makes it"):
        load_exported(good)
