"""Slurm: on a real slurmctld and two slurmd on this machine, with real runs of the miniature."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml
from command_line import ended, hxbench, started, until, write_profile
from sampled import one_in

from hxbench.runs.scheduler.on_slurm import OnSlurm
from hxbench.store import Store

SIZES = {"embedding": 8, "source_hidden": 16, "projected": 8, "bottleneck": 8}
TRAINING = {"updates": 24, "batch_size": 8, "lr": 0.003, "warmup": 4, "evaluate_every": 8}
TUNING = {"epochs": 4, "warmup": 0, "selection": "last"}
SHOTS = {"languages": ["ar"], "tasks": ["pos"], "k": [5], "training": TUNING}
LONG = 1200  # updates: what is to be stopped must last a while


@pytest.fixture(scope="module")
def scale(mirror, tmp_path_factory, slurm):
    return write_profile(tmp_path_factory.mktemp("scale"), mirror)


@pytest.fixture(autouse=True)
def _node_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))  # what the batch script hands on


@pytest.fixture
def _impatient(monkeypatch):
    """Let commands of this process look at the store and ask the controller more often."""
    monkeypatch.setattr(OnSlurm.__init__, "__defaults__", ((), 0, True, 0.2, 0.5))


def meanwhile(do):
    """Start a function beside the command that this process runs next."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


def scores(record):
    return [row for row in record.metrics() if row["split"] == "test"]


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("failing", one_in(2, [False, True]))
def test_stages_and_bundles(failing, slurm, scale, tmp_path, monkeypatch):
    model = {"setting": "multi", "methods": ["hyperx-base"], "options": SIZES, "training": TRAINING}
    blocks = [model | {"few_shot": SHOTS}]
    if failing:
        blocks.append(model | {"few_shot": SHOTS, "training": TRAINING | {"lr": 1e30}})
    count = len(blocks)
    fields = {"paper": "hyperx", "about": "The tests' own.", "blocks": blocks}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    words = ["run", tmp_path / "mine.yaml", *scale.options, "--store", tmp_path / "store", "--on", "slurm"]
    shown = hxbench(*words, "--no-wait", "--json", "--sbatch=--hold")
    assert shown.code == 0, shown.err
    rows = json.loads(shown.out)
    assert {row["state"] for row in rows} == {"submitted"}
    assert len(rows) == 4 * count
    assert len({row["message"] for row in rows}) == 2 * count, "a model and a bundle of few-shot runs each"
    (plan,) = (tmp_path / "store" / "slurm").iterdir()
    assert sorted(path.name for path in plan.glob("*.sh")) == ["stage-0-0.sh", "stage-1-0.sh"]
    again = hxbench(*words, "--no-wait", "--json")
    assert json.loads(again.out) == rows
    assert list((tmp_path / "store" / "slurm").iterdir()) == [plan], "nothing was submitted twice"
    asked = tmp_path / "asked"
    logged = tmp_path / "bin" / "squeue"
    logged.parent.mkdir()
    logged.write_text(f'#!/bin/sh\n: > {asked}\nexec {shutil.which("squeue")} "$@"\n')
    logged.chmod(0o755)
    monkeypatch.setenv("PATH", f"{logged.parent}:{os.environ['PATH']}")

    def release():
        while not asked.exists():  # it has found what is queued
            time.sleep(0.02)
        slurm.said("scontrol", "release", *{row["message"].split()[-1].partition("_")[0] for row in rows})

    beside = meanwhile(release)
    watched = hxbench(*words, "--json")
    beside.join()
    assert watched.code == int(failing), watched.err
    rows = json.loads(watched.out)
    assert sorted(row["state"] for row in rows) == ["done"] * 4 + ["failed"] * 4 * failing
    assert sum(row["message"].startswith("not tried: hyperx-base multi") for row in rows) == 3 * failing
    assert ("hyperx-base multi seed 1 (mini), rate 1e+30: the" in watched.err) == failing  # loss or gradient
    store = Store(tmp_path / "store")
    assert len(store.runs()) == 4
    assert store.problems == []
    assert hxbench(*words[:-2], "--dry-run", "--json").code == 0


@pytest.mark.matrix  # of minutes; kills and stops are tried in every run of the suite
def test_preempted_it_is_queued_again_and_ends_with_the_numbers_of_an_unbroken_run(slurm, scale, tmp_path):
    words = scale.train("--setting", "multi", updates=LONG, evaluate_every=100)
    process = started(*words, "--store", tmp_path / "broken", "--on", "slurm", "--sbatch=--partition=main")
    store = Store(tmp_path / "broken")
    (index,) = until(slurm.indices, process)
    until(lambda: any(record.status.get("step") for record in store.runs(complete_only=False)), process)
    command = ["--output=/dev/null", "--wrap=sleep 3"]
    urgent = slurm.said("sbatch", "--parsable", "--partition=urgent", "--nodes=2", "--ntasks=4", *command).strip()
    assert urgent.isdecimal()
    until(lambda: slurm.indices().get(urgent) in ("RUNNING", "COMPLETING"), process)
    shown = ended(process)
    assert shown.code == 0, shown.err
    (record,) = store.runs()
    assert store.problems == []
    assert not list((tmp_path / "broken" / "slurm").iterdir()), "of a plan that is done nothing is kept"
    whole = hxbench(*words, "--store", tmp_path / "whole")
    assert whole.code == 0, whole.err
    (unbroken,) = Store(tmp_path / "whole").runs()
    assert record.id == unbroken.id
    assert scores(record) == scores(unbroken)
    assert index not in slurm.indices()


