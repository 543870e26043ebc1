"""The store in one process: what is written comes back, and half-written runs never count."""

import errno
import json

import pytest
import yaml
from older_runs import before_manifests

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.store import DamagedRun, RunBusy, Store


def spec_of(seed=1, **changes):
    return recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed, **changes)


ROW = {"split": "test", "task": "ner", "language": "qab", "metric": "f1", "value": 1.0}


def finish(store, spec, rows=(ROW,)):
    with store.open_run(spec) as run:
        run.write_metrics(rows)
        run.finish(updates=10)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_a_finished_run_comes_back_as_it_was_written(store):
    spec = spec_of()
    rows = [{"split": "test", "task": "ner", "language": "qab", "metric": "f1", "value": 63.2, "role": "target"}]
    with store.open_run(spec) as run:
        run.write_metrics(rows)
        run.write_history([{"step": 1, "loss": float("nan")}, {"step": 2, "loss": 0.5}])
        run.write_predictions("ner", "qab", {"sentence": [0, 1], "gold": [["O"], []], "predicted": [["O"], []]})
        run.write_provenance({"device": "cpu"})
        (run.folder / "checkpoint").mkdir()
        (run.folder / "checkpoint" / "state").write_text("x")
        assert not store.is_complete(spec.run_id)
        assert store.runs() == []
        folder = run.finish(updates=10)
    assert folder == store.root / "runs" / spec.run_id
    assert store.is_complete(spec.run_id)
    (record,) = store.runs()
    assert record.spec == spec
    assert record.id == spec.run_id
    assert (record.state, record.status["updates"], record.status["error"]) == ("done", 10, None)
    assert record.metrics() == rows
    assert record.history() == [{"step": 1, "loss": None}, {"step": 2, "loss": 0.5}]
    assert record.predictions("ner", "qab") == {"sentence": [0, 1], "gold": [["O"], []], "predicted": [["O"], []]}
    assert record.provenance() == {"device": "cpu"}
    assert (record.folder / "checkpoint" / "state").read_text() == "x"
    assert sorted(p.name for p in (store.root / "runs").iterdir()) == [spec.run_id], (
        "no claim or work is left over"
    )


def test_predictions_have_the_promised_types(store):
    import pyarrow
    import pyarrow.parquet

    with store.open_run(spec_of()) as run:
        run.write_predictions("pos", "qaa", {"sentence": [7], "gold": [[]], "predicted": [[]]})
        schema = pyarrow.parquet.read_schema(run.folder / "predictions" / "pos-qaa.parquet")
        with pytest.raises(ValueError, match="predicted"):
            run.write_predictions("pos", "qaa", {"sentence": [7], "gold": [[]]})
    assert schema.field("sentence").type == pyarrow.int32()
    assert schema.field("gold").type.value_type == schema.field("predicted").type.value_type == pyarrow.string()


@pytest.mark.parametrize(
    ("raised", "state", "text"),
    [(ValueError("the loss is nan"), "failed", "the loss is nan"), (KeyboardInterrupt(), "interrupted", None)],
)
def test_a_run_that_ends_early_says_how_and_keeps_its_work(store, raised, state, text):
    spec = spec_of()
    with pytest.raises(type(raised)), store.open_run(spec) as run:  # noqa: PT012
        started = json.loads((run.folder / "status.json").read_text())["started"]
        run.status(step=5)
        raise raised
    assert store.runs() == []
    (record,) = store.runs(complete_only=False)
    assert (record.state, record.status["step"], record.status["error"]) == (state, 5, text)
    with store.open_run(spec) as again:
        assert again.folder == record.folder
        status = json.loads((again.folder / "status.json").read_text())
        assert (status["state"], status["started"], status["step"]) == ("running", started, 5)


def test_one_process_cannot_open_a_run_twice(store):
    with store.open_run(spec_of()), pytest.raises(RunBusy, match=spec_of().run_id):
        store.open_run(spec_of())
    with store.open_run(spec_of()):
        pass


def test_who_finished_first_is_kept(store):
    spec = spec_of()
    with store.open_run(spec) as ours:
        ours.write_metrics([{"value": 2}])
        theirs = store.root / "runs" / spec.run_id
        theirs.mkdir()
        (theirs / "status.json").write_text('{"state": "done"}')
        (theirs / "metrics.jsonl").write_text('{"value": 1}\n')
        assert ours.finish() == theirs
    assert (theirs / "metrics.jsonl").read_text() == '{"value": 1}\n'
    assert not ours.folder.exists()


def test_a_half_copied_run_in_the_way_is_replaced(store):
    spec = spec_of()
    with store.open_run(spec) as ours:
        (store.root / "runs" / spec.run_id / "predictions").mkdir(parents=True)
        ours.finish()
    assert store.is_complete(spec.run_id)


