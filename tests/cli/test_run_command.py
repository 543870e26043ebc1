"""`hxbench run` and `hxbench fewshot` on the miniature: the plan, its order, what failing and killing leave."""

import json
import shutil
import signal

import pytest
import yaml
from command_line import ended, hxbench, started, until

from hxbench.data import Corpora
from hxbench.store import Store

SIZES = {"embedding": 8, "source_hidden": 16, "projected": 8, "bottleneck": 8}
TRAINING = {"updates": 24, "batch_size": 8, "lr": 0.003, "warmup": 4, "evaluate_every": 8}
TUNING = {"epochs": 4, "warmup": 0, "selection": "last"}
SHOTS = {"languages": ["ar"], "tasks": ["pos"], "k": [5, 10], "training": TUNING}
MODEL = {"setting": "multi", "methods": ["hyperx-base"], "options": SIZES, "training": TRAINING}


def write_experiment(folder, **changes):
    block = MODEL | {"few_shot": SHOTS} | changes.pop("block", {})
    found = {"paper": "hyperx", "about": "The tests' own.", "blocks": [block], **changes}
    (folder / "mine.yaml").write_text(yaml.safe_dump(found))
    return folder / "mine.yaml"


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp("experiment"))


@pytest.fixture(scope="module")
def done(experiment, scale, tmp_path_factory):
    """A store in which the experiment has been run, and how that ended."""
    store = tmp_path_factory.mktemp("run")
    return store, hxbench("run", experiment, *scale.options, "--store", store, "--workers", 2)


def plan(experiment, scale, store, *more):
    shown = hxbench("run", experiment, *scale.options, "--store", store, "--dry-run", "--json", *more)
    assert shown.code == 0, shown.err
    return json.loads(shown.out)


