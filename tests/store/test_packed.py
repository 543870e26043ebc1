"""Packed stores: what goes in comes out, whatever is damaged is refused, and nothing published is lost."""

import hashlib
import json
import os
import shutil
from io import BytesIO

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.run_spec import FewShotSpec
from hxbench.store import RunBusy, Store, pack_files, packing
from hxbench.store.claim import Claim
from hxbench.store.pack_files import MANIFEST, read_manifest
from hxbench.store.packed import Pack
from hxbench.store.packing import write_pack
from hxbench.store.verifying import look, verify

FEW = FewShotSpec(task="pos", language="qab", k=5)
TASKS = ["cola", "sst2"]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def retrieval(seed, each=70):
    """A retriever's view of two trained tasks and a new one, more instances of each than are drawn."""
    random = np.random.default_rng(seed)
    facts = {
        "tasks": TASKS,
        "instances": [{"task": task, "n": each} for task in (*TASKS, "cb")],
        "analysis": {"silhouette_z": 0.25, "nearest_prototype": None},
    }
    sizes = {"features": (3 * each, 6), "z": (3 * each, 4), "prototypes": (2, 4)}
    arrays = {name: random.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    return facts, {**arrays, "task": np.repeat(np.arange(3), each)}


def write(store, spec, value=50.0, few=None, seen=None):
    """Write a finished run with everything that a run may have."""
    spec = spec.model_copy(update={"few_shot": few})
    with store.open_run(spec) as writer:
        numbers = {"correct": [1, 0, 2], "predicted": [2, 0, 2], "gold": [2, 1, 2]}
        writer.write_sentence_counts({"task": ["pos"] * 3, "language": ["qab", "qab", "qaa"], **numbers})
        writer.write_history([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1e-07}])
        writer.write_predictions("pos", "qab", {"sentence": [0], "gold": [["X"]], "predicted": [["Y"]]})
        where = {"split": "test", "task": "pos", "language": "qab", "metric": "accuracy"}
        costs = [{"split": "cost", "metric": "counted_parameters", "value": 311, "task": None}]
        writer.write_metrics([{**where, "value": value, "step": 1, "role": "source"}, *costs])
        writer.write_provenance({"device": "cpu", "trained_on": {"pos-qaa": "train"}, "mlm": []})
        if seen:
            writer.write_retrieval(*seen)
        writer.finish(label_losses={"pos": {"loss": value / 50, "entropy": 1.5}})
    return spec.run_id


def filled(root):
    """A store of two papers and two profiles: plain runs, a few-shot one, and three seeds of a retriever."""
    store = Store(root)
    ids = [write(store, recipe.resolve("mbert", setting="multi", seed=seed), 40.0 + seed) for seed in (1, 2)]
    ids.append(write(store, recipe.resolve("mbert", setting="multi"), few=FEW))
    ids.append(write(store, recipe.resolve("mbert", setting="multi", profile="lab")))
    for seed in (3, 1, 2):
        spec = recipe.resolve("pha", setting="multi", suite="glue", seed=seed)
        ids.append(write(store, spec, seen=retrieval(seed)))
    return store, ids


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    store, _ = filled(folder / "live")
    write_pack(store.runs(), folder / "packed")
    return folder


@pytest.fixture
def packed(made, tmp_path):
    """A pack to spoil."""
    return shutil.copytree(made / "packed", tmp_path / "packed")


