"""Claims between real processes: one wins, a dead or silent one is taken over, by exactly one taker."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sampled import one_in

from hxbench.errors import InputError
from hxbench.processes import machine
from hxbench.spec import recipe
from hxbench.store import RunBusy, Store, claim

HOLD = """
import sys, time
from pathlib import Path
from hxbench.spec import recipe
from hxbench.store import Store
spec = recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=int(sys.argv[2]))
with Store(Path(sys.argv[1])).open_run(spec) as run:
    run.status(step=3)
    print("held", flush=True)
    time.sleep(60)
"""
# all are told to begin when all are ready, so that they do meet; who has the run keeps it until told to finish
RACE = """
import sys
from pathlib import Path
from hxbench.spec import recipe
from hxbench.store import RunBusy, Store
store, seed = Store(Path(sys.argv[1])), int(sys.argv[2])
spec = recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)
print("ready", flush=True)
sys.stdin.readline()
try:
    with store.open_run(spec) as run:
        for number in range(20):
            run.write_metrics([{"value": number, "writer": sys.argv[3]}] * 50)
        print("has it", flush=True)
        sys.stdin.readline()
        run.finish(writer=sys.argv[3])
except RunBusy:
    print("busy", flush=True)
"""


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process):
    process.stdin.write("go on\n")
    process.stdin.flush()


def raced(processes):
    """Let them go all at once; return what each said."""
    assert [process.stdout.readline().strip() for process in processes] == ["ready"] * len(processes)
    for process in processes:
        say(process)
    return [process.stdout.readline().strip() for process in processes]


def spec_of(seed):
    return recipe.resolve("hyperx-base", setting="mixed", partition="a", seed=seed)


@pytest.fixture
def holder(tmp_path):
    process = start(HOLD, tmp_path, 1)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_live_process_keeps_its_run_and_a_killed_one_is_taken_over(tmp_path, holder):
    store, spec = Store(tmp_path), spec_of(1)
    with pytest.raises(RunBusy, match=f"process {holder.pid}"):
        store.open_run(spec)
    assert store.runs(complete_only=False)[0].state == "running"
    with store.open_run(spec_of(2)):
        pass  # another run is free
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert next(r for r in store.runs(complete_only=False) if r.id == spec.run_id).state == "interrupted"
    with store.open_run(spec) as run:
        assert json.loads((run.folder / "status.json").read_text())["step"] == 3
        run.finish()
    assert store.is_complete(spec.run_id)


def test_a_silent_host_is_taken_over_and_its_late_writes_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "HEARTBEAT_SECONDS", 3600)
    store, spec = Store(tmp_path), spec_of(1)
    path = tmp_path / "runs" / f".claim-{spec.run_id}"
    silent = store.open_run(spec)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "another", "pid": 1}))
    with pytest.raises(RunBusy):
        store.open_run(spec)
    old = time.time() - claim.STALE_SECONDS - 5
    os.utime(path, (old, old))
    with store.open_run(spec) as taker:
        taker.write_metrics([{"value": "taker"}])
        with pytest.raises(RunBusy, match="taken over"):
            silent.write_metrics([{"value": "silent"}])
        silent.__exit__(None, None, None)
        assert path.exists(), "the one who lost the claim must not release the taker's"
        final = taker.finish()
    assert silent.finish() == final
    assert (final / "metrics.jsonl").read_text() == '{"value": "taker"}\n'


def test_the_heartbeat_keeps_a_claim_fresh(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "HEARTBEAT_SECONDS", 0.02)
    held = claim.Claim(tmp_path / "claim", "it")
    held.acquire()
    os.utime(tmp_path / "claim", (1, 1))
    until = time.time() + 5
    while (tmp_path / "claim").stat().st_mtime == 1 and time.time() < until:
        time.sleep(0.01)
    assert (tmp_path / "claim").stat().st_mtime > 1
    held.release()
    assert not (tmp_path / "claim").exists()


def test_a_taker_gives_back_a_claim_that_was_renewed_under_its_hands(tmp_path, monkeypatch):
    path = tmp_path / "claim"
    monkeypatch.setattr(claim, "HEARTBEAT_SECONDS", 3600)
    path.write_text(json.dumps({"machine": machine(), "pid": 2**22 + 1, "token": "dead"}))
    judge = claim._stale
    fresh = json.dumps({"machine": machine(), "pid": os.getpid(), "token": "fresh"})

    def slow(where, said):
        verdict = judge(where, said)
        if verdict:  # a faster taker comes between the look and the rename
            path.write_text(fresh)
        return verdict

    monkeypatch.setattr(claim, "_stale", slow)
    with pytest.raises(RunBusy):
        claim.Claim(path, "it").acquire()
    assert path.read_text() == fresh
    assert [p.name for p in tmp_path.iterdir()] == ["claim"]


@pytest.mark.parametrize("stale", one_in(2, [True, False]))
def test_of_many_processes_on_one_run_one_wins(tmp_path, stale):
    run_id = spec_of(1).run_id
    if stale:
        (tmp_path / "runs").mkdir()
        gone = {"machine": machine(), "pid": 2**22 + 1, "token": "x"}
        (tmp_path / "runs" / f".claim-{run_id}").write_text(json.dumps(gone))
    processes = [start(RACE, tmp_path, 1, number) for number in range(4)]
    said = raced(processes)
    assert sorted(said) == ["busy", "busy", "busy", "has it"]
    say(processes[said.index("has it")])
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    (record,) = Store(tmp_path).runs(complete_only=False)
    assert record.status["writer"] == str(said.index("has it"))
    assert {row["writer"] for row in record.metrics()} == {record.status["writer"]}


def test_processes_on_different_runs_do_not_disturb_each_other_or_a_reader(tmp_path):
    processes = [start(RACE, tmp_path, seed, seed) for seed in (1, 2)]
    assert raced(processes) == ["has it", "has it"]
    for process in processes:
        say(process)
    store, seen = Store(tmp_path), set()
    while any(process.poll() is None for process in processes):
        for record in store.runs():
            assert record.metrics()[-1] == {"value": 19, "writer": record.status["writer"]}
            seen.add(record.id)
        assert store.problems == []
    assert [process.returncode for process in processes] == [0, 0]
    assert {record.id for record in store.runs()} == {spec_of(1).run_id, spec_of(2).run_id} >= seen


def put(path, text, age=0.0):
    path.write_text(text)
    when = time.time() - age
    os.utime(path, (when, when))


HERE = {"machine": machine(), "token": "theirs"}


@pytest.mark.parametrize("pid", [10**30, 2**31, -1, 0, True, 1.5, "12", None, [1]])
@pytest.mark.parametrize("age", [0.0, claim.STALE_SECONDS + 5])
def test_a_claim_with_an_impossible_process_is_stale_by_its_age(tmp_path, pid, age):
    put(tmp_path / "claim", json.dumps({**HERE, "pid": pid}), age)
    assert claim.is_held(tmp_path / "claim") == (age == 0)
    if age:
        held = claim.Claim(tmp_path / "claim", "it")
        held.acquire()
        held.release()
        assert list(tmp_path.iterdir()) == []
    else:
        with pytest.raises(RunBusy, match=r"by another process\.$"):
            claim.Claim(tmp_path / "claim", "it").acquire()


def test_a_claim_from_the_future_is_stale_like_one_from_the_past(tmp_path):
    put(tmp_path / "claim", json.dumps({"machine": "another", "pid": 1, "token": "x"}), -3600)
    assert not claim.is_held(tmp_path / "claim")
    claim.Claim(tmp_path / "claim", "it").acquire()


def test_what_is_no_claim_is_stale_by_its_age_and_never_waited_for(tmp_path):
    makers = {
        "binary": lambda path: path.write_bytes(bytes(range(256))),
        "large": lambda path: path.write_bytes(b"[" * 10_000_000),
        "a list": lambda path: path.write_text("[1]"),
        "empty": lambda path: path.write_text(""),
        "a pipe": os.mkfifo,
        "a folder": lambda path: (path / "inner").mkdir(parents=True),
        "closed": lambda path: (path.write_text("{}"), path.chmod(0)),
        "a link": lambda path: path.symlink_to(path.with_name("nowhere")),
    }
    for name, make in makers.items():
        path = tmp_path / "claim"
        make(path)
        with pytest.raises(RunBusy):
            claim.Claim(path, name).acquire()
        old = time.time() - claim.STALE_SECONDS - 5
        os.utime(path, (old, old), follow_symlinks=False)
        held = claim.Claim(path, name)
        held.acquire()
        assert held.held(), name
        held.release()
        assert list(tmp_path.iterdir()) == [], name


@pytest.mark.parametrize("written", ["nothing", "a part"])
def test_a_claim_that_could_not_be_written_leaves_nothing(tmp_path, monkeypatch, written):
    real = os.write

    def full(handle, content):
        if written == "nothing":
            raise OSError(28, "No space left on device")
        return real(handle, content[:5])

    monkeypatch.setattr(claim.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        claim.Claim(tmp_path / "claim", "it").acquire()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_does_not_keep_a_run_from_being_removed(tmp_path, monkeypatch, holder):
    store = Store(tmp_path)
    with store.open_run(spec_of(2)) as run:
        run.write_metrics([{"value": 1}])
        run.finish()
    real = os.open

    def full(path, flags, *more, **others):
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return real(path, flags, *more, **others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", full)
        store.remove(spec_of(2).run_id)
        with pytest.raises(InputError, match="No space left"):  # a live process has it
            store.remove(spec_of(1).run_id)
        with pytest.raises(InputError, match="No space left"):
            store.open_run(spec_of(3))
    assert [record.id for record in store.runs(complete_only=False)] == [spec_of(1).run_id]
