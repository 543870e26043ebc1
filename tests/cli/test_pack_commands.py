"""`runs pack` and `runs unpack`, and every other command on a packed store."""

import shutil

import pytest
from command_line import ended, hxbench, started

from hxbench.spec import recipe
from hxbench.store import Store


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    root = tmp_path_factory.mktemp("live")
    for seed in (1, 2):
        with Store(root).open_run(recipe.resolve("mbert", setting="multi", seed=seed)) as run:
            where = {"split": "test", "task": "pos", "language": "qab", "metric": "accuracy", "role": "target"}
            run.write_metrics([{**where, "value": 50.0 + seed, "step": 1, "words_cut": 0}])
            (run.folder / "checkpoint").mkdir()
            (run.folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
            run.finish()
    return root


@pytest.fixture
def packed(live, tmp_path):
    end = hxbench("runs", "pack", live, "--to", tmp_path / "packed")
    assert (end.code, end.err) == (0, "")
    assert end.out == f"2 runs are packed in {tmp_path / 'packed'}: 2 files, 0.0 MB.\n"
    return tmp_path / "packed"


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_reading_commands_do_not_tell_the_two_apart(live, packed):
    run_id = Store(live).runs()[0].id
    for words in (("runs", "list"), ("runs", "list", "--json"), ("report", "--table", "6", "--format", "csv")):
        one, other = (hxbench(*words, "--store", store) for store in (live, packed))
        assert one == other
        assert one.code == 0
    one, other = (hxbench("runs", "show", run_id, "--store", store) for store in (live, packed))
    assert one.code == other.code == 0
    told = f"folder: {live / 'runs' / run_id}"
    assert told in one.out
    assert one.out.replace(told, f"folder: {packed}") == other.out


def test_unpack_makes_a_store_to_work_in(packed, tmp_path):
    end = hxbench("runs", "unpack", packed, "--to", tmp_path / "again")
    assert (end.code, end.out) == (0, f"2 runs are in {tmp_path / 'again'}.\n")
    assert hxbench("runs", "list", "--store", tmp_path / "again") == hxbench("runs", "list", "--store", packed)
    (run_id, _) = (record.id for record in Store(tmp_path / "again").runs())
    assert hxbench("runs", "rm", run_id, "--yes", "--store", tmp_path / "again").code == 0
    end = hxbench("runs", "copy", run_id, "--store", packed, "--to", tmp_path / "again")
    assert end.code == 0, "one run of a pack is copied like any other"
    assert len(Store(tmp_path / "again").runs()) == 2


def test_more_runs_are_added_by_naming_both_stores(live, packed, tmp_path):
    before = bytes_of(packed)
    more = Store(tmp_path / "more")
    with more.open_run(recipe.resolve("mbert", setting="multi", seed=3)) as run:
        run.write_metrics([{"split": "cost", "metric": "wall_seconds", "value": 1.5}])
        run.finish()
    end = hxbench("runs", "pack", more.root, "--to", packed)
    assert (end.code, end.out) == (2, "")
    assert "has 2 runs that the new one would lack" in end.err
    assert bytes_of(packed) == before
    assert hxbench("runs", "pack", packed, more.root, "--to", packed).code == 0
    assert len(Store(packed).runs()) == 3
    assert not bytes_of(packed).keys() & (before.keys() - {"packed.json"}), "what is replaced is gone"
    assert hxbench("runs", "pack", packed, live, more.root, "--to", tmp_path / "whole").code == 0
    assert bytes_of(tmp_path / "whole") == bytes_of(packed)


@pytest.mark.matrix
def test_of_two_that_pack_at_once_both_leave_one_whole_pack(live, packed, tmp_path):
    before = bytes_of(packed)
    for name in ("new", "packed"):
        both = [started("runs", "pack", live, "--to", tmp_path / name) for _ in range(2)]
        codes = {ended(process).code for process in both}
        assert codes in ({0}, {0, 1}), codes
        assert bytes_of(tmp_path / name) == before


WRITING = [
    ("runs", "rm", "RUN", "--yes"),
    ("runs", "copy", "--all", "--store", "LIVE", "--to", "PACKED"),
    ("runs", "unpack", "PACKED", "--to", "PACKED"),
]


@pytest.mark.parametrize("words", WRITING)
def test_nothing_is_written_into_a_packed_store(live, packed, words):
    before = bytes_of(packed)
    with Store(live).open_run(recipe.resolve("mbert", setting="multi", seed=7)) as run:
        run.write_metrics([{"split": "cost", "metric": "wall_seconds", "value": 1.5}])
        run.finish()
    run_id = Store(packed).runs()[0].id
    names = {"RUN": run_id, "LIVE": live, "PACKED": packed}
    words = [names.get(word, word) for word in words]
    end = hxbench(*words, *([] if "--store" in words or "unpack" in words else ["--store", packed]))
    Store(live).remove(run.spec.run_id)
    assert end.code == 2
    assert end.err.startswith("hxbench: ")
    assert "is a packed store, which is only read: hxbench runs unpack" in end.err
    assert end.err.count("\n") == 1
    assert bytes_of(packed) == before


def test_what_needs_weights_is_refused(packed, tmp_path):
    run_id = Store(packed).runs()[0].id
    (tmp_path / "text.txt").write_text("a b\n")
    for words in (
        ("eval", run_id, "--offline"),
        ("predict", run_id, tmp_path / "text.txt", "--task", "pos", "--language", "qab", "--offline"),
        ("export", run_id, "--task", "pos", "--language", "qab", "--out", tmp_path / "export", "--offline"),
    ):
        end = hxbench(*words, "--store", packed)
        assert end.code == 2, words
        assert end.err.count("\n") == 1
        assert "Traceback" not in end.err


def test_a_damaged_pack_ends_every_command_with_one_sentence(live, packed):
    for path in sorted(packed.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[:-9] + b"?" + content[-8:])
        for words in (("runs", "list"), ("report", "--table", "2"), ("runs", "show", "0")):
            if path.name.startswith("metrics") and words[0] == "runs":
                continue  # which need no scores
            end = hxbench(*words, "--store", packed)
            assert end.code == 2, (path.name, words)
            assert f"the packed store {packed} is damaged, {path.name}" in end.err
            assert end.err.count("\n") == 1
        path.write_bytes(content)


def test_verify_looks_at_all_of_a_pack(packed):
    end = hxbench("runs", "verify", "--store", packed)
    assert (end.code, end.out) == (0, "2 runs fit their manifests, 0 do not.\n")
    run_id = Store(packed).runs()[0].id
    assert hxbench("runs", "verify", run_id, "--store", packed).out == "1 runs fit their manifests, 0 do not.\n"
    (packed / "notes.txt").write_text("not ours")
    end = hxbench("runs", "verify", "--store", packed)
    assert end.code == 1
    assert "notes.txt is no part of the packed store" in end.out
    for path in packed.glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-3])
    end = hxbench("runs", "verify", "--store", packed)
    assert end.code == 1
    assert [line.count(".parquet is not the file") for line in end.out.splitlines()] == [1, 1, 0]
    assert end.err == ""