def test_a_dry_run_writes_nothing(experiment, scale, tmp_path):
    found = plan(experiment, scale, tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert found["to_do"] == 1 + 2 * 3  # one model; two k, three draws
    assert found["unknown"] == 0
    assert found["estimated_by"] == {"store": 0, "flops": 7}
    assert found["updates"] == 24 + 3 * (4 * 1 + 4 * 2), "epochs of five and of ten examples, eight a batch"
    (body,) = found["backbones"]
    assert body["here"] in (True, False)
    assert [run["done"] for run in found["runs"]] == [False] * 7
    assert "+5 pos-ar" not in found["runs"][0]["title"], "what others start from comes first"
    shown = hxbench("run", experiment, *scale.options, "--store", tmp_path / "none", "--dry-run")
    assert "7 runs to do" in shown.out
    assert "0 of 7 runs are in the store (matched without data fingerprints)." in shown.out
    assert "7 by their FLOPs and the speed of this machine" in shown.out


def test_a_dry_run_needs_no_data_and_finds_what_is_done(done, experiment, scale, monkeypatch, tmp_path):
    """The ids of runs are not known then: they hold the fingerprints of data that are not read."""
    known = plan(experiment, scale, done[0])
    monkeypatch.setattr(Corpora, "__init__", None)  # nothing may open any
    assert plan(experiment, scale, done[0]) == known
    assert (known["to_do"], known["in_the_store"]) == (0, 7)
    ids = {record.id for record in Store(done[0]).runs()}
    assert {run["run"] for run in known["runs"]} == ids
    # a few-shot run from another model is another run, though its own spec says the same
    other = write_experiment(tmp_path, block={"training": TRAINING | {"warmup": 5}})
    found = plan(other, scale, done[0])
    assert [run["done"] for run in found["runs"]] == [False] * 7
    assert found["estimated_by"] == {"store": 7, "flops": 0}, "they are like those in the store"


def test_the_runs_are_done_and_shown(done, experiment, scale):
    store, first = done
    assert first.code == 0, first.err
    assert "mine.yaml: The tests' own." in first.out
    (five,) = [line.split() for line in first.out.splitlines() if line.startswith("HX-Base, k = 5")]
    assert five[4] == "3", "draws"
    records = Store(store).runs()
    assert len(records) == 7
    shots = [r for r in records if r.spec.few_shot]
    (start,) = [r for r in records if not r.spec.few_shot]
    assert {(r.spec.few_shot.k, r.spec.few_shot.draw) for r in shots} == {
        (k, d) for k in (5, 10) for d in range(3)
    }
    for record in shots:
        assert record.spec.after == {"start": start.id}
        tested = [row for row in record.metrics() if row["split"] == "test"]
        assert [(row["task"], row["language"]) for row in tested] == [("pos", "ar")]
        assert not (record.folder / "checkpoint").exists(), "hundreds of models would fill a disk"
    assert (start.folder / "checkpoint").is_dir()
    values = {(r.spec.few_shot.k, r.spec.few_shot.draw): r.metrics()[0]["value"] for r in shots}
    assert len(set(values.values())) > 1, "other sentences, other scores"
    known = plan(experiment, scale, store)
    assert (known["to_do"], known["seconds"]) == (0, 0)


def test_how_runs_ended_as_json(scale, tmp_path):
    mine = write_experiment(tmp_path, blocks=[{"setting": "multi", "methods": ["mbert"], "training": TRAINING}])
    shown = hxbench("run", mine, *scale.options, "--store", tmp_path / "store", "--json")
    (row,) = json.loads(shown.out)
    assert (shown.code, row["state"], row["title"]) == (0, "done", "mbert multi seed 1 (mini)")


def test_nothing_is_done_twice_and_a_lost_run_is_made_anew(done, experiment, scale, tmp_path):
    store = tmp_path / "copy"
    shutil.copytree(done[0], store)
    again = hxbench("run", experiment, *scale.options, "--store", store)
    assert again.code == 0
    assert "7 of 7 runs are in the store" in again.err
    shot = next(r for r in Store(store).runs() if r.spec.few_shot)
    before = [r for r in shot.metrics() if r["split"] == "test"]
    Store(store).remove(shot.id)
    found = plan(experiment, scale, store)
    assert [run["title"] for run in found["runs"] if not run["done"]] == [shot.title]
    assert found["seconds"] > 0, "it is like others in the store"
    assert hxbench("run", experiment, *scale.options, "--store", store).code == 0
    assert [r for r in Store(store).finished(shot.id).metrics() if r["split"] == "test"] == before


def test_a_failing_run_stops_only_what_needs_it(scale, tmp_path):
    blocks = [
        MODEL | {"few_shot": SHOTS, "training": TRAINING | {"lr": 1e30}},
        {"setting": "multi", "methods": ["mbert"], "training": TRAINING},
    ]
    mine = write_experiment(tmp_path, blocks=blocks)
    for workers in (1, 2):
        store = tmp_path / f"store{workers}"
        shown = hxbench("run", mine, *scale.options, "--store", store, "--workers", workers)
        assert shown.code == 1, shown.err
        assert [r.spec.method for r in Store(store).runs()] == ["mbert"]
        assert "hyperx-base multi seed 1 (mini): the" in shown.err  # loss or gradient
        assert "not tried: hyperx-base multi seed 1 (mini), which it needs, failed" in shown.err
        assert "7 of 8 runs failed" in shown.err


@pytest.mark.matrix
def test_killed_it_goes_on_from_what_is_there(done, experiment, scale, tmp_path):
    store = tmp_path / "store"
    words = ("run", experiment, *scale.options, "--store", store, "--workers", 2)
    process = started(*words)
    until(lambda: Store(store).runs(), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = {r.id for r in Store(store).runs()}
    shown = ended(started(*words))
    assert shown.code == 0, shown.err
    records = {r.id: r for r in Store(store).runs()}
    assert len(records) == 7
    assert there <= set(records)
    scores = lambda r: [row for row in r.metrics() if row["split"] == "test"]  # noqa: E731
    for record in Store(done[0]).runs():
        assert scores(records[record.id]) == scores(record)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hyperx/tabel2"], "unknown experiment 'hyperx/tabel2'. Did you mean hyperx/table2"),
        (["hyperxx/table2"], "unknown paper 'hyperxx'"),
        (["absent.yaml"], "absent.yaml: not a readable YAML file"),
    ],
)
def test_unknown_experiments(words, said):
    shown = hxbench("run", *words)
    assert shown.code == 2
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1


