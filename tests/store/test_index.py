"""The index of a live store: with it everything is as without it, whatever becomes of it or of the runs."""

import json
import multiprocessing
import os
import shutil

import pytest
from older_runs import before_manifests, reseal

from hxbench.spec import recipe
from hxbench.spec.run_spec import FewShotSpec
from hxbench.store import DamagedRun, Store, folder, index
from hxbench.system_errors import cannot_write

ROWS = [
    {"split": "test", "task": "ner", "language": "qab", "metric": "f1", "value": 61.5, "role": "target"},
    {"split": "dev", "metric": "score", "step": 8, "value": 1e-7},
    {"split": "cost", "metric": "peak_memory_bytes", "value": 2**33},
]


def finish(store, seed, method="hyperx-base", **fields):
    spec = recipe.resolve(method, setting="mixed", partition="a", seed=seed).model_copy(update=fields)
    with store.open_run(spec) as run:
        run.write_metrics([{**ROWS[0], "value": seed + 0.5}, *ROWS[1:]])
        run.write_history([{"step": 1, "loss": 0.5}])
        run.write_provenance({"device": "cpu"})
        return run.finish(updates=10, wall_seconds=1.5)


@pytest.fixture
def eager(monkeypatch):
    """Let an index be written for a single run that was finished just now."""
    monkeypatch.setattr(index, "_WORTH_WRITING", 1)
    monkeypatch.setattr(index, "_SETTLED", -3600.0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def store(tmp_path, eager):
    """A store of six runs: two seeds, another method, two tuned on few examples, one of before manifests."""
    store = Store(tmp_path / "results")
    for seed in (1, 2):
        finish(store, seed)
    finish(store, 1, "psf")
    finish(store, 5, few_shot=FewShotSpec(task="ner", language="qab", k=5), after={"start": "ba9876543210"})
    finish(store, 1, few_shot=FewShotSpec(task="ner", language="qab", k=5), after={"start": "0123456789ab"})
    before_manifests(finish(store, 4))
    return store


def seen(store, **how):
    """Return all that a store shows of its finished runs, and says of what it left out."""
    shown = []
    for one in store.runs(**how):
        try:
            rows = one.metrics()
        except DamagedRun as error:
            rows = str(error)
        told = (one.title, one.fields, one.status, one.folder, one.digests, one.plateaus, rows)
        shown.append((one.id, *told, one.history(), one.provenance()))
    return shown, store.problems


@pytest.fixture
def read_themselves(monkeypatch):
    """The runs whose own files are read when a store is opened."""
    found = []
    read = folder.read_record

    def noted(run_id, *args, **options):
        found.append(run_id)
        return read(run_id, *args, **options)

    monkeypatch.setattr(folder, "read_record", noted)
    return found


def of_seed(store, seed):
    return next(one.folder for one in store.runs(indexed=False) if one.spec.seed == seed and one.digests)


def test_what_is_in_the_index_is_what_the_runs_say(store, read_themselves):
    without = seen(store, indexed=False)
    assert not (store.root / "index.jsonl").exists()
    assert seen(store) == without
    assert (store.root / "index.jsonl").is_file()
    read_themselves.clear()
    assert seen(Store(store.root)) == without
    assert read_themselves == []
    (one,) = store.runs(beginning=without[0][0][0])
    assert read_themselves == [one.id], "one run is read without the index of thousands"


def _half(content):
    return content[: len(content) // 2]


def _bytes_changed(content):
    """Change a byte in each entry: in a digit, so that it stays JSON."""
    heading, *lines = content.splitlines(keepends=True)
    return heading + b"".join(
        line.replace(b'"updates": 10', b'"updates": 99').replace(b'10,"', b'11,"') for line in lines
    )


DAMAGE = {
    "half written": _half,
    "empty": lambda content: b"",
    "of another version": lambda content: content.replace(b"hxbench index 2", b"hxbench index 0", 1),
    "changed": _bytes_changed,
    "no text": lambda content: bytes(range(256)) * 99,
    "deep": lambda content: content.partition(b"\n")[0] + b"\n" + b"[" * 100_000,
    "swapped": lambda content: content.replace(content.split()[4], content.split()[3][::-1]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_changes_nothing_and_is_made_anew(store, read_themselves, damage):
    without = seen(store)
    place = store.root / "index.jsonl"
    whole = place.read_bytes()
    place.write_bytes(DAMAGE[damage](whole))
    assert place.read_bytes() != whole
    read_themselves.clear()
    assert seen(store) == without
    assert read_themselves
    read_themselves.clear()
    assert seen(store) == without
    assert read_themselves == [], "it is whole again"


@pytest.mark.parametrize("other", ["a folder", "a pipe", "a link"])
def test_what_is_no_file_is_no_index(store, tmp_path, other):
    without = seen(store, indexed=False)
    place = store.root / "index.jsonl"
    (tmp_path / "elsewhere").write_text("hxbench index 2\n")
    {"a folder": place.mkdir, "a pipe": lambda: os.mkfifo(place)}.get(
        other, lambda: place.symlink_to(tmp_path / "elsewhere")
    )()
    assert seen(store) == without == seen(store)
    assert (tmp_path / "elsewhere").read_text() == "hxbench index 2\n"


def _other_scores(run):
    (run / "metrics.jsonl").write_text(json.dumps({**ROWS[0], "value": 99.5}) + "\n")
    reseal(run)


def _changed_in_place(name, old, new):
    def change(run):
        before = os.stat(run / name)
        text = (run / name).read_text()
        assert text.count(old) == 1
        with (run / name).open(
            "r+"
        ) as file:  # the same inode, size and times of change, as far as one can set them
            file.write(text.replace(old, new))
        os.utime(run / name, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert os.stat(run / name).st_size == before.st_size

    return change


CHANGES = {
    "other scores": (_other_scores, None),
    "a score": (_changed_in_place("metrics.jsonl", "2.5", "9.5"), "metrics.jsonl is not the file"),
    "a status": (_changed_in_place("status.json", "1.5", "9.5"), "status.json is not the file"),
    "a history": (_changed_in_place("history.jsonl", "0.5", "9.5"), "history.jsonl is not the file"),
    "a file less": (lambda run: (run / "provenance.json").unlink(), "provenance.json is missing"),
    "no manifest": (lambda run: (run / "manifest.json").unlink(), "its manifest is missing"),
    "a file more": (lambda run: (run / "retrieval.json").write_text("{}"), None),
    "removed": (shutil.rmtree, None),
    "a link": (lambda run: (run.rename(run.with_name(".x")), run.symlink_to(".x")), "not a folder"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_run_that_changed_is_read_anew(store, read_themselves, change):
    make, said = CHANGES[change]
    before = seen(store)[0]
    run = of_seed(store, 2)
    make(run)
    without = seen(store, indexed=False)
    read_themselves.clear()
    found = seen(store)
    assert found == without
    assert (found == (before, [])) == (change == "a file more")  # which no manifest lists, so nobody reads it
    assert set(read_themselves) <= {run.name}
    if said:
        assert len(found[0]) == 5
        assert said in found[1][0]
    assert seen(Store(store.root)) == without


def test_a_new_run_is_found_and_an_unfinished_one_is_always_read(store, read_themselves):
    store.runs()
    new = finish(store, 7)
    with store.open_run(recipe.resolve("mbert", setting="mixed", partition="a")) as run:
        run.status(step=3)
        read_themselves.clear()
        shown = store.runs(complete_only=False)
        assert sorted(read_themselves) == sorted([new.name, run.spec.run_id])
        assert {one.id for one in shown} >= {new.name, run.spec.run_id}
        run.status(step=4)
        assert {one.status.get("step") for one in store.runs(complete_only=False)} == {None, 4}


def test_a_store_of_somebody_else_is_read_itself(store, tmp_path, read_themselves):
    """Its index says better scores, with seals as they were made where it comes from."""
    before = seen(store)
    place = store.root / "index.jsonl"
    lies = place.read_bytes().replace(b'"wall_seconds":1.5', b'"wall_seconds":0.1')
    heading, *lines = lies.splitlines()
    lying = [heading]
    for line in lines:
        run_id, _, said = line.split(b" ", 2)
        states, _ = index._states(str(store.root / "runs" / run_id.decode()), said[: said.find(b"\t")])
        lying.append(b"%b %b %b" % (run_id, index._seal(run_id.decode(), states, said), said))
    place.write_bytes(b"\n".join(lying) + b"\n")
    assert {one.status["wall_seconds"] for one in store.runs()} == {0.1}, "who has the folder may seal: runs, too"
    shutil.copytree(store.root, tmp_path / "given", copy_function=shutil.copy2)  # with all times that can be set
    given = Store(tmp_path / "given")
    read_themselves.clear()
    assert {one.status["wall_seconds"] for one in given.runs()} == {1.5}
    assert len(read_themselves) == 6
    assert [one[7] for one in seen(store)[0]] == [one[7] for one in before[0]], "no index says scores"


def test_the_runs_are_verified_by_themselves(store, read_themselves):
    from hxbench.store.verifying import look

    store.runs()
    read_themselves.clear()
    assert len(look(store)[0]) == 6 == len(read_themselves)


def test_a_store_that_is_only_read_has_no_index_and_no_complaint(store, monkeypatch):
    def refuse(path, write):
        raise cannot_write(path, OSError(30, "Read-only file system"))

    without = seen(store, indexed=False)
    monkeypatch.setattr(index, "replace_file", refuse)  # a full disk
    assert seen(store) == without
    monkeypatch.undo()
    monkeypatch.setattr(index, "_WORTH_WRITING", 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert seen(store) == without
    assert [one.name for one in store.root.iterdir()] == ["runs"]


def test_what_a_killed_process_leaves_is_taken_away(store):
    old, young = (store.root / f".index.jsonl.{name}.tmp" for name in ("old", "young"))
    for one in (old, young):
        one.write_text("half")
    os.utime(old, (0, 0))
    store.runs()
    assert sorted(one.name for one in store.root.iterdir()) == [young.name, "index.jsonl", "runs"]


def test_few_runs_need_no_index_and_fresh_ones_are_not_in_it(store, monkeypatch, read_themselves):
    monkeypatch.setattr(index, "_WORTH_WRITING", 7)
    store.runs()
    assert [one.name for one in store.root.iterdir()] == ["runs"]
    monkeypatch.setattr(index, "_WORTH_WRITING", 6)
    monkeypatch.setattr(index, "_SETTLED", 60.0)  # their files could change without another time
    store.runs()
    assert (store.root / "index.jsonl").read_bytes() == index._HEADING
    read_themselves.clear()
    store.runs()
    assert len(read_themselves) == 6


def _keep_opening(root, expected, failed):
    for number in range(12):
        if number % 3 == 2:
            (root / "index.jsonl").unlink(missing_ok=True)
        shown, problems = seen(Store(root))
        if problems or [one for one in shown if one in expected] != expected:
            failed.set()


def test_processes_that_write_at_once_all_see_everything(store):
    fork = multiprocessing.get_context("fork")
    failed = fork.Event()
    arguments = store.root, seen(store, indexed=False)[0], failed
    processes = [fork.Process(target=_keep_opening, args=arguments) for _ in range(3)]
    for one in processes:
        one.start()
    for seed in (7, 8, 9):
        finish(store, seed)
    for one in processes:
        one.join(60)
    assert [one.exitcode for one in processes] == [0, 0, 0]
    assert not failed.is_set()
    assert seen(store) == seen(store, indexed=False)
    assert sorted(one.name for one in store.root.iterdir()) == ["index.jsonl", "runs"], "nothing is left over"


def test_of_other_grounds_no_file_is_looked_at(store, read_themselves, monkeypatch):
    """The id of a run is the hash of what its entry says: another ground is known without its files."""
    spec = recipe.resolve("pha", setting="multi", suite="glue", seed=1)
    with store.open_run(spec) as run:
        run.write_metrics([{**ROWS[0], "task": "cola", "language": "en", "metric": "matthews"}])
        theirs = run.finish(updates=10)
    before = [one.id for found in store.by_profile("hyperx").values() for one in (*found.plain, *found.few_shot)]
    assert len(before) == 6
    looked, states = [], index._states
    monkeypatch.setattr(index, "_states", lambda place, *letters: looked.append(place) or states(place, *letters))
    read_themselves.clear()
    (found,) = store.by_profile("pha").values()
    assert [one.id for one in found.plain] == [spec.run_id]
    assert (looked, read_themselves) == ([str(theirs)], [])
    (theirs / "metrics.jsonl").write_text("{}\n")
    assert [one.id for f in store.by_profile("hyperx").values() for one in (*f.plain, *f.few_shot)] == before
    assert store.problems == [], "it is told where its ground is shown"
    assert store.by_profile("pha") == {}
    assert len(store.problems) == 1
    place = store.root / "index.jsonl"
    place.write_bytes(place.read_bytes().replace(b'"paper":"hyperx"', b'"paper":"pha"'))
    assert [one.id for f in store.by_profile("hyperx").values() for one in (*f.plain, *f.few_shot)] == before
