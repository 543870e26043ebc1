"""What killed processes leave in a store: taken away by the next that writes there, and nothing of a live one."""

import json
import os
import time

import pytest

from hxbench.leftovers import machine
from hxbench.spec import recipe
from hxbench.store import Store, sweeping


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(sweeping, "_swept", {})
    return Store(tmp_path / "store")


def spec_of(seed):
    return recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)


def finish(store, seed):
    with store.open_run(spec_of(seed)) as run:
        run.write_metrics([{"split": "cost", "metric": "wall_seconds", "value": 1.0}])
        return run.finish()


def put(path, age=0.0, **said):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said))
    os.utime(path, (time.time() - age, time.time() - age))


def names(store):
    return {path.name for path in (store.root / "runs").iterdir()}


def test_what_kills_leave_is_swept_by_the_next_that_writes(store, monkeypatch):
    runs = store.root / "runs"
    gone = {"machine": machine(), "pid": 2**22 + 1, "token": "gone"}
    put(runs / ".trash-0123" / "model.safetensors")
    put(runs / ".copy-aaaaaaaaaaaa" / "spec.yaml")
    put(runs / ".copy-bbbbbbbbbbbb" / "spec.yaml")
    put(runs / ".claim-bbbbbbbbbbbb", **gone)
    put(runs / ".claim-cccccccccccc", 500, machine="another", pid=1, token="x")
    put(runs / ".clock-1", 500)
    put(runs / ".claim-dddddddddddd.ab12", 500)
    monkeypatch.setattr(sweeping, "STALE_SECONDS", -1.0)  # what was made just now is old
    assert names(store) == names(store), "looking sweeps nothing"
    store.runs(complete_only=False)
    assert ".trash-0123" in names(store)
    finish(store, 1)
    assert names(store) == {spec_of(1).run_id}


def test_what_live_processes_have_is_left_alone(store):
    runs = store.root / "runs"
    alive = {"machine": machine(), "pid": os.getpid(), "token": "alive"}
    kept = {
        ".copy-aaaaaaaaaaaa",
        ".claim-aaaaaaaaaaaa",
        ".claim-bbbbbbbbbbbb",
        ".clock-1",
        ".claim-cccccccccccc.ab",
    }
    put(runs / ".copy-aaaaaaaaaaaa" / "spec.yaml")
    put(runs / ".claim-aaaaaaaaaaaa", **alive)
    put(runs / ".claim-bbbbbbbbbbbb", machine="another", pid=1, token="x")
    put(runs / ".clock-1")
    put(runs / ".claim-cccccccccccc.ab")
    put(runs / ".work-dddddddddddd" / "status.json", state="running")
    finish(store, 1)
    assert names(store) == {*kept, ".work-dddddddddddd", spec_of(1).run_id}


def test_a_run_killed_between_its_end_and_its_tidying_up_is_tidied(store, monkeypatch):
    folder = finish(store, 1)
    put(folder / "resume" / "resume-000000001" / "model.safetensors")
    monkeypatch.setattr(sweeping, "_swept", {})
    finish(store, 2)
    assert not (folder / "resume").exists()
    assert len(store.runs()) == 2


def test_a_run_killed_while_it_finished_goes_on(store):
    writer = store.open_run(spec_of(1))
    writer.status(state="done")
    (writer.folder / ".metrics.jsonl.ab.tmp").write_text("")
    (writer.folder / "manifest.json").write_text("{}")
    writer._claim.release()
    (record,) = store.runs(complete_only=False)
    assert record.state == "interrupted"
    assert not store.is_complete(record.id)
    with store.open_run(spec_of(1)) as run:
        assert sorted(path.name for path in run.folder.iterdir()) == ["spec.yaml", "status.json"]


def test_leavings_are_neither_runs_nor_copied(store, tmp_path):
    folder = finish(store, 1)
    for name in (".spec.yaml.ab.tmp", "notes.txt", ".manifest.json.1.tmp"):
        (folder / name).write_text("x")
    (folder / "sub").mkdir()
    put(store.root / "runs" / ".copy-aaaaaaaaaaaa" / "spec.yaml")
    there = Store(tmp_path / "there")
    copied = store.copy(spec_of(1).run_id, there)
    assert {p.name for p in copied.iterdir()} == {"spec.yaml", "status.json", "metrics.jsonl", "manifest.json"}
    assert len(store.runs(complete_only=False)) == 1