@pytest.mark.matrix
def test_a_kill_is_made_good_and_a_stop_saves(slurm, scale, tmp_path):
    words = [
        *scale.train("--setting", "multi", updates=LONG, evaluate_every=25),
        "--store",
        tmp_path,
        "--on",
        "slurm",
    ]
    process = started(*words)
    store = Store(tmp_path)
    step = lambda: max((r.status.get("step") or 0 for r in store.runs(complete_only=False)), default=0)  # noqa: E731
    until(step, process)
    (claim,) = (tmp_path / "runs").glob(".claim-*")
    first = json.loads(claim.read_text())["pid"]
    os.kill(first, signal.SIGKILL)
    before = step()
    until(lambda: claim.exists() and json.loads(claim.read_text() or "{}").get("pid", first) != first, process)
    until(lambda: step() > before, process)
    process.send_signal(signal.SIGINT)
    shown = ended(process)
    assert shown.code == 130, shown.err
    assert "stopped after step" in shown.err
    (record,) = store.runs(complete_only=False)
    assert record.state == "interrupted"
    assert slurm.indices() == {} or set(slurm.indices().values()) == {"COMPLETING"}
    assert (record.folder / "resume").is_dir()


@pytest.mark.usefixtures("_impatient")
def test_what_an_administrator_cancels_has_failed(slurm, scale, tmp_path):
    words = [*scale.train("--setting", "multi", updates=LONG), "--store", tmp_path, "--on", "slurm"]
    cancelled, before = [], slurm.indices()  # an earlier test's may still be completing

    def cancel():
        while not (found := [one for one in slurm.indices() if one not in before]):
            time.sleep(0.02)
        cancelled.extend(found)
        slurm.said("scancel", *found)

    beside = meanwhile(cancel)
    shown = hxbench(*words, "--sbatch=--begin=now+1hour")
    beside.join()
    assert shown.code == 1
    (index,) = cancelled
    assert f"Slurm job {index} ended without a word" in shown.err


def test_what_sbatch_refuses_is_said(slurm, scale, tmp_path):
    words = [*scale.train("--setting", "multi"), "--store", tmp_path, "--on", "slurm"]
    shown = hxbench(*words, "--sbatch=--partition=nowhere")
    assert shown.code == 2
    assert shown.err.splitlines()[-1] == (
        "hxbench: --on slurm: sbatch says: Invalid partition name specified. Without a cluster: --on local."
    )
    assert not (tmp_path / "slurm").exists()
    assert len([line for line in shown.err.splitlines() if line.startswith("hxbench: ")]) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on", "slurm"], "--on slurm needs Slurm's sbatch, which is not on the PATH of this machine"),
        (["--on", "slrum"], "unknown value of --on 'slrum'. Did you mean slurm?"),
        (["--no-wait"], "--no-wait only means something with --on slurm"),
        (["--on", "local", "--address", "x:1"], "--address only means something with --on ray"),
        (["--on", "ray", "--sbatch=-p x"], "--sbatch only means something with --on slurm"),
        (["--on", "slurm", "--sbatch=--comment='"], "No closing quotation"),
    ],
)
def test_a_cluster_that_is_not_there(words, said, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    shown = hxbench("train", "mbert", *words, "--store", tmp_path / "store")
    assert shown.code == 2
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    "words", [["train", "mbert"], ["fewshot", "mbert"], ["run", "hyperx/table2"], ["sweep", "scaling"]]
)
@pytest.mark.parametrize("answers", [None, 1])
def test_without_slurm_nothing_is_prepared(words, answers, monkeypatch, tmp_path):
    """There are no commands of Slurm, or they fail as where no controller answers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sbatch", "squeue", "scancel") if answers else ():
        (folder / name).write_text(f"#!/bin/sh\nexit {answers}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    for name in ("fetch", "fetch_unknown", "make_backbone"):
        monkeypatch.setattr(f"hxbench.runs.prepare.{name}", lambda *_, **__: pytest.fail("prepared something"))
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    shown = hxbench(*words, "--on", "slurm", "--store", tmp_path / "store")
    said = "needs Slurm's sbatch, which is not on the PATH" if answers is None else "no Slurm answers squeue here"
    assert (shown.code, shown.out) == (2, "")
    assert said in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not (tmp_path / "store").exists()
    assert not (tmp_path / "cache").exists()


def test_only_what_is_planned_is_done(tmp_path):
    shown = hxbench("runs", "do", "0" * 12, "--plan", tmp_path)
    assert (shown.code, shown.err) == (2, f"hxbench: {tmp_path / 'plan.json'}: there is no such plan.\n")
    (tmp_path / "plan.json").write_text('{"version": 1, "runs": {}}')
    assert "plans no run" in hxbench("runs", "do", "0" * 12, "--plan", tmp_path).err
    (tmp_path / "plan.json").write_text('{"version": 2, "runs": {}}')
    assert hxbench("runs", "do", "0" * 12, "--plan", tmp_path).code == 2


def test_the_batch_script_is_one_that_bash_reads(tmp_path):
    from hxbench.runs.scheduler.batch_script import batch_script

    text = batch_script([["a"], ["b", "c"]], tmp_path / "a b", name="x", threads=2, retries=5, at_a_time=3)
    assert "#SBATCH --array=0-1%3\n" in text
    assert "#SBATCH --cpus-per-task=2\n" in text
    assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0
    assert "USR1@90" in text