def test_what_cannot_be_packed_is_said(live, packed, tmp_path):
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    shutil.copytree(live, broken)
    spoiled = next((broken / "runs").glob("[0-9a-f]*")) / "metrics.jsonl"
    spoiled.write_text("")
    for words, sentence in (
        (("pack", tmp_path / "nowhere"), "there is no store at"),
        (("pack", tmp_path / "empty"), "there is no finished run to pack"),
        (("pack", broken), "has runs that cannot be packed: run "),
        (("unpack", live), "is not a packed store"),
        (("unpack", tmp_path / "nowhere"), "there is no store at"),
    ):
        end = hxbench("runs", *words, "--to", tmp_path / "target")
        assert (end.code, end.out) == (2, "")
        assert sentence in end.err
        assert not (tmp_path / "target").exists()


def test_a_pack_beside_runs_and_a_pack_without_its_manifest_are_refused(packed):
    (packed / "runs/0123456789ab").mkdir(parents=True)
    end = hxbench("report", "--table", "2", "--store", packed)
    assert (end.code, "move one of them into a folder of its own" in " ".join(end.err.split())) == (2, True)
    shutil.rmtree(packed / "runs")
    (packed / "packed.json").unlink()
    for words in (["report", "--table", "2"], ["runs", "verify"], ["runs", "list"]):
        end = hxbench(*words, "--store", packed)
        assert end.code == 2
        assert "packed.json is missing: fetch it anew or pack it again" in " ".join(end.err.split())
