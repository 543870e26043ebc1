"""Copying runs between stores."""

import pytest

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.run_spec import FewShotSpec
from hxbench.store import DamagedRun, Store

FEW = FewShotSpec(task="pos", language="qab", k=5)
COUNTS = {"task": ["pos"], "language": ["qab"], "correct": [1], "predicted": [2], "gold": [2]}


def _finished(store: Store, few_shot: FewShotSpec | None = None) -> str:
    spec = recipe.resolve("mbert", setting="multi").model_copy(update={"few_shot": few_shot})
    with store.open_run(spec) as writer:
        writer.write_sentence_counts(COUNTS)
        writer.write_history([{"step": 1, "loss": 2.0}])
        writer.write_predictions("pos", "qab", {"sentence": [0], "gold": [["X", "X"]], "predicted": [["X", "Y"]]})
        writer.write_metrics(
            [{"split": "test", "task": "pos", "language": "qab", "metric": "accuracy", "value": 50.0}]
        )
        (writer.folder / "checkpoint").mkdir()
        (writer.folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
        writer.finish()
    return spec.run_id


@pytest.mark.parametrize("few_shot", [None, FEW])
def test_a_copy_has_what_is_published_and_no_labels(tmp_path, few_shot):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here, few_shot)
    folder = here.copy(run_id, there)
    assert there.get(run_id).metrics() == here.get(run_id).metrics()
    kept = {"spec.yaml", "status.json", "metrics.jsonl", "manifest.json"}
    kept |= set() if few_shot else {"history.jsonl", "sentences.parquet"}
    assert {path.name for path in folder.iterdir()} == kept
    assert few_shot or there.get(run_id).sentence_counts() == {("pos", "qab"): [(1, 2, 2)]}
    assert (here.get(run_id).folder / "checkpoint").exists()
    assert here.copy(run_id, there) == folder  # again: what is there is kept


def test_an_unfinished_run_is_not_copied(tmp_path):
    here = Store(tmp_path / "here")
    spec = recipe.resolve("mbert", setting="multi")
    with here.open_run(spec):
        pass
    with pytest.raises(InputError, match="not finished"):
        here.copy(spec.run_id, Store(tmp_path / "there"))


def test_a_copy_follows_no_link_and_has_no_file_that_no_run_has(tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here)
    folder = here.root / "runs" / run_id
    (tmp_path / "secret").write_text("secret")
    (folder / "provenance.json").symlink_to(tmp_path / "secret")
    (folder / "notes.txt").write_text("private")
    (folder / "spec.yaml.bak").symlink_to(tmp_path / "secret")
    copied = here.copy(run_id, there)
    names = {path.name for path in copied.iterdir()}
    assert names == {
        "spec.yaml",
        "status.json",
        "metrics.jsonl",
        "history.jsonl",
        "sentences.parquet",
        "manifest.json",
    }
    assert (copied / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()
    assert [record.id for record in there.runs()] == [run_id]


@pytest.mark.parametrize("name", ["history.jsonl", "sentences.parquet", "status.json"])
def test_a_run_that_does_not_fit_its_manifest_is_not_copied(tmp_path, name):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here)
    path = here.root / "runs" / run_id / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DamagedRun, match=f"{name} is not the file"):
        here.copy(run_id, there)
    assert not (there.root / "runs").exists() or not list((there.root / "runs").iterdir())


def test_a_damaged_run_in_the_target_is_not_taken_for_the_copy(tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here)
    (here.copy(run_id, there) / "metrics.jsonl").write_text("")
    with pytest.raises(InputError, match=f"hxbench runs rm {run_id} --store {there.root}"):
        here.copy(run_id, there)


@pytest.mark.parametrize("place", ["here", "here/runs", "here/runs/deeper", "here/runs/../../here", "link"])
def test_a_target_inside_its_source_is_refused(tmp_path, place):
    here = Store(tmp_path / "here")
    run_id = _finished(here)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    for source, target in ((here, Store(tmp_path / place)), (Store(tmp_path / place), here)):
        with pytest.raises(InputError, match=r"the store itself|lies among the runs"):
            source.copy(run_id, target)
    assert len(here.runs()) == 1


def test_the_usual_place_for_what_is_published_lies_beside_the_runs(tmp_path):
    here = Store(tmp_path / "results")
    run_id = _finished(here)
    assert here.copy(run_id, Store(tmp_path / "results" / "reference")).is_dir()
