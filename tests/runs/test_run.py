"""Whole runs of the miniature: what the store gets, and that no interruption changes it."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
import train_in_process
from miniature import resolved, spec_for
from sampled import one_in
from text_miniature import write_text_mirror
from tiny_decoders import save_decoder

from hxbench.errors import RunError
from hxbench.runs import train as stage
from hxbench.runs.assemble import build, costs
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.train import run
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks import task_of
from hxbench.tasks.scoring.metrics import score
from hxbench.training.checkpoint import load_weights
from hxbench.training.loop import Interrupted

SCRIPT = Path(__file__).with_name("train_in_process.py")
TIMES = {"wall_seconds", "device_seconds", "peak_memory_bytes", "tokens_per_second"}


def prepared(corpora, tiny, method="hyperx-base", **changes):
    spec, plan = resolved(spec_for(method, **changes), corpora)
    assert spec.backbone == tiny
    return spec, plan


@pytest.fixture(scope="session")
def unbroken(corpora, tiny, tmp_path_factory):
    """Finished runs by method, trained without a break."""
    store = Store(tmp_path_factory.mktemp("store"))
    return {
        method: run(*prepared(corpora, tiny, method), corpora, store) for method in ("hyperx-base", "mbert")
    } | {"store": store}


def record(folder):
    (found,) = [r for r in Store(folder.parents[1]).runs() if r.id == folder.name]
    return found


def content(folder):
    """Everything that must not depend on how often a run was stopped: bytes, or rows without times."""
    files = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    found = {n: p.read_bytes() for n, p in files.items() if n.startswith(("checkpoint/", "predictions/", "spec"))}
    kept = record(folder)
    found["metrics"] = [row for row in kept.metrics() if row["metric"] not in TIMES]
    found["history"] = [{k: v for k, v in row.items() if k != "seconds"} for row in kept.history()]
    found["names"] = sorted(files)
    return found


@pytest.mark.parametrize("method", ["hyperx-base", "mbert"])
def test_a_run_leaves_its_scores_predictions_weights_and_costs(method, unbroken, corpora, tiny):
    spec, plan = prepared(corpora, tiny, method)
    kept = record(unbroken[method])
    assert kept.id == spec.run_id
    assert kept.spec == spec
    assert kept.state == "done"
    tests = {Pair(r["task"], r["language"]): r for r in kept.metrics() if r["split"] == "test"}
    assert set(tests) == set(plan.test)
    for pair, row in tests.items():
        assert row["metric"] == task_of(pair.task).metric
        assert row["role"] == ("source" if pair in plan.train else "target")
        predictions = kept.predictions(*pair)
        assert len(predictions["gold"]) == row["sentences"] == len(corpora.load(*pair, "test"))
        assert row["value"] == score(pair.task, predictions["gold"], predictions["predicted"])
        counts = kept.sentence_counts()[pair]
        assert len(counts) == row["sentences"]
        correct, found, wanted = map(sum, zip(*counts, strict=True))
        assert row["value"] == 200.0 * correct / (found + wanted)
        names = task_of(pair.task).labels
        assert predictions["gold"] == [[names[t] for t in tags] for tags in corpora.load(*pair, "test")["tags"]]
    validation = [r for r in kept.metrics() if r["split"] == "dev" and r["metric"] != "score"]
    assert {r["step"] for r in validation} == {8, 16, 24}
    assert {Pair(r["task"], r["language"]) for r in validation} == set(plan.validation)
    means = {r["step"]: r["value"] for r in kept.metrics() if r["metric"] == "score"}
    for step, mean in means.items():
        own = [r["value"] for r in validation if r["step"] == step]
        assert mean == pytest.approx(sum(own) / len(own))
    best = min(step for step, mean in means.items() if mean == max(means.values()))
    assert {r["step"] for r in tests.values()} == {best}
    costed = {r["metric"]: r["value"] for r in kept.metrics() if r["split"] == "cost"}
    assert costed["trainable_parameters"] == costs(spec)["trainable"]
    assert costed.keys() >= TIMES
    assert all(costed[name] > 0 for name in TIMES)
    provenance = kept.provenance()
    assert provenance["trained_on"] == {str(pair): split for pair, split in plan.train.items()}
    updates = provenance["updates_by_task"]
    assert sum(updates.values()) == spec.training.updates
    assert (updates.get("mlm", 0) > 0) == (method == "hyperx-base")
    assert "resume" not in {p.name for p in unbroken[method].iterdir()}
    assert not [p for p in unbroken[method].rglob("*") if p.name.startswith(".")]


@pytest.mark.parametrize("method", ["hyperx-base", "mbert"])
def test_the_checkpoint_gives_the_predictions_again(method, unbroken, corpora, tiny):

    spec, plan = prepared(corpora, tiny, method)
    backbone = get_backbone(tiny)
    model = build(spec, backbone)
    load_weights(unbroken[method] / "checkpoint", model.trained())
    data = RunData(spec, plan, corpora, backbone)
    kept = record(unbroken[method])
    assert len(plan.test) == 9
    for pair in plan.test:
        found = data.score(model, pair, "test")
        assert found.predicted == kept.predictions(*pair)["predicted"]


def test_a_finished_run_is_returned_and_not_trained_again(unbroken, corpora, tiny, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(stage, "train", refuse)
    monkeypatch.setattr(stage, "get_backbone", refuse)
    assert run(*prepared(corpora, tiny), corpora, unbroken["store"]) == unbroken["hyperx-base"]


@pytest.mark.parametrize(("method", "stop_at"), [("hyperx-base", 11), ("mbert", 24)])
def test_stopped_by_sigterm_the_same_call_goes_on(method, stop_at, unbroken, corpora, tiny, tmp_path):
    spec, plan = prepared(corpora, tiny, method)
    store = Store(tmp_path)
    seen = []

    def stop(step, updates, loss):
        seen.append(step)
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        run(spec, plan, corpora, store, report=stop)
    stopped = caught.value.step
    assert not store.is_complete(spec.run_id)
    (work,) = store.runs(complete_only=False)
    assert (work.state, work.status["step"], work.status["error"]) == ("interrupted", stopped, None)
    seen.clear()
    folder = run(spec, plan, corpora, store, report=lambda step, *_: seen.append(step))
    assert seen == list(range(stopped + 1, 25))
    assert content(folder) == content(unbroken[method])


def start(mirror, store, environment=MappingProxyType({}), **fields):
    fields = {"methods": ["hyperx-base"], "training": {}, **fields}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(mirror), str(store), json.dumps(fields)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **environment},
    )  # fmt: skip


@pytest.mark.matrix
def test_killed_at_a_random_moment_the_same_call_goes_on(unbroken, mirror, corpora, tiny, tmp_path):
    spec, plan = prepared(corpora, tiny)
    store = Store(tmp_path)
    moment = random.SystemRandom().randint(3, 18)  # not so late that it may be done before the kill comes
    process = start(mirror, tmp_path)
    reached = 0
    for line in process.stdout:  # the kill comes while the step after this one, or its saving, is under way
        reached = int(line.split()[1])
        if reached >= moment:
            break
    process.kill()
    assert reached == moment, process.communicate()[1]
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not store.is_complete(spec.run_id)
    (work,) = store.runs(complete_only=False)
    assert work.state == "interrupted", "nobody holds it any more"
    seen = []
    folder = run(spec, plan, corpora, store, report=lambda step, *_: seen.append(step))
    first = seen[0] if seen else 25
    assert first > moment - 2, f"killed behind step {moment}, with a state every 2 steps"
    assert seen == list(range(first, 25))
    assert content(folder) == content(unbroken["hyperx-base"])


BETWEEN = [pytest.param(name, marks=pytest.mark.matrix) for name in ("write_predictions", "write_provenance")]


@pytest.mark.parametrize("at", [*one_in(2, ["finish", "write_metrics"]), *BETWEEN])
def test_killed_while_results_are_written_nothing_is_trained_again(
    at, unbroken, corpora, tiny, tmp_path, monkeypatch
):
    spec, plan = prepared(corpora, tiny)

    class Killed(BaseException):
        """Ends the process's work here, as a kill would."""

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"hxbench.store.writer.RunWriter.{at}", kill)
        with pytest.raises(Killed):
            run(spec, plan, corpora, Store(tmp_path))
    seen = []
    folder = run(spec, plan, corpora, Store(tmp_path), report=lambda step, *_: seen.append(step))
    assert seen == []
    assert content(folder) == content(unbroken["hyperx-base"])