@pytest.mark.parametrize("name", ["status.json", "spec.yaml"])
@pytest.mark.parametrize("content", [None, "", "{", "[1]"])
def test_damaged_runs_are_reported_and_left_out(store, name, content):
    good, bad = spec_of(1), spec_of(2)
    finish(store, good)
    finish(store, bad)
    path = store.root / "runs" / bad.run_id / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert [record.id for record in store.runs()] == [good.run_id]
    assert len(store.problems) == 1
    assert bad.run_id in store.problems[0]
    assert name in store.problems[0]


def test_a_finished_folder_that_never_finished_is_reported(store):
    finish(store, spec_of())
    path = store.root / "runs" / spec_of().run_id / "status.json"
    before_manifests(path.parent)
    path.write_text('{"state": "running"}')
    assert not store.is_complete(spec_of().run_id)
    assert store.runs() == []
    assert "running" in store.problems[0]


def test_a_file_in_the_place_of_a_run_is_reported_and_others_are_not(store):
    finish(store, spec_of())
    (store.root / "runs" / "0123456789ab").write_text("no run")
    (store.root / "runs" / ".DS_Store").write_text("")
    (store.root / "runs" / "notes.txt").write_text("")
    assert len(store.runs()) == 1
    (problem,) = store.problems
    assert "0123456789ab" in problem
    assert "not a folder" in problem


def test_a_disk_that_is_full_at_the_last_file_is_the_users_to_mend(store, monkeypatch):
    def full(folder, names):
        raise OSError(errno.ENOSPC, "No space left on device")

    spec = spec_of()
    with monkeypatch.context() as patch:
        patch.setattr("hxbench.manifest.write", full)
        with pytest.raises(InputError, match=r"cannot write .*manifest\.json: No space left on device"):
            finish(store, spec)
    assert store.runs() == []
    finish(store, spec)
    assert store.is_complete(spec.run_id)


def test_damaged_metrics_name_file_and_line(store):
    finish(store, spec_of())
    (record,) = store.runs()
    before_manifests(record.folder)
    (record.folder / "metrics.jsonl").write_text('{"value": 1}\n{"val')
    (record,) = store.runs()
    with pytest.raises(DamagedRun, match=r"metrics\.jsonl, line 2"):
        record.metrics()


def test_a_run_of_an_older_schema_keeps_its_plain_spec(store):
    finish(store, spec_of())
    before_manifests(store.root / "runs" / spec_of().run_id, long_gone=1)
    (record,) = store.runs()
    fields = yaml.safe_load((record.folder / "spec.yaml").read_text())
    assert record.spec == fields
    assert record.fields["long_gone"] == 1
    assert "hyperx-base mixed 1" in record.title


def test_get_takes_ids_and_unique_prefixes(store):
    specs = [spec_of(seed) for seed in range(1, 20)]
    for spec in specs:
        finish(store, spec)
    ids = sorted(spec.run_id for spec in specs)
    assert store.get(ids[0]).id == ids[0]
    assert store.get(ids[3][:11]).id == ids[3]
    shared = next(d for d in "0123456789abcdef" if sum(i.startswith(d) for i in ids) > 1)
    with pytest.raises(InputError, match=f"'{shared}' fits"):
        store.get(shared)
    typo = ids[5][:10] + "zz"
    with pytest.raises(InputError, match=f"Did you mean {ids[5]}"):
        store.get(typo)
    with pytest.raises(InputError):
        store.get("")


def test_remove_takes_the_run_away_and_nothing_else(store):
    keep, drop = spec_of(1), spec_of(2)
    finish(store, keep)
    finish(store, drop)
    with store.open_run(drop), pytest.raises(RunBusy):
        store.remove(drop.run_id)
    store.remove(drop.run_id)
    assert [record.id for record in store.runs(complete_only=False)] == [keep.run_id]
    for name in (drop.run_id, "..", ".", "", f"../runs/{keep.run_id}"):
        with pytest.raises(InputError):
            store.remove(name)
    assert store.is_complete(keep.run_id)


def test_a_store_that_is_a_file_or_missing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        Store(tmp_path / "file")
    empty = Store(tmp_path / "none")
    assert empty.runs() == []
    with pytest.raises(InputError, match="has no runs: --store names another"):
        empty.get("abc")
    assert not (tmp_path / "none").exists()


def test_a_write_that_fails_keeps_the_old_file(store, monkeypatch):
    with store.open_run(spec_of()) as run:
        run.write_metrics([{"value": 1}])

        def full(handle):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("hxbench.store.files.os.fsync", full)
            with pytest.raises(InputError, match="No space left on device; free some space"):
                run.write_metrics([{"value": 2}])
        assert (run.folder / "metrics.jsonl").read_text() == '{"value": 1}\n'
        assert not list(run.folder.glob(".*.tmp"))