def everything(record):
    """All that a reader gets of a run."""
    view = [
        record.id,
        record.spec,
        record.status,
        record.paper,
        record.profile,
        record.title,
        record.stored_spec(),
    ]
    view += [record.metrics(), record.history(), record.provenance(), record.sentence_counts()]
    return [*view, (record.retrieval() or {}).get("similarity")]


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_packed_store_reads_like_the_one_it_was_made_from(made):
    live, packed = Store(made / "live"), Store(made / "packed")
    assert len(live.runs()) == 7
    few = [record.id for record in live.runs() if record.few_shot]
    for ours, theirs in zip(packed.runs(), live.runs(), strict=True):
        view = everything(theirs)
        if theirs.id in few:  # of which only what they are, scored and come from is published
            view[8], view[10] = [], {}
        assert everything(ours) == view
        assert packed.get(theirs.id[:8]).id == packed.finished(theirs.id).id == theirs.id
        assert packed.is_complete(theirs.id)
        assert packed.holds(theirs.id)
        assert not packed.has_weights(theirs.id)
        packed.require_whole(theirs.id)
    assert packed.problems == []
    assert not packed.is_complete("0" * 12)
    for paper, profiles in (("hyperx", {"demo": 3, "lab": 1}), ("pha", {"demo": 3}), ("pet", {})):
        for store in (live, packed):
            found = store.by_profile(paper)
            assert {name: len(runs.plain) + len(runs.few_shot) for name, runs in found.items()} == profiles


def test_the_same_runs_give_the_same_bytes_also_after_unpacking(made, tmp_path):
    packed = Store(made / "packed")
    target = Store(tmp_path / "unpacked")
    for record in packed.runs():
        packed.copy(record.id, target)
    again = Store(tmp_path / "unpacked")
    assert [everything(record) for record in again.runs()] == [everything(record) for record in packed.runs()]
    assert again.problems == []
    assert all(record.digests for record in again.runs()), "an unpacked run has its manifest"
    for number, store in enumerate((again, packed, Store(made / "live"))):
        write_pack(store.runs(), tmp_path / f"pack-{number}")
        assert bytes_of(tmp_path / f"pack-{number}") == bytes_of(made / "packed")


def test_of_seeds_alike_the_first_keeps_its_instances_as_many_as_are_drawn(made):
    live, packed = Store(made / "live"), Store(made / "packed")
    sizes = {}
    for record in packed.runs():
        if found := record.retrieval():
            sizes[record.spec.seed] = [len(found[name]) for name in ("features", "z", "task", "prototypes")]
            theirs = live.get(record.id).retrieval()
            assert found["similarity"] == theirs["similarity"]
            if record.spec.seed == 1:
                for number in (0, 1):
                    drawn = theirs["features"][theirs["task"] == number][:60]
                    assert np.array_equal(found["features"][found["task"] == number], drawn)
    assert sizes == {1: [120, 120, 120, 2], 2: [0, 0, 0, 2], 3: [0, 0, 0, 2]}


def test_a_reader_opens_only_what_it_asks_for(made, monkeypatch):
    opened = []
    real = pack_files.read_table
    monkeypatch.setattr(pack_files, "read_table", lambda root, one: opened.append(one) or real(root, one))
    for record in Store(made / "packed").by_profile("hyperx")["demo"].plain:
        record.metrics()
    assert {(one.part, one.paper, one.profile) for one in opened} == {
        ("runs", "hyperx", "demo"), ("metrics", "hyperx", "demo"),
    }  # fmt: skip
    assert len(opened) == 2


def verified(root):
    """What `runs verify` says of a pack, each file and each run."""
    store = Store(root)
    records, problems = look(store)
    verdict = verify(store, records)
    assert verdict.fit + len(verdict.problems) == len(records)
    return [*problems, *verdict.problems]


def read_all(root):
    store = Store(root)
    found = [everything(record) for record in store.runs()]
    assert store.problems == []
    return found


@pytest.mark.parametrize("harm", ["flip", "cut", "longer", "missing", "link", "other", "pipe"])
def test_a_damaged_file_is_refused_by_name(packed, harm):
    whole = bytes_of(packed)
    assert len(whole) > 10
    for name, content in whole.items():
        path = packed / name
        path.unlink()
        middle = len(content) // 2
        if harm == "flip":
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        elif harm == "cut":
            path.write_bytes(content[:middle])
        elif harm == "longer":
            path.write_bytes(content + b" x")
        elif harm == "link":
            (packed.parent / name).write_bytes(content)
            path.symlink_to(packed.parent / name)
        elif harm == "other":
            other = next(one for key, one in whole.items() if key not in (name, MANIFEST))
            path.write_bytes(other)
        elif harm == "pipe":
            os.mkfifo(path)
        with pytest.raises(InputError, match="is damaged") as told:
            read_all(packed)
        assert name in str(told.value)
        assert name == MANIFEST or any(name in sentence for sentence in verified(packed))
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    assert len(read_all(packed)) == 7