def test_a_run_whose_costs_cannot_be_counted_is_finished(corpora, tiny, tmp_path, monkeypatch, unbroken):
    def fail(_):
        raise NotImplementedError("no such kernel\non the meta device")

    monkeypatch.setattr("hxbench.runs.results.costs", fail)
    folder = run(*prepared(corpora, tiny, "mbert"), corpora, Store(tmp_path))
    kept, whole = record(folder), record(unbroken["mbert"])
    scores = [[row for row in one.metrics() if row["split"] != "cost"] for one in (kept, whole)]
    assert scores[0] == scores[1]
    assert {r["metric"] for r in kept.metrics() if r["split"] == "cost"} == TIMES - {"peak_memory_bytes"}
    note = r"could not be counted (NotImplementedError: no such kernel\non the meta device)."
    assert (kept.state, kept.status["note"]) == ("done", f"its parameters and memory {note}")
    assert "note" not in whole.status


def test_a_loss_that_is_no_number_fails_the_run_with_its_reason(corpora, tiny, tmp_path, monkeypatch):
    from hxbench.methods.method import Method

    spec, plan = prepared(corpora, tiny)
    forward = Method.forward
    monkeypatch.setattr(Method, "forward", lambda self, batch: forward(self, batch) * float("nan"))
    store = Store(tmp_path)
    with pytest.raises(RunError, match="the loss is nan at step 0"):
        run(spec, plan, corpora, store)
    (work,) = store.runs(complete_only=False)
    assert work.state == "failed"
    assert "the loss is nan at step 0" in work.status["error"]


