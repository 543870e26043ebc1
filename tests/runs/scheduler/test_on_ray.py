"""Ray: on a real cluster of two nodes on this machine."""

import os
import signal
import socket
import sys
import threading
import time

import pytest
from brief import Heard, brief_jobs, notes, require_each_once
from command_line import ended, hxbench, started, write_profile

from hxbench.errors import InputError
from hxbench.runs.scheduler.on_ray import OnRay
from hxbench.store import Store


@pytest.fixture
def here(ray_cluster):
    place = OnRay(ray_cluster.address)
    place.require()
    return place


def test_each_after_what_it_needs_on_both_nodes(here, tmp_path):
    needs, bundles = {2: {0}, 3: {1}, 7: {4, 5}}, {5: "x", 6: "x"}
    entries = brief_jobs(tmp_path, 8, faults={1: "fail"}, needs=needs, bundles=bundles, steps=6, pause=0.1)
    heard = Heard()
    results = here.run(entries, heard)
    assert [result.state for result in results] == [
        "done", "failed", "done", "failed", "done", "done", "done", "done"
    ]  # fmt: skip
    assert results[1].message == "the loss is nan"
    assert results[3].message.startswith("not tried: ")
    assert heard.over == dict(enumerate(results))
    order = notes(tmp_path / "finished")
    place = {number: order.index(entries[number].job.spec.run_id) for number in (0, 2, 4, 5, 7)}
    assert place[0] < place[2]
    assert max(place[4], place[5]) < place[7]
    processes = {line.split()[1] for line in notes(tmp_path / "attempts")}
    assert str(os.getpid()) not in processes
    assert len(processes) > 1


def test_a_worker_that_is_killed_does_its_run_again_from_where_it_was(here, tmp_path):
    entries = brief_jobs(tmp_path, 3, faults={2: "die"}, steps=12, pause=0.15)

    def kill_the_first():
        while (
            not (pids := dict(line.split() for line in notes(tmp_path / "attempts")))
            or not (tmp_path / "runs" / f".work-{entries[0].job.spec.run_id}" / "status.json").exists()
        ):
            time.sleep(0.02)
        time.sleep(0.6)
        os.kill(int(pids[entries[0].job.spec.run_id]), signal.SIGKILL)

    thread = threading.Thread(target=kill_the_first, daemon=True)
    thread.start()
    heard = Heard()
    results = here.run(entries, heard)
    thread.join()
    assert [result.state for result in results] == ["done", "done", "failed"]
    assert "times in a row without getting further" in results[2].message
    assert [number for number, _ in heard.tried_again].count(0) == 1
    finished = notes(tmp_path / "finished")
    assert sorted(finished) == sorted(entry.job.spec.run_id for entry in entries[:2])
    (steps,) = [row["value"] for row in Store(tmp_path).finished(entries[0].job.spec.run_id).metrics()]
    assert 0 < steps < 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_reaches_the_tasks_and_the_same_call_goes_on(here, tmp_path, number):
    # on a busy machine the second may begin seconds after the first, which must not be over then
    entries = brief_jobs(tmp_path, 6, steps=600, pause=0.1)

    def stop():
        while len(notes(tmp_path / "attempts")) < 2:
            time.sleep(0.02)
        time.sleep(0.5)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop, daemon=True)
    thread.start()
    begun = time.monotonic()
    results = OnRay(here.address, 2).run(entries, Heard())
    thread.join()
    assert time.monotonic() - begun < 120
    assert [result.state for result in results] == ["interrupted"] * 6
    assert [result.is_told for result in results] == [True] * 2 + [False] * 4
    assert len(notes(tmp_path / "attempts")) == 2, "no other was started"
    quick = brief_jobs(tmp_path, 6, steps=600, pause=0.0)
    assert [result.state for result in here.run(quick, Heard())] == ["done"] * 6
    require_each_once(quick, tmp_path)


def test_progress_is_read_from_the_store(here, tmp_path):
    heard = Heard()
    here.run(brief_jobs(tmp_path, 1, steps=30, pause=0.15), heard)
    assert heard.begun == [0]
    steps = [done for _, done, total in heard.steps if total == 30]
    assert steps == sorted(set(steps))
    assert len(steps) >= 2


def test_real_runs_through_the_command_line(ray_cluster, mirror, tmp_path):
    scale = write_profile(tmp_path, mirror)
    words = [*scale.train("--store", tmp_path / "store"), "--on", "ray"]  # two partitions
    shown = ended(started(*words, "--address", ray_cluster.address))
    assert shown.code == 0, shown.err
    assert "hyperx-base mixed: 2 done, 0 running, 0 failed, 0 left" in shown.err
    store = Store(tmp_path / "store")
    assert sorted(record.spec.partition for record in store.runs()) == ["a", "b"]
    here = hxbench(*scale.train("--store", tmp_path / "here", "--partition", "a"))
    assert here.code == 0, here.err
    (local,) = Store(tmp_path / "here").runs()
    scores = lambda record: [row for row in record.metrics() if row["split"] == "test"]  # noqa: E731
    assert scores(store.finished(local.id)) == scores(local)


def test_without_ray_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    shown = hxbench("train", "mbert", "--on", "ray", "--store", tmp_path / "store")
    said = "hxbench: --on ray needs Ray, which is not installed: pip install 'hxbench[ray]'.\n"
    assert (shown.code, shown.out, shown.err) == (2, "", said)


def test_a_cluster_that_is_not_there(tmp_path, monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'hxbench[ray]'")
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(InputError, match=f"no Ray cluster answers at {address}"):
            OnRay(address).require()
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(InputError, match=f"no Ray cluster answers at {address}"):
            OnRay().require()
        assert time.monotonic() - begun < 15
