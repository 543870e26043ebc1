"""From nothing to a table, with all that may go wrong on the way: on corpora made up for it, in seconds."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from command_line import ended, hxbench, started, until

LONG = {"updates": 300, "evaluate_every": 300}  # some seconds, so that there is time to interfere
ENDLESS = {"updates": 10**6, "evaluate_every": 10**6}  # for runs that are stopped and left
RESUMED = "the same command goes on where it stopped"


@pytest.fixture(scope="module")
def trained(scale, tmp_path_factory):
    """A store with both partitions, trained by two workers after `prepare`; the answers of both commands."""
    store = tmp_path_factory.mktemp("trained")
    prepared = ended(started("prepare", *scale.options, "--json"))
    answer = ended(started(*scale.train("--workers", 2, "--store", store, "--json")))
    return store, prepared, answer


def records(store):
    """Return what `runs list` says, by partition."""
    answer = hxbench("runs", "list", "--json", "--store", store)
    assert answer.code == 0
    return {row["part"]: row for row in json.loads(answer.out)}


def scores(store, run_id):
    """Return the stored rows that are no measurements of time and memory."""
    lines = (store / "runs" / run_id / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["split"] != "cost"]


def resume_states(store, run_id="*"):
    return list(store.glob(f"runs/.work-{run_id}/resume/resume-*"))


def test_prepare_says_what_there_is(trained, scale):
    _, prepared, _ = trained
    assert prepared.code == 0, prepared.err
    said = json.loads(prepared.out)
    assert said["source"] == str(scale.mirror)
    assert said["pairs"]["pos-en"] == {"train": 90, "dev": 24, "test": 24}
    assert said["pairs"]["pos-br"] == {"test": 40}
    assert "ner-kk" in said["missing"]
    assert said["vocabulary"] == 300
    again = hxbench("prepare", *scale.options, "--json")
    assert (again.code, json.loads(again.out)) == (0, said)
    assert "pre-train" not in again.err


def test_prepare_of_some_corpora_in_words(scale):
    (other := scale.mirror / "wikiann/qxx").mkdir()
    answer = hxbench("prepare", "wikiann", *scale.options)
    other.rmdir()
    assert answer.code == 0
    assert f"Not used of {scale.mirror}: wikiann/qxx." in answer.out
    assert "90/24/24" in answer.out
    assert "wikiann (ner)" in answer.out
    assert "ud (pos)" not in answer.out
    assert f"hxbench train hyperx-base --setting mixed --profile {scale.profile}" in answer.err


def test_training_fills_the_store(trained):
    store, _, answer = trained
    assert answer.code == 0, answer.err
    assert "Not in this data source, left out: 12 of ner (ner-zh, ner-is, ner-kk and 9 more)" in answer.err
    rows = {row["title"]: row for row in json.loads(answer.out)}
    assert list(rows) == ["hyperx-base mixed a seed 1 (mini)", "hyperx-base mixed b seed 1 (mini)"]
    assert {row["run"] for row in rows.values()} == {row["id"] for row in records(store).values()}
    assert all(row["pos seen"] > 0 for row in rows.values())
    assert {row["state"] for row in records(store).values()} == {"done"}
    assert sorted(p.name for p in (store / "runs").iterdir()) == sorted(row["run"] for row in rows.values())


def test_a_training_that_learns_nothing_is_said_to_have_learned_nothing(scale, tmp_path):
    command = scale.train("--store", tmp_path, "--partition", "a", lr=1e-9)
    first = hxbench(*command)
    assert first.code == 0, first.err
    said = "hyperx-base mixed a seed 1 (mini): the training ended above the plateau of its label frequencies: "
    (line,) = [line for line in first.err.splitlines() if said in line]
    assert "POS has a loss of " in line
    assert "else more updates (training.updates) or a higher rate." in line
    again = hxbench(*command)  # which trains nothing, and shows the same scores
    assert "plateau" in again.out
    (row,) = json.loads(hxbench(*command, "--json").out)
    (stored,) = json.loads(hxbench("runs", "list", "--json", "--store", tmp_path).out)
    assert row["plateau"] == stored["plateau"]
    assert "pos" in row["plateau"]


def test_one_worker_gives_the_same_numbers(trained, scale, tmp_path):
    store, _, _ = trained
    answer = hxbench(*scale.train("--workers", 1, "--store", tmp_path))
    assert answer.code == 0, answer.err
    assert "hyperx-base" in answer.out
    runs = [row["id"] for row in records(store).values()]
    assert [row["id"] for row in records(tmp_path).values()] == runs
    for run_id in runs:
        assert scores(tmp_path, run_id) == scores(store, run_id)
        one, other = (where / "runs" / run_id / "predictions" for where in (store, tmp_path))
        names = sorted(path.name for path in one.iterdir())
        assert "pos-en.parquet" in names
        assert names == sorted(path.name for path in other.iterdir())
        assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_the_same_command_trains_nothing_twice(trained, scale, monkeypatch):
    store, _, first = trained
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    monkeypatch.setattr("hxbench.runs.session.Job.execute", lambda *_: pytest.fail("trained again"))
    answer = hxbench(*scale.train("--store", store, "--json"))
    assert (answer.code, json.loads(answer.out)) == (0, json.loads(first.out))
    assert answer.err.count("in the store already") == 2
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == before


def test_the_profile_finds_its_mirror_again(trained, scale, monkeypatch):
    """`prepare` was told where it is."""
    monkeypatch.setattr("hxbench.runs.session.Job.execute", lambda *_: pytest.fail("trained again"))
    words = [word for word in scale.train("--store", trained[0]) if word not in ("--data-source", scale.mirror)]
    assert hxbench(*words).code == 0
    assert hxbench("eval", records(trained[0])["a"]["id"], "--store", trained[0], "--language", "ug").code == 0


def test_eval_reproduces_the_stored_scores(trained):
    store, _, _ = trained
    for row in records(store).values():
        answer = hxbench("eval", row["id"][:6], "--store", store, "--json")
        assert answer.code == 0, answer.err
        keys = ("task", "language", "metric", "value", "role", "sentences", "words")
        stored = [r for r in scores(store, row["id"]) if r["split"] == "test"]
        assert len(stored) > 5
        found = sorted(([r.get(k) for k in keys] for r in json.loads(answer.out)), key=str)
        assert found == sorted(([r.get(k) for k in keys] for r in stored), key=str)


def test_eval_of_chosen_pairs_and_of_another_split(trained):
    store, _, _ = trained
    a = records(store)["a"]["id"]
    answer = hxbench("eval", a, "--store", store, "--task", "pos", "--language", "br", "--language", "ug")
    assert answer.code == 0
    assert [line.split()[3] for line in answer.out.splitlines() if a in line] == ["br", "ug"]
    dev = hxbench("eval", a, "--store", store, "--split", "dev", "--task", "ner", "--json")
    best = [row for row in scores(store, a) if row["split"] == "dev" and row["language"] == "en"]
    chosen = max(row["value"] for row in scores(store, a) if row["language"] == "mean")
    step = next(row["step"] for row in scores(store, a) if row["language"] == "mean" and row["value"] == chosen)
    stored = next(row["value"] for row in best if row["step"] == step and row["task"] == "ner")
    assert next(row["value"] for row in json.loads(dev.out) if row["language"] == "en") == stored


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--language", "fo", "--task", "pos"], "was trained on the test split of pos-fo"),
        (["--language", "kk", "--task", "ner"], "has no test split of ner-kk"),
        (["--language", "tr"], "has no test split of ner-tr"),
        (["--task", "nre"], "unknown task 'nre'. Did you mean rte or ner?"),
        (["--language", "yux"], "unknown language 'yux'. Did you mean yue?"),
        (["--split", "train"], "unknown split to score 'train'"),
        (["--data-source", "nowhere"], "there is no such folder"),
    ],
)
def test_eval_refuses_in_one_sentence(trained, words, said):
    store, _, _ = trained
    answer = hxbench("eval", records(store)["a"]["id"], "--store", store, *words)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err


def test_eval_of_an_unknown_run(trained):
    store, _, _ = trained
    answer = hxbench("eval", "zzz", "--store", store)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "unknown run 'zzz'" in answer.err


def test_eval_on_other_data_only_when_told_to(trained, scale, tmp_path):
    store, _, _ = trained
    moved = shutil.copytree(scale.mirror, tmp_path / "moved")
    test = moved / "wikiann" / "fo" / "test"
    test.write_text("fo:Nova\tB-LOC\n\n")
    a = records(store)["a"]["id"]
    answer = hxbench("eval", a, "--store", store, "--task", "ner", "--data-source", moved, "--json")
    assert answer.code == 0
    assert {row["language"]: row["sentences"] for row in json.loads(answer.out)}["fo"] == 1
    kept = (scale.mirror / "wikiann" / "fo" / "test").read_bytes()
    try:
        (scale.mirror / "wikiann" / "fo" / "test").write_bytes(test.read_bytes())
        answer = hxbench("eval", a, "--store", store)
    finally:
        (scale.mirror / "wikiann" / "fo" / "test").write_bytes(kept)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "the data are not those of run" in answer.err


def test_eval_names_a_damaged_checkpoint(trained, tmp_path):
    store = shutil.copytree(trained[0], tmp_path / "store")
    a = records(store)["a"]["id"]
    path = store / "runs" / a / "checkpoint" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)
    answer = hxbench("eval", a, "--store", store)
    assert (answer.code, answer.out) == (2, "")
    assert f"{path} is damaged" in answer.err.splitlines()[-1]


def test_the_table_has_the_scores(trained, scale):
    store, _, answer = trained
    report = hxbench("report", "--table", "2", "--profile", scale.profile, "--store", store, "--format", "json")
    assert report.code == 0, report.err
    [table] = json.loads(report.out)
    assert table["facts"]["profile"] == "mini"
    shown = hxbench("report", "--table", "2", "--profile", scale.profile, "--store", store).out
    [row] = [line for line in shown.splitlines() if line.startswith("HX-Base") and "–*" not in line]
    means = {}
    for run in json.loads(answer.out):
        for row_ in scores(store, run["run"]):
            if (row_["split"], row_["task"], row_.get("role")) == ("test", "pos", "target"):
                means.setdefault(row_["language"], []).append(row_["value"])
    unseen = [sum(v) / len(v) for code, v in means.items() if code in ("fo", "ug")]
    assert unseen
    assert f"{sum(unseen) / len(unseen):.1f}" in row
    elsewhere = hxbench("report", "--table", "2", "--store", store)
    assert "the store also has runs of mini" in elsewhere.out


def test_runs_show_and_rm(trained, tmp_path):
    store = shutil.copytree(trained[0], tmp_path / "store")
    a, b = (records(store)[part]["id"] for part in "ab")
    shown = json.loads(hxbench("runs", "show", a, "--json", "--store", store).out)
    assert shown["provenance"]["trained_on"]["pos-fo"] == "test"
    assert shown["cost"]["trainable_parameters"] > shown["cost"]["counted_parameters"] > 0
    assert hxbench("runs", "rm", a, "--yes", "--store", store).code == 0
    assert list(records(store)) == ["b"]
    assert (store / "runs" / b / "checkpoint" / "model.safetensors").exists()


def test_a_loss_that_is_not_finite_fails_the_run(scale, tmp_path):
    answer = hxbench(*scale.train("--partition", "a", "--store", tmp_path, lr="1e30", warmup=0))
    assert (answer.code, answer.out) == (1, "")
    assert "the update was not made" in answer.err
    assert "1 of 1 runs failed" in answer.err.splitlines()[-1]
    assert "Traceback" not in answer.err
    assert records(tmp_path)["a"]["state"] == "failed"


def test_a_bug_in_one_run_leaves_the_others(scale, tmp_path, monkeypatch):
    from hxbench.runs.session import Job

    execute = Job.execute
    monkeypatch.setattr(Job, "execute", lambda job, tell: 1 // (job.spec.partition == "b") and execute(job, tell))
    answer = hxbench(*scale.train("--workers", 1, "--store", tmp_path))
    assert answer.code == 1
    assert "hyperx-base mixed a seed 1 (mini): unexpected ZeroDivisionError" in answer.err
    assert {part: row["state"] for part, row in records(tmp_path).items()} == {"b": "done"}


@pytest.fixture(scope="module")
def killed(trained, scale, tmp_path_factory):
    """A store in which the process of partition b was killed in the middle, and how that command ended."""
    store = tmp_path_factory.mktemp("killed")
    process = started(*scale.train("--workers", 2, "--store", store, "--checkpoint-every", 10, **LONG))

    def worker_of_b():
        for state in resume_states(store):
            work = state.parent.parent
            if "partition: b" in (work / "spec.yaml").read_text():
                claim = store / "runs" / work.name.replace(".work-", ".claim-")
                return json.loads(claim.read_text())["pid"]
        return None

    os.kill(until(worker_of_b, process), signal.SIGKILL)
    return store, ended(process)


@pytest.mark.matrix
def test_a_killed_worker_does_its_run_again(killed):
    store, answer = killed
    assert answer.code == 0, answer.err
    again = "hyperx-base mixed b seed 1 (mini): its process was killed by signal 9; it will be tried again"
    assert answer.err.count(again) == 1
    assert "Traceback" not in answer.err
    assert {part: row["state"] for part, row in records(store).items()} == {"a": "done", "b": "done"}
    assert {entry.name for entry in (store / "runs").iterdir()} == {row["id"] for row in records(store).values()}


@pytest.mark.matrix
def test_the_same_command_completes_what_was_killed(killed, scale, tmp_path):
    words = scale.train("--partition", "b", "--store", tmp_path, "--checkpoint-every", 10, **LONG)
    process = started(*words)
    until(lambda: resume_states(tmp_path), process)
    process.kill()
    ended(process)
    [state] = resume_states(tmp_path)
    assert 0 < int(state.name.rpartition("-")[2]) < LONG["updates"]
    answer = hxbench(*words)
    assert answer.code == 0, answer.err
    assert {part: row["state"] for part, row in records(tmp_path).items()} == {"b": "done"}
    run_id = records(tmp_path)["b"]["id"]
    assert scores(tmp_path, run_id) == scores(killed[0], run_id)


@pytest.mark.matrix
def test_sigterm_saves_and_the_run_ends_as_if_unbroken(killed, scale, tmp_path):
    words = scale.train("--partition", "a", "--store", tmp_path, **LONG)
    process = started(*words, "--checkpoint-every", 10)
    until(lambda: resume_states(tmp_path), process)
    process.send_signal(signal.SIGTERM)
    stopped = ended(process)
    assert (stopped.code, stopped.out) == (143, "")
    step = int(resume_states(tmp_path)[0].name.rpartition("-")[2])
    assert 0 < step < LONG["updates"]
    assert f"stopped after step {step}, which is saved" in stopped.err
    assert RESUMED in stopped.err.splitlines()[-1]
    assert records(tmp_path)["a"]["state"] == "interrupted"
    half_way = hxbench("eval", records(tmp_path)["a"]["id"], "--store", tmp_path)
    assert (half_way.code, half_way.err.count("\n")) == (2, 1)
    assert "is not finished (interrupted)" in half_way.err
    assert hxbench(*words).code == 0
    run_id = records(killed[0])["a"]["id"]
    assert scores(tmp_path, run_id) == scores(killed[0], run_id)


def test_sigint_reaches_all_workers(scale, tmp_path):
    process = started(*scale.train("--workers", 2, "--store", tmp_path, "--checkpoint-every", 10, **ENDLESS))
    until(lambda: len({path.parent for path in resume_states(tmp_path)}) == 2, process)
    process.send_signal(signal.SIGINT)
    stopped = ended(process)
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.count("which is saved") == 2
    assert RESUMED in stopped.err.splitlines()[-1]
    assert "Traceback" not in stopped.err
    assert {row["state"] for row in records(tmp_path).values()} == {"interrupted"}


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
@pytest.mark.matrix
def test_a_signal_while_workers_start(scale, tmp_path):
    """They cannot save anything yet, and must neither die noisily nor go on alone."""
    process = started(*scale.train("--workers", 2, "--store", tmp_path, **ENDLESS))

    def workers_are_there():  # children of what starts them, or beside the one that watches over resources
        mine = children(process.pid)
        return len(mine) >= 3 or sum(len(children(pid)) for pid in mine) >= 2

    until(workers_are_there, process)
    process.send_signal(signal.SIGTERM)
    stopped = ended(process)
    assert stopped.code == 143, stopped.err
    assert "Traceback" not in stopped.err
    assert RESUMED in stopped.err.splitlines()[-1]
    assert not [row for row in records(tmp_path).values() if row["state"] in ("running", "failed")]


def children(pid):
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.mark.matrix
def test_workers_stop_when_the_command_is_killed(scale, tmp_path):
    process = started(*scale.train("--workers", 2, "--store", tmp_path, "--checkpoint-every", 10, **ENDLESS))
    until(lambda: len({path.parent for path in resume_states(tmp_path)}) == 2, process)
    process.kill()
    ended(process)  # whose pipes stay open as long as a worker lives
    assert {row["state"] for row in records(tmp_path).values()} == {"interrupted"}


@pytest.mark.matrix
def test_commands_at_once_in_one_store(trained, scale, tmp_path):
    """Different runs do not disturb each other; the same run is refused to the second, who breaks nothing."""
    a, b = (scale.train("--partition", part, "--store", tmp_path, **LONG) for part in "ab")
    first, other = started(*a), started(*b)
    until(lambda: list(tmp_path.glob("runs/.work-*/status.json")), first)
    run_of_a = until(lambda: records(tmp_path).get("a"), first)["id"]
    first.send_signal(signal.SIGSTOP)  # alive, and sure not to end before the second has looked
    second = hxbench(*a)
    removal = hxbench("runs", "rm", run_of_a, "--yes", "--store", tmp_path)
    first.send_signal(signal.SIGCONT)
    assert (second.code, second.out) == (1, "")
    assert f"the run {run_of_a} (hyperx-base mixed a seed 1 (mini)) is being worked on by another" in second.err
    assert "1 of 1 runs failed" in second.err
    assert (removal.code, removal.err.count("\n")) == (1, 1)
    for answer in (ended(first), ended(other)):
        assert answer.code == 0, answer.err
    assert {part: row["state"] for part, row in records(tmp_path).items()} == {"a": "done", "b": "done"}
    assert {entry.name for entry in (tmp_path / "runs").iterdir()} == {r["id"] for r in records(tmp_path).values()}


@pytest.mark.parametrize("name", ["metrics.jsonl", "status.json", "spec.yaml", "manifest.json", "history.jsonl"])
def test_a_run_that_was_changed_is_neither_taken_as_done_nor_replaced(trained, scale, tmp_path, name):
    shutil.copytree(trained[0], tmp_path / "store")
    (run_id, *_) = sorted(path.name for path in (tmp_path / "store" / "runs").iterdir())
    changed = tmp_path / "store" / "runs" / run_id / name
    changed.write_text("")
    answer = hxbench(*scale.train("--store", tmp_path / "store"))
    assert answer.code == 2
    (said,) = [line for line in answer.err.splitlines() if line.startswith("hxbench: ")]
    assert f"run {run_id}: {name}" in said
    assert f"hxbench runs rm {run_id} --store {tmp_path / 'store'} removes it" in said
    assert changed.read_text() == ""