def test_what_belongs_to_no_pack_is_not_read_and_is_named(packed):
    before = read_all(packed)
    (packed / "README.md").write_text("What this is.")
    assert verified(packed) == []
    (packed / "runs-hyperx-demo.0123456789ab.parquet").write_bytes(b"not ours")
    shutil.copytree(packed.parent, packed.parent.parent / "elsewhere", dirs_exist_ok=True)
    (packed / "runs").mkdir()
    assert read_all(packed) == before
    told = verified(packed)
    assert len(told) == 2
    assert all("is no part of the packed store" in sentence for sentence in told)
    assert {"runs", "runs-hyperx-demo.0123456789ab.parquet"} == {
        s.split(" is no ")[0].split("/")[-1] for s in told
    }


class Killed(BaseException):
    """The process is gone."""


def test_wherever_packing_breaks_off_one_whole_pack_is_there(made, tmp_path, monkeypatch):
    live = Store(made / "live")
    some = [record for record in live.runs() if record.paper == "hyperx"]
    old, new = [record.id for record in some], [record.id for record in live.runs()]
    countdown = [0]

    def dying(real):
        def call(*arguments, **named):
            countdown[0] -= 1
            if countdown[0] == 0:
                raise Killed
            return real(*arguments, **named)

        return call

    for name in ("replace", "unlink", "fsync"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    monkeypatch.setattr(Claim, "release", lambda self: self._stop.set())  # the dead release nothing
    monkeypatch.setattr("hxbench.store.claim.is_alive", lambda pid: False)
    seen = set()
    for moment in range(1, 200):
        root = tmp_path / str(moment)
        countdown[0] = 0
        write_pack(some, root)
        countdown[0] = moment
        try:
            write_pack(live.runs(), root)
            finished = True
        except Killed:
            finished = False
        countdown[0] = 0
        found = [run[0] for run in read_all(root)]
        assert found in (old, new), moment
        seen.add(found == new)
        if finished:
            break
        write_pack(live.runs(), root)  # whoever comes next clears up
        assert bytes_of(root).keys() - {".claim-pack"} == bytes_of(made / "packed").keys(), moment
    assert finished
    assert moment > 15
    assert seen == {True, False}


def test_two_do_not_pack_into_one_folder_at_once(made, packed):
    before = bytes_of(packed)
    other = Claim(packed / ".claim-pack", "the packed store")
    other.acquire()
    try:
        with pytest.raises(RunBusy, match="is being worked on by another process"):
            write_pack(Store(made / "live").runs(), packed)
    finally:
        other.release()
    assert bytes_of(packed) == before


def test_a_pack_is_not_replaced_by_one_that_lacks_runs(made, packed):
    before = bytes_of(packed)
    some = Store(made / "live").runs()[:3]
    with pytest.raises(InputError, match="has 4 runs that the new one would lack"):
        write_pack(some, packed)
    assert bytes_of(packed) == before


def test_a_folder_of_something_else_is_not_packed_into(made, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for place in (tmp_path, made / "live", tmp_path / "thesis.tex"):
        with pytest.raises(InputError, match=r"holds thesis|holds runs|cannot pack into"):
            write_pack(Store(made / "live").runs(), place)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_packed_store_is_only_read(made, packed):
    before = bytes_of(packed)
    store, live = Store(packed), Store(made / "live")
    (run_id, *_) = [record.id for record in store.runs()]
    spec = recipe.resolve("mbert", setting="multi", seed=9)
    with pytest.raises(InputError, match=r"is only read: hxbench runs unpack .* --to DIR"):
        store.open_run(spec)
    with pytest.raises(InputError, match="is only read"):
        store.remove(run_id)
    for record in Store(made / "live").runs():
        live.copy(record.id, store)  # all there already
    other = Store(made / "more")
    more = write(other, spec)
    with pytest.raises(InputError, match="is only read"):
        other.copy(more, store)
    with pytest.raises(InputError, match="without its weights"):
        store.checkpoint(run_id)
    assert bytes_of(packed) == before


def forged(packed, part, change, paper="hyperx"):
    """Rewrite a file of a pack as somebody would who can also write the manifest."""
    files = []
    for one in read_manifest(packed):
        if (one.part, one.paper, one.profile) == (part, paper, "demo"):
            content, claims = change((packed / one.name).read_bytes())
            (packed / one.name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            values = {**one.__dict__, "bytes": len(content), "sha256": digest, **claims}
            one = type(one)(**values)
        files.append(one)
    (packed / MANIFEST).write_text(pack_files.manifest_text(files))


def rewritten(**columns):
    """Return a change of a file: other columns in place of some, given the old one's values."""

    def change(content):
        table = pyarrow.parquet.read_table(BytesIO(content))
        for name, make in columns.items():
            made = make(table.column(name).to_pylist())
            made = made if isinstance(made, pyarrow.Array) else pyarrow.array(made, table.schema.field(name).type)
            table = table.set_column(table.column_names.index(name), name, made)
        target = BytesIO()
        pyarrow.parquet.write_table(table, target, use_dictionary=False, store_schema=False)
        return target.getvalue(), {"rows": len(table)}

    return change


def first(value):
    return lambda values: [value, *values[1:]]


HOSTILE_RUNS = {
    "a separator": ({"run": first("../../../etc")}, "without the id of a run"),
    "a number": ({"run": lambda values: pyarrow.array([*range(len(values))])}, "other columns"),
    "twice": ({"run": lambda values: [values[0]] * len(values)}, "packed twice"),
    "no spec": ({"spec": first(None)}, "spec.yaml"),
    "no JSON": ({"spec": first("{")}, "spec.yaml: not readable"),
    "deep": ({"spec": first("[" * 2000 + "]" * 2000)}, "spec.yaml"),
    "a list": ({"status": first("[]")}, "holds no mapping"),
    "a huge integer": ({"status": first('{"state": "done", "step": 1' + "0" * 5000 + "}")}, "too large"),
    "another seed": (
        {"spec": lambda values: [values[0].replace('"seed": ', '"seed": 1'), *values[1:]]},
        "is that of",
    ),
    "another state": ({"status": first('{"state": "running"}')}, "not done"),
}


@pytest.mark.parametrize("name", HOSTILE_RUNS)
def test_runs_that_others_made_up_are_named(packed, name):
    columns, sentence = HOSTILE_RUNS[name]
    forged(packed, "runs", rewritten(**columns))
    try:
        store = Store(packed)
        there = store.runs()
        told = store.problems
        assert len(there) < 7
    except InputError as error:
        told = [str(error)]
    assert any(sentence in one for one in told), told
    assert all(len(one) < 400 and "\n" not in one for one in told)
    assert verified(packed)


@pytest.mark.parametrize(
    ("part", "columns", "sentence"),
    [
        ("metrics", {"rows": first('{"split": "test"}\n')}, "without its task"),
        ("metrics", {"rows": first("null\n")}, "expected a JSON object"),
        ("history", {"rows": first('{"step": "one"}\n')}, "no number"),
        ("sentences", {"correct": first([1])}, "not of the same sentences"),
        ("sentences", {"gold": first([None, None])}, "a value is missing"),
    ],
)
def test_scores_that_others_made_up_are_named(packed, part, columns, sentence):
    forged(packed, part, rewritten(**columns))
    told = []
    for record in Store(packed).runs():
        try:
            everything(record)
        except InputError as error:
            told.append(str(error))
    assert len(told) == 1
    assert sentence in told[0]
    assert told[0] in verified(packed) or sentence in " ".join(verified(packed))


def test_a_score_that_was_changed_with_the_manifest_is_found_by_the_runs_digest(packed, tmp_path):
    change = rewritten(rows=lambda values: [values[0].replace('"value": ', '"value": 1'), *values[1:]])
    forged(packed, "metrics", change)
    (told,) = verified(packed)
    assert "does not have the digest that it was packed with" in told
    store, target = Store(packed), Store(tmp_path / "target")
    refused = []
    for record in store.runs():
        try:
            store.copy(record.id, target)
        except InputError as error:
            refused.append(str(error))
    assert refused == [told]
    assert len(target.runs()) == 6


def bomb(content):
    """A table that is small until it is unpacked."""
    target = BytesIO()
    texts = pyarrow.array(["x" * 1000] * 100_000)
    table = pyarrow.table({"run": texts, "rows": texts})
    pyarrow.parquet.write_table(table, target, compression="zstd", store_schema=False)
    return target.getvalue(), {"rows": len(table)}


def test_what_would_unpack_to_more_than_memory_is_refused_before(packed, monkeypatch):
    forged(packed, "metrics", bomb)
    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "read", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(InputError, match="would unpack to more"):
        Pack(packed)._table(next(one for one in read_manifest(packed) if one.part == "metrics"))


def test_sizes_that_are_said_are_checked(packed, monkeypatch):
    monkeypatch.setattr(pack_files, "_UNPACKED_BYTES", 100)
    with pytest.raises(InputError, match="would unpack to more"):
        Store(packed).runs()
    monkeypatch.undo()
    forged(packed, "runs", lambda content: (content, {"bytes": 10**15}))
    with pytest.raises(InputError, match="is said to be larger"):
        Store(packed).runs()
    forged(packed, "runs", lambda content: (content, {"rows": 10**12}))
    with pytest.raises(InputError, match="its manifest says 1000000000000"):
        Store(packed).runs()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not readable"),
        ("[]", "is not the manifest of one"),
        ('{"format": "hxbench packed store", "version": 2}', "is of version 2"),
        ('{"format": "hxbench packed store", "version": 1, "files": []}', "its own SHA-256"),
        ("[" * 100_000, "packed.json"),
    ],
)
def test_a_manifest_of_others_is_refused(packed, text, sentence):
    (packed / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=sentence):
        Store(packed)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../runs-hyperx-demo.0123456789ab.parquet"},
        {"name": "/etc/passwd"},
        {"name": 5},
        {"part": "weights"},
        {"bytes": -1},
        {"rows": "7"},
        {"more": 1},
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(packed, change):
    told = json.loads((packed / MANIFEST).read_text())
    del told["sha256"]
    told["files"][0] |= change
    text = json.dumps({**told, "sha256": pack_files._digest(told)})
    (packed / MANIFEST).write_text(text)
    with pytest.raises(InputError, match="lists no files"):
        Store(packed)


def test_files_stay_small_where_runs_are(made, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "LARGEST", 3_000)
    files = write_pack(Store(made / "live").runs(), tmp_path / "packed")
    split = [one for one in files if (one.part, one.paper) == ("retrieval", "pha")]
    assert 1 < len(split) <= 3
    assert all(one.bytes <= 3_000 or one.first == one.last for one in split)
    again = [everything(record) for record in Store(tmp_path / "packed").runs()]
    assert again == read_all(made / "packed")


def test_runs_of_no_paper_are_of_the_ground_that_they_stand_on(tmp_path):
    live = Store(tmp_path / "live")
    write(live, recipe.resolve("mbert", setting="multi"))
    tags = write(live, recipe.resolve("tag-lora", setting="multi"))
    glue = write(live, recipe.resolve("glue-hyperx", setting="multi", suite="glue", profile="lab"))
    write_pack(live.runs(), tmp_path / "packed")
    for store in (live, Store(tmp_path / "packed")):
        hyperx, pha = store.by_profile("hyperx"), store.by_profile("pha")
        assert {name: len(runs.plain) for name, runs in hyperx.items()} == {"demo": 2}
        assert tags in {record.id for record in hyperx["demo"].plain}
        assert {name: [one.id for one in runs.plain] for name, runs in pha.items()} == {"lab": [glue]}
        assert not store.by_profile("pet")
        assert store.problems == []
