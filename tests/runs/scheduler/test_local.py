"""Processes on this machine: kills, retries, and what a stop leaves."""

import importlib
import os
import random
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from brief import Heard, brief_jobs, notes, require_each_once

from hxbench.runs.scheduler.jobs import RETRIES
from hxbench.runs.scheduler.local import OnThisMachine
from hxbench.runs.scheduler.worker_process import PRELOADED, free_gpu, visible_gpus


class Killer(threading.Thread):
    """Kills a process that works on a job every so often until it is told to stop."""

    def __init__(self, store, every, seed=0):
        super().__init__(daemon=True)
        self.store, self.every, self.draw = store, every, random.Random(seed)
        self.killed, self.stop = set(), threading.Event()

    def run(self):
        while not self.stop.wait(self.every):
            claims = sorted((self.store / "runs").glob(".claim-*")) if (self.store / "runs").is_dir() else []
            if not claims:
                continue
            try:
                pid = int(self.draw.choice(claims).read_text().partition('"pid": ')[2].partition(",")[0])
                assert pid != os.getpid()
                if pid not in self.killed:  # else this is what it has left behind
                    os.kill(pid, signal.SIGKILL)
                    self.killed.add(pid)
            except (FileNotFoundError, ValueError, ProcessLookupError):  # it was about to end
                continue


def test_workers_that_are_killed_lose_no_run_and_do_none_twice(tmp_path):
    bundles = dict.fromkeys(range(20, 24), "short")
    entries = brief_jobs(tmp_path, 24, bundles=bundles, needs={23: {3}, 9: {2}}, steps=12, pause=0.04)
    killer, heard = Killer(tmp_path, every=0.8), Heard()
    killer.start()
    results = OnThisMachine(4).run(entries, heard)
    killer.stop.set()
    killer.join()
    assert [result.state for result in results] == ["done"] * 24
    assert 3 <= len(heard.tried_again) <= len(killer.killed), "one that is killed at its very end has ended"
    assert {how for _, how in heard.tried_again} == {"was killed by signal 9"}
    require_each_once(entries, tmp_path)


def test_a_run_that_kills_its_process_every_time_fails_in_the_end_and_alone(tmp_path):
    entries = brief_jobs(tmp_path, 4, faults={1: "die", 3: "fail"}, bundles={1: "x", 2: "x"}, steps=4, pause=0.0)
    heard = Heard()
    results = OnThisMachine(2).run(entries, heard)
    assert [result.state for result in results] == ["done", "failed", "done", "failed"]
    assert f"was killed by signal 9, {RETRIES + 1} times in a row without getting further" in results[1].message
    assert results[3].message == "the loss is nan"
    tried = [line.split()[0] for line in notes(tmp_path / "attempts")]
    # the first death comes after two steps, which counts as getting further: as many more as are allowed follow
    assert tried.count(entries[1].job.spec.run_id) == RETRIES + 1
    assert tried.count(entries[3].job.spec.run_id) == 1, "what failed by itself would fail again"


def test_a_run_that_gets_further_each_time_is_never_given_up(tmp_path):
    entries = brief_jobs(tmp_path, 2, steps=RETRIES + 8, pause=0.15)
    target = entries[0].job.spec.run_id
    stop = threading.Event()

    def kill_at_every_second_step():
        from hxbench.store import Store

        store, last = Store(tmp_path), 0
        while not stop.wait(0.01):
            if (store.at_work(target) or {}).get("step", 0) > last:
                last = store.step(target)
                os.kill(int(notes(tmp_path / "attempts") and _pid(tmp_path, target)), signal.SIGKILL)

    thread = threading.Thread(target=kill_at_every_second_step, daemon=True)
    thread.start()
    heard = Heard()
    results = OnThisMachine(2).run(entries, heard)
    stop.set()
    thread.join()
    assert [result.state for result in results] == ["done", "done"]
    assert sum(number == 0 for number, _ in heard.tried_again) > RETRIES
    require_each_once(entries, tmp_path)


def _pid(store, run_id):
    return [line.split()[1] for line in notes(store / "attempts") if line.startswith(run_id)][-1]


def test_a_stop_reaches_those_at_work_and_starts_no_other(tmp_path):
    entries = brief_jobs(tmp_path, 6, steps=200, pause=0.05)

    def stop_when_two_are_at_work():
        while len(notes(tmp_path / "attempts")) < 2:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop_when_two_are_at_work, daemon=True)
    thread.start()
    results = OnThisMachine(2).run(entries, Heard())
    thread.join()
    assert [result.state for result in results] == ["interrupted"] * 6
    assert [result.is_told for result in results] == [True] * 2 + [False] * 4
    assert [result.signal for result in results[:2]] == [signal.SIGTERM] * 2


def test_as_many_at_a_time_as_the_cores_carry(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
    assert OnThisMachine(0).at_a_time(2) == 4
    assert OnThisMachine(0).at_a_time(0) == 1, "one that takes every core"
    assert OnThisMachine(0).at_a_time(16) == 1
    assert OnThisMachine(3).at_a_time(2) == 3
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert OnThisMachine(3).at_a_time(2) == 1


@pytest.mark.parametrize(
    ("count", "given", "seen"),
    [(2, None, ["0", "1"]), (2, "5, 7", ["5", "7"]), (1, None, [None]), (1, "3", ["3"]), (0, "", [""])],
)
def test_every_worker_sees_one_of_several_gpus(count, given, seen, monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    entries = brief_jobs(tmp_path, 2, steps=6)  # both at work at a time
    assert [result.state for result in OnThisMachine(2).run(entries, Heard())] == ["done"] * 2
    found = [line.partition("=")[2] if "=" in line else None for line in notes(tmp_path / "gpus")]
    assert sorted(found, key=str) == (seen if count > 1 else seen * 2)


def test_more_workers_than_gpus_share_them_in_turn(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b,-1,4")  # what follows a number below 0 is not seen
    gpus = visible_gpus()
    workers = []
    for _ in range(5):
        workers.append(SimpleNamespace(gpu=free_gpu(gpus, workers)))
    assert [worker.gpu for worker in workers] == ["MIG-a", "MIG-b", "MIG-a", "MIG-b", "MIG-a"]
    del workers[1], workers[2]  # both with the second
    assert free_gpu(gpus, workers) == "MIG-b"


@pytest.mark.parametrize("name", PRELOADED)
def test_what_is_preloaded_is_there(name):
    importlib.import_module(name)  # the server of processes passes over in silence what it cannot import