def in_two_processes(mirror, store, **fields):
    """Train in two processes, started as `torchrun` starts them, and return what they print."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    world = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [start(mirror, store, world | {"RANK": rank, "LOCAL_RANK": rank}, **fields) for rank in "01"]
    printed, errors = zip(*(process.communicate() for process in both), strict=True)
    assert [process.returncode for process in both] == [0, 0], errors[0][-2000:]
    return "".join(printed)


def compare(told, methods, steps, scores, root):
    """Hold what one and two processes printed and kept against each other, given by their number."""
    losses = {}
    for world, text in told.items():
        seen = {}
        for line in text.splitlines():
            _, step, method, loss = line.split()
            seen.setdefault((method, int(step)), []).append(float(loss))
        assert set(seen) == {(method, step) for method in methods for step in range(1, steps + 1)}
        assert all(len(values) == world for values in seen.values())
        assert all(len(set(values)) == 1 for values in seen.values()), "every process knows the global loss"
        losses[world] = {key: values[0] for key, values in seen.items()}
        kept = Store(root / str(world)).runs()
        assert len(kept) == len(methods)
        for one in kept:
            assert one.provenance()["processes"] == world
            assert len([r for r in one.metrics() if r["split"] == "test"]) == scores
    assert losses[2] == pytest.approx(losses[1], rel=1e-4)


def test_two_processes_see_the_losses_of_one(mirror, tiny, tmp_path, monkeypatch, capfd):
    from transformers import BertConfig

    from hxbench.modules.heads import Head

    methods = ["hyperx-base", "mbert"]
    # five rows a batch, so that the processes have unequal shares; the last of a pass may leave one without any
    fields = {"methods": methods, "training": {"batch_size": 5, "updates": 30}, "dropout": 0}
    with monkeypatch.context() as undone:
        undone.setattr(BertConfig, "__init__", BertConfig.__init__)
        undone.setattr(Head.__init__, "__defaults__", Head.__init__.__defaults__)
        capfd.readouterr()
        train_in_process.main(str(mirror), str(tmp_path / "1"), json.dumps(fields))
        told = {1: capfd.readouterr().out}
    assert Head(2, 2).dropout.p == 0.1
    told[2] = in_two_processes(mirror, tmp_path / "2", **fields)
    compare(told, methods, 30, 9, tmp_path)


@pytest.mark.matrix
def test_two_processes_see_the_losses_of_one_on_a_decoder(tmp_path, capfd):
    """Padding is on the left, heads share keys, and some of the batches leave a process without any row."""
    methods, mirror = ["pet-ft", "pet-lora"], tmp_path / "mirror"
    write_text_mirror(mirror)
    folder = save_decoder("llama", tmp_path / "llama")
    fields = {"methods": methods, "training": {"batch_size": 5, "updates": 12}, "folder": str(folder)}
    capfd.readouterr()
    train_in_process.main(str(mirror), str(tmp_path / "1"), json.dumps(fields))
    told = {1: capfd.readouterr().out}
    told[2] = in_two_processes(mirror, tmp_path / "2", **fields)
    scores = len([r for r in Store(tmp_path / "1").runs()[0].metrics() if r["split"] == "test"])
    assert scores
    compare(told, methods, 12, scores, tmp_path)


@pytest.mark.parametrize("method", ["hyperx-base", pytest.param("mbert", marks=pytest.mark.matrix)])
def test_a_run_in_bf16_is_scored_like_any_other(method, corpora, tiny, tmp_path, unbroken):
    spec, plan = prepared(corpora, tiny, method, training={"precision": "bf16", "updates": 8})
    kept = record(run(spec, plan, corpora, Store(tmp_path)))
    assert {Pair(r["task"], r["language"]) for r in kept.metrics() if r["split"] == "test"} == set(plan.test)
    assert kept.id != record(unbroken[method]).id


def test_a_run_can_last_epochs(corpora, tiny, tmp_path):
    spec, plan = prepared(
        corpora, tiny, "mbert", setting="single", task="ner", training={"updates": None, "epochs": 1.5}
    )
    kept = record(run(spec, plan, corpora, Store(tmp_path)))
    batches = -(-90 // 8)
    assert kept.status["updates"] == -(-3 * batches // 2)


def test_a_decoder_trained_apart_is_kept_resumed_and_restored(corpora, tiny, tmp_path):
    spec, plan = prepared(corpora, tiny, options={"mlm_decoder": "apart"})
    whole = run(spec, plan, corpora, Store(tmp_path / "whole"))

    def stop(step, *_):
        if step == 11:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run(spec, plan, corpora, Store(tmp_path / "broken"), report=stop)
    assert content(run(spec, plan, corpora, Store(tmp_path / "broken"))) == content(whole)
    model = build(spec, get_backbone(tiny))
    load_weights(whole / "checkpoint", model.trained())
    words = get_backbone(tiny).body.embeddings.word_embeddings.weight
    assert torch.equal(model.body.embeddings.word_embeddings.weight, words)
    assert not torch.equal(model.backbone.mlm_head.decoder.weight, words)


def test_the_code_variant_trains(corpora, tiny, tmp_path):
    spec, plan = prepared(corpora, tiny, variant="code", training={"updates": 8})
    kept = record(run(spec, plan, corpora, Store(tmp_path)))
    assert kept.spec.training.draw == "quota"
    weights = (kept.folder / "checkpoint" / "model.safetensors").read_bytes()
    assert b"generator.scale.weight" in weights
