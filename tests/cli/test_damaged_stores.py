"""Stores that do not say what was stored, and stores made by others, as the commands that read one meet them."""

import json
import os
import shutil
import sys

import pytest
from older_runs import before_manifests
from sampled import one_in

from hxbench import manifest
from hxbench.cli import app
from hxbench.spec import recipe
from hxbench.store import Store

ROW = {"split": "test", "task": "ner", "language": "qab", "metric": "f1", "value": 63.25, "role": "target"}


@pytest.fixture
def hxbench(monkeypatch, capsys, tmp_path):
    """Run a command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "store"))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hxbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            app.main()
        said = capsys.readouterr()
        assert "unexpected" not in said.err
        return ended.value.code or 0, said.out, said.err

    return run


def spec_of(seed):
    return recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)


@pytest.fixture
def store(tmp_path):
    """Two finished runs, of seeds 1 and 2."""
    made = Store(tmp_path / "store")
    for seed in (1, 2):
        with made.open_run(spec_of(seed)) as run:
            run.write_metrics(
                [{**ROW, "value": 12.5 + seed}, {"split": "cost", "metric": "wall_seconds", "value": 71.0 + seed}]
            )
            run.write_history([{"step": 1, "loss": 2.0}])
            run.write_sentence_counts(
                {"task": ["ner"], "language": ["qab"], "correct": [1], "predicted": [2], "gold": [2]}
            )
            run.write_predictions("ner", "qab", {"sentence": [0], "gold": [["O"]], "predicted": [["O"]]})
            run.write_provenance({"device": "cpu"})
            (run.folder / "checkpoint").mkdir()
            (run.folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
            run.finish()
    return made


def folder_of(store, seed):
    return store.root / "runs" / spec_of(seed).run_id


def emptied(folder):
    (folder / "metrics.jsonl").write_text("")


def cut(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text(lines[1])


def other_score(folder):
    path = folder / "metrics.jsonl"
    path.write_text(path.read_text().replace("14.5", "94.5"))


def other_seed(folder):
    path = folder / "spec.yaml"
    path.write_text(path.read_text().replace("seed: 2\n", "seed: 3\n"))


def other_state(folder):
    path = folder / "status.json"
    path.write_text(path.read_text().replace('"done"', '"failed"'))


def no_manifest(folder):
    (folder / "manifest.json").unlink()


def bad_manifest(folder):
    (folder / "manifest.json").write_text("{")


def no_counts(folder):
    (folder / "sentences.parquet").unlink()


DAMAGE = {
    emptied: "metrics.jsonl is not the file that its manifest lists",
    cut: "metrics.jsonl is not the file that its manifest lists",
    other_score: "metrics.jsonl is not the file that its manifest lists",
    other_seed: "spec.yaml is not the file that its manifest lists",
    other_state: "status.json is not the file that its manifest lists",
    no_manifest: "its manifest is missing",
    bad_manifest: "manifest.json: not readable as JSON",
    no_counts: "sentences.parquet is missing",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
def test_what_is_not_as_it_was_stored_is_left_out_and_named_by_every_command(hxbench, store, tmp_path, damage):
    folder = folder_of(store, 2)
    damage(folder)
    said = f"run {folder.name}: {DAMAGE[damage]}"
    code, out, _ = hxbench("report", "--table", "2", "--format", "json")
    assert code == 0
    assert said in out.replace("\n", " ")
    assert "have no more" not in out
    assert '"mean": 72.0' in out, "the time of the other run, not the mean of both"
    code, out, err = hxbench("runs", "list", "--json")
    assert (code, len(json.loads(out))) == (0, 1)
    assert f"left out: {said}" in err
    code, out, err = hxbench("runs", "copy", "--all", "--to", tmp_path / "there")
    assert (code, len(list((tmp_path / "there" / "runs").iterdir()))) == (0, 1)
    assert f"left out: {said}" in err
    for command in (("runs", "show"), ("eval",), ("runs", "copy", "--to", tmp_path / "there")):
        code, _, err = hxbench(*command, folder.name)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err
    code, _, err = hxbench("predict", folder.name, os.devnull, "--task", "ner", "--language", "qab")
    assert (code, said in err) == (2, True)
    code, _, err = hxbench("export", folder.name, "--language", "qab", "--out", tmp_path / "out")
    assert (code, said in err) == (2, True)
    code, out, _ = hxbench("runs", "verify")
    assert code == 1
    assert said in out
    assert "1 runs fit their manifests, 1 do not." in out
    assert hxbench("runs", "rm", folder.name, "--yes")[0] == 0
    assert hxbench("runs", "verify")[0] == 0


@pytest.mark.parametrize("name", ["ffffffffffff", "copy", "0123456789abcdef"])
def test_a_copied_folder_is_no_further_run(hxbench, store, name):
    shutil.copytree(folder_of(store, 2), store.root / "runs" / name)
    table = hxbench("report", "--table", "2", "--format", "json")[1]
    assert f"run {name}: " in table
    assert [record.id for record in store.runs()] == sorted(spec_of(seed).run_id for seed in (1, 2))
    code, _, err = hxbench("runs", "list")
    assert (code, f"left out: run {name}: " in err) == (0, True)
    assert hxbench("runs", "rm", name, "--yes")[0] == 0
    assert not (store.root / "runs" / name).exists()


def test_a_changed_seed_is_noticed_without_a_manifest_too(hxbench, store):
    folder = before_manifests(folder_of(store, 2))
    other_seed(folder)
    err = hxbench("runs", "list")[2]
    assert f"run {folder.name}: spec.yaml is that of run " in err
    assert "changed, or the run was copied under another id" in err


def test_a_run_of_before_manifests_is_read_and_can_be_sealed(hxbench, store):
    folder = before_manifests(folder_of(store, 2))
    assert len(store.runs()) == 2
    code, out, _ = hxbench("runs", "verify", "--json")
    assert code == 0
    assert json.loads(out) | {"store": ""} == {
        "store": "", "fit": 1, "before_manifests": 1, "sealed": 0, "problems": []
    }  # fmt: skip
    assert "1 runs stored before manifests have one now" in hxbench("runs", "verify", "--seal")[1]
    listed = json.loads((folder / "manifest.json").read_text())
    assert {"spec.yaml", "metrics.jsonl", "checkpoint/model.safetensors", "predictions/ner-qab.parquet"} <= {
        *listed
    }
    assert json.loads(hxbench("runs", "verify", "--json")[1])["fit"] == 2
    emptied(folder)
    assert f"run {folder.name}: metrics.jsonl is not" in hxbench("runs", "list")[2]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkpoint/model.safetensors", "model.safetensors is damaged"),
        ("predictions/ner-qab.parquet", "predictions is not readable"),
        ("metrics.jsonl", "metrics.jsonl has no score of ner-"),
    ],
)
def test_what_is_damaged_is_not_sealed(hxbench, store, name, said):
    folder = before_manifests(folder_of(store, 2))
    manifest.write(folder / "checkpoint")
    path = folder / name
    content = path.read_bytes()
    if path.suffix == ".jsonl":
        path.write_bytes(content.partition(b"\n")[2])  # the first score is gone, and the rest is as it was
    else:
        path.write_bytes(content[: len(content) // 2])
    code, out, _ = hxbench("runs", "verify", "--seal")
    assert code == 1
    assert said in out.replace("\n  ", " ")
    assert not (folder / "manifest.json").exists()


def test_an_emptied_file_is_noticed_without_a_manifest_too(hxbench, store):
    folder = before_manifests(folder_of(store, 2))
    emptied(folder)
    out = hxbench("report", "--table", "2")[1]
    assert f"left out: run {folder.name}: metrics.jsonl is empty." in out.replace("\n  ", " ")
    assert hxbench("runs", "verify")[0] == 1


@pytest.mark.parametrize(
    "name", ["checkpoint/model.safetensors", "predictions/ner-qab.parquet", "sentences.parquet"]
)
def test_verify_reads_what_is_large(hxbench, store, name):
    path = folder_of(store, 2) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, out, _ = hxbench("runs", "verify", folder_of(store, 2).name)
    assert code == 1
    assert f"{name} is not the file that its manifest lists" in out
    if name == "checkpoint/model.safetensors":  # weights may be absent, another file may not be there
        shutil.rmtree(path.parent)
        assert hxbench("runs", "verify")[0] == 0
        (path.parent).mkdir()
        (path.parent / "other").write_text("")
        assert "checkpoint/other is not in its manifest" in hxbench("runs", "verify")[1]


def test_a_spec_of_a_later_schema_is_named(hxbench, store):
    folder = folder_of(store, 2)
    path = folder / "spec.yaml"
    path.write_text(path.read_text().replace("schema: 1\n", "schema: 7\n"))
    (folder / "manifest.json").unlink()
    assert "spec.yaml is of schema 7, which a later hxbench wrote" in hxbench("runs", "list")[2]


def test_of_many_damaged_runs_some_are_named_and_all_counted(hxbench, store):
    for number in range(30):
        shutil.copytree(folder_of(store, 2), store.root / "runs" / f"{number:012x}")
    err = hxbench("runs", "list")[2]
    assert len(err.splitlines()) == 11
    assert "left out: 20 more; hxbench runs verify" in err


# --- stores made by others: what each of these puts in place of a good file of the run with seed 2


def _spec(**changes):
    return lambda folder: before_manifests(folder, **changes)


def _file(name, content):
    def write(folder):
        folder = before_manifests(folder)
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder

    return write


def _row(**changes):
    return _file("metrics.jsonl", json.dumps({**ROW, **changes}) + "\n")


def _status(**changes):
    return _file("status.json", json.dumps({"state": "done", "updates": 3, **changes}))


def _special(name, make):
    def put(folder):
        folder = before_manifests(folder)
        (folder / name).unlink()
        make(folder / name)
        return folder

    return put


HOSTILE = {
    "nested yaml": _file("spec.yaml", "[" * 100_000),
    "alias cycle": _file("spec.yaml", "a: &x [*x]"),
    "alias bomb": _file("spec.yaml", "a: &a [" + "1," * 1000 + "]\nb: &b [" + "*a," * 1000 + "]\n"),
    "huge yaml": _file("spec.yaml", "a: " + "x" * 11_000_000),
    "binary yaml": _file("spec.yaml", bytes(range(256))),
    "tagged yaml": _file("spec.yaml", "!!python/object/apply:os.system [touch owned]"),
    "repeated key": _file("spec.yaml", "seed: 1\nseed: 2\n"),
    "list as spec": _file("spec.yaml", "- 1\n"),
    "nested json": _file("status.json", "[" * 100_000),
    "nested rows": _file("metrics.jsonl", "[" * 100_000),
    "huge integer": _status(step=10**4000),
    "status is a list": _file("status.json", "[1]"),
    "step is a list": _status(step=[1]),
    "updated is a mapping": _status(updated={"a": 1}),
    "finished with a line break": _status(finished="2026\n-11"),
    "state is a number": _status(state=3),
    "seconds are text": _status(wall_seconds="long"),
    "losses are a list": _status(label_losses=[2.0]),
    "a loss of no task": _status(label_losses={"\x1b[2J": {"loss": 1.0, "entropy": 1.0}}),
    "a loss without its entropy": _status(label_losses={"pos": {"loss": 1.0}}),
    "a loss that is text": _status(label_losses={"pos": {"loss": "x", "entropy": 1.0}}),
    "labels without entropy": _status(label_losses={"pos": {"loss": 1.0, "entropy": 0}}),
    "a mapping for a loss": _status(label_losses={"pos": {"loss": {}, "entropy": 1.0}}),
    "value is text": _row(value="high"),
    "value is true": _row(value=True),
    "value is nan": _file("metrics.jsonl", '{"split": "test", "value": NaN}\n'),
    "value is huge": _file("metrics.jsonl", '{"split": "test", "value": 1e999}\n'),
    "task is null": _row(task=None),
    "task is a list": _row(task=["ner"]),
    "task is unknown": _row(task="sorting"),
    "language is unknown": _row(language="x" * 5000),
    "metric with an escape": _row(metric="\x1b[31m"),
    "step is a mapping": _row(step={}),
    "a row is a number": _file("metrics.jsonl", "3\n"),
    "seed is text": _spec(seed="2"),
    "seed is a date": _spec(seed="2026-11-28"),
    "method is a list": _spec(method=["a"]),
    "method is long": _spec(method="x" * 5000),
    "method with a line break": _spec(method="two\nlines"),
    "profile with an escape": _spec(profile="\x1b]0;title\x07"),
    "backbone is text": _spec(backbone="mbert"),
    "training is null": _spec(training=None),
    "few-shot is a list": _spec(few_shot=[1], unknown_field=1),
    "options with control characters": _spec(options={"a\nb": "c\rd"}),
    "a pipe": _special("metrics.jsonl", os.mkfifo),
    "a pipe as spec": _special("spec.yaml", os.mkfifo),
    "a pipe as status": _special("status.json", os.mkfifo),
    "a device": _special("status.json", lambda path: path.symlink_to("/dev/zero")),
    "a folder": _special("metrics.jsonl", lambda path: path.mkdir()),
    "a link": _special("spec.yaml", lambda path: path.symlink_to("/etc/hostname")),
}  # fmt: skip


# of these in the short suite: a file, a row, a field of a spec, a special file
@pytest.mark.parametrize("case", one_in(5, HOSTILE))
def test_a_run_that_others_made_is_left_out_and_everything_else_shown(hxbench, store, tmp_path, case):
    folder = HOSTILE[case](folder_of(store, 2))
    code, out, _ = hxbench("report", "--all", "--format", "json")
    assert code == 0
    assert '"mean": 72.0' in out
    assert f"run {folder.name}" in out
    code, out, err = hxbench("runs", "list", "--json")
    assert code == 0
    assert spec_of(1).run_id in out
    code, out, _ = hxbench("runs", "verify")
    assert code == 1
    (sentence,) = [line for line in out.splitlines() if f"run {folder.name}" in line]
    assert len(sentence) < 250
    assert sentence.isprintable()
    for command in (("runs", "show"), ("eval",), ("runs", "copy", "--to", tmp_path / "there")):
        code, _, err = hxbench(*command, folder.name)
        assert (code, err.count("\n")) == (2, 1), (command, err)
        assert err.rstrip("\n").isprintable()
    assert hxbench("runs", "rm", folder.name, "--yes")[0] == 0
    assert not os.path.lexists(folder)


@pytest.mark.parametrize("name", ["new\nline", "\x1b[31mred", "x" * 200, "a b", "..."])
def test_names_of_folders_are_printed_without_their_control_characters(hxbench, store, name):
    (store.root / "runs" / name).mkdir()
    code, _, err = hxbench("runs", "list")
    assert code == 0
    assert all(line.isprintable() for line in err.splitlines())
    assert err.count("\n") == (0 if name.startswith(".") else 1)


def test_what_stands_where_a_run_should_is_named_and_never_waited_for(hxbench, store):
    os.mkfifo(store.root / "runs" / "aaaaaaaaaaaa")
    (store.root / "runs" / "bbbbbbbbbbbb").symlink_to(folder_of(store, 1))
    code, _, err = hxbench("runs", "list")
    assert code == 0
    advice = f"(hxbench runs rm RUN --store {store.root} removes such a run.)"
    assert err.splitlines() == [
        "left out: run aaaaaaaaaaaa: not a folder.",
        f"left out: run bbbbbbbbbbbb: not a folder. {advice}",
    ]
    for name in ("aaaaaaaaaaaa", "bbbb"):
        assert hxbench("runs", "rm", name, "--yes")[0] == 0
    assert folder_of(store, 1).is_dir(), "what a link leads to is not deleted"
    assert len(store.runs()) == 2


def test_a_store_whose_runs_are_a_file_is_an_error(hxbench, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "runs").write_text("")
    for command in (("report", "--table", "2"), ("runs", "list")):
        code, _, err = hxbench(*command)
        assert code == 2
        assert "is a file" in err
