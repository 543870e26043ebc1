"""A finished run taken up again: its weights, its labels and its backbone have to be those it had."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from miniature import resolved, spec_for
from older_runs import reseal
from safetensors.torch import load_file, save_file

from hxbench import manifest, places
from hxbench.errors import InputError
from hxbench.runs.backbone import fingerprint
from hxbench.runs.export import export
from hxbench.runs.export_format import WEIGHTS
from hxbench.runs.exported import load_exported
from hxbench.runs.finished import restore
from hxbench.runs.predictor import predictor_of_run
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec
from hxbench.store import Store


def copied(record, tmp_path):
    """Return the run in a store of the test's own."""
    target = tmp_path / "store" / "runs" / record.id
    shutil.copytree(record.folder, target)
    return Store(tmp_path / "store").get(record.id)


def rewritten(folder, name, change):
    """Change the tensors of a folder as one would who writes its manifest as well."""
    tensors = change({n: t.clone() for n, t in load_file(folder / name).items()})
    save_file(tensors, folder / name)
    (folder / manifest.NAME).unlink()
    manifest.write(folder)
    if folder.name == "checkpoint":
        reseal(folder.parent)


def without_first(tensors):
    return dict(sorted(tensors.items())[1:])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_first, r"do not fit this method \(tensors 1 missing, such as "),
        (lambda tensors: tensors | {"foreign": torch.zeros(2)}, r"1 left over, such as foreign"),
        (
            lambda tensors: {n: t.flatten() if t.dim() > 1 else t for n, t in tensors.items()},
            r"has shape \(\d+,\), not",
        ),
    ],
)
def test_weights_that_are_not_the_methods(trained, tmp_path, change, said):
    record = copied(trained(), tmp_path)
    rewritten(record.folder / "checkpoint", "model.safetensors", change)
    with pytest.raises(InputError, match=said):
        restore(record)
    with pytest.raises(InputError, match=said):
        export(record, task="pos", language="en", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match=said):
        predictor_of_run(record, "pos", "en").load()


def test_labels_are_those_the_run_had(trained, tmp_path):
    record = trained()
    said = record.provenance()["labels"]
    assert len(said["pos"]) == 18
    assert said["ner"][:2] == ["O", "B-PER"]
    for names in (said["pos"][::-1], said["pos"][:-1], "none"):
        other = copied(record, tmp_path)
        path = other.folder / "provenance.json"
        path.write_text(json.dumps(other.provenance() | {"labels": said | {"pos": names}}))
        reseal(other.folder)
        other = Store(tmp_path / "store").get(record.id)
        with pytest.raises(InputError, match=r"labels of pos, which are not the 18 of this version"):
            restore(other)
        shutil.rmtree(tmp_path / "store")
    older = copied(record, tmp_path)  # a run of before, which did not say
    path = older.folder / "provenance.json"
    path.write_text(json.dumps({k: v for k, v in older.provenance().items() if k != "labels"}))
    reseal(older.folder)
    restore(Store(tmp_path / "store").get(record.id))


@pytest.fixture
def on_a_folder(tiny, corpora, tmp_path):
    """A finished run on a local backbone."""
    folder = Path(shutil.copytree(places.cache_dir() / "backbones" / tiny.fingerprint, tmp_path / "bert"))
    body = BackboneSpec(name="bert", folder=str(folder))
    body = body.model_copy(update={"fingerprint": fingerprint(body, corpora)})
    spec, plan = resolved(spec_for(backbone=body, training={"updates": 4, "evaluate_every": 4}), corpora)
    store = Store(tmp_path / "own")
    run(spec, plan, corpora, store)
    return store.get(spec.run_id), folder


def test_a_backbone_that_moved_or_changed_is_told(on_a_folder, tmp_path):
    record, folder = on_a_folder
    restore(record)
    folder.rename(tmp_path / "elsewhere")
    for use in (lambda: restore(record), lambda: predictor_of_run(record, "pos", "en").load()):
        with pytest.raises(InputError, match=r"the local backbone bert is no longer at .*bring it back"):
            use()
    _, moved = restore(record, folder=tmp_path / "elsewhere")
    assert moved.hidden_size
    (tmp_path / "elsewhere").rename(folder)
    rewritten(folder, "model.safetensors", lambda tensors: {n: t + 1 for n, t in tensors.items()})
    with pytest.raises(InputError, match=r"the local backbone bert at .* has other files than it had"):
        restore(record)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda tensors: tensors | {"layers.7.up.bias": torch.zeros(2)},
            r"left over \(1, such as layers",
        ),
        (
            lambda tensors: {n: t for n, t in tensors.items() if n != "body.embeddings.LayerNorm.weight"},
            r"not those that export\.json names",
        ),
        (lambda tensors: {n: t for n, t in tensors.items() if n != "head.bias"}, "missing, such as head.bias"),
    ],
)
def test_an_export_with_other_tensors_is_refused(trained, tmp_path, change, said):
    export(trained(), task="pos", language="en", out=tmp_path / "adapter")
    rewritten(tmp_path / "adapter", WEIGHTS["adapter"], change)
    with pytest.raises(InputError, match=said):
        load_exported(tmp_path / "adapter")