def test_an_unknown_key_is_named(scale, tmp_path):
    shown = hxbench("run", write_experiment(tmp_path, block={"setings": "multi"}), *scale.options)
    assert shown.code == 2
    assert "unknown blocks 0 field 'setings'" in shown.err or "setings" in shown.err
    assert len(shown.err.strip().splitlines()) == 1


def test_a_half_deleted_run_is_named(done, experiment, scale, tmp_path):
    store = tmp_path / "copy"
    shutil.copytree(done[0], store)
    start = next(r for r in Store(store).runs() if not r.spec.few_shot)
    (start.folder / "metrics.jsonl").unlink()
    shown = hxbench("run", experiment, *scale.options, "--store", store)
    assert shown.code == 2
    assert f"run {start.id}" in shown.err
    assert "metrics.jsonl is missing" in shown.err
    assert "hxbench runs rm" in shown.err


def test_a_flipped_byte_in_the_weights_of_a_start_is_found(done, experiment, scale, tmp_path):
    store = tmp_path / "copy"
    shutil.copytree(done[0], store)
    start = next(r for r in Store(store).runs() if not r.spec.few_shot)
    Store(store).remove(next(r for r in Store(store).runs() if r.spec.few_shot).id)
    weights = start.folder / "checkpoint" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    shown = hxbench("run", experiment, *scale.options, "--store", store)
    assert shown.code == 2
    assert "model.safetensors" in shown.err
    assert start.id in shown.err


# --- few-shot ----------------------------------------------------------------------------------------------------

FIELDS = [f"training.{k}={v}" for k, v in TRAINING.items()] + [f"options.{k}={v}" for k, v in SIZES.items()]
SETS = [word for field in FIELDS for word in ("--set", field)]


def fewshot(scale, store, *more):
    return hxbench("fewshot", "hyperx-base", *scale.options, *SETS, "--store", store, *more)


@pytest.fixture(scope="module")
def tuned(scale, tmp_path_factory):
    """A store with the few-shot runs of two k, two draws each, and how that ended."""
    store = tmp_path_factory.mktemp("few")
    return store, fewshot(scale, store, "--k", "5,20", "--language", "ar", "--draws", 2, "--json")


def test_fewshot_shows_every_k_beside_the_zero_shot_score(tuned, scale):
    store, shown = tuned
    assert shown.code == 0, shown.err
    rows = {row["task"]: row for row in json.loads(shown.out)}
    assert set(rows) == {"ner", "pos"}
    (start,) = [r for r in Store(store).runs() if not r.spec.few_shot]
    zero = {
        row["task"]: row["value"] for row in start.metrics() if row["split"] == "test" and row["language"] == "ar"
    }
    for task, row in rows.items():
        assert row["k=0"]["values"] == [zero[task]]
        assert len(row["k=5"]["values"]) == len(row["k=20"]["values"]) == 2
    text = fewshot(scale, store, "--k", "5,20", "--language", "ar", "--draws", 2)
    assert "k=20" in text.out
    assert "±" in text.out


def test_fewshot_trains_on_just_so_many_sentences_for_fifty_epochs(tuned):
    shots = [r for r in Store(tuned[0]).runs() if r.spec.few_shot]
    (shot,) = [
        r for r in shots if (r.spec.few_shot.task, r.spec.few_shot.k, r.spec.few_shot.draw) == ("pos", 20, 0)
    ]
    assert shot.status["updates"] == 50 * 3, "batches of 8"
    assert shot.spec.training.schedule == "constant"
    assert {row["lr"] for row in shot.history()} == {TRAINING["lr"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--k", "5,61", "--language", "ar"],
            "61 examples of ner-ar are wanted, but its training split has only 60",
        ),
        (["--k", "5", "--language", "br", "--task", "pos"], "no training split of pos-br"),
        (["--k", "5", "--language", "xx"], "unknown language 'xx'"),
        (["--k", "0"], "--k 0: expected numbers of examples"),
        (["--k", "five"], "--k five: expected numbers of examples"),
        (["--k", "5", "--task", "pso"], "unknown task 'pso'. Did you mean pos?"),
    ],
)
def test_fewshot_refuses_in_one_sentence(scale, tmp_path, words, said):
    shown = fewshot(scale, tmp_path / "store", *words)
    assert shown.code == 2
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()
