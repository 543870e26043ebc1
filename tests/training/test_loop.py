"""The loop: reproducible, resumable from any step, and stopped by what must stop it."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from miniature import resolved, spec_for

from hxbench.data.feed import Feed
from hxbench.errors import RunError
from hxbench.runs.assemble import build
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.training import loop, unread
from hxbench.training.checkpoint import ResumeStates
from hxbench.training.device import accelerator_in
from hxbench.training.loop import Interrupted, train

GOLDEN = Path(__file__).parents[1] / "golden"


def further(value):
    """Return a further member of a kind, which make test-all tries."""
    return pytest.param(value, marks=pytest.mark.matrix)


BOTH = pytest.mark.parametrize("method", ["hyperx-base", further("mbert")])


class Bench:
    """A method, its batches and a place for its states: everything the loop wants."""

    def __init__(self, spec, corpora, folder):
        self.spec, plan = resolved(spec, corpora)
        backbone = get_backbone(self.spec.backbone)
        data = RunData(self.spec, plan, corpora, backbone)
        self.method = build(self.spec, backbone)
        self.sampler = data.sampler()
        device = torch.device("cpu")
        self.feed = Feed(self.sampler, data.train, data.tasks, data.vocabulary, masking=0.15, device=device)
        self.states = ResumeStates(folder / "resume")
        self.losses = []

    def train(self, each=lambda step: None, **others):
        def report(step, loss):
            self.losses.append(loss)
            each(step)

        others = {"batch_of": self.feed, "accelerator": accelerator_in(self.spec.training.precision), **others}
        progress = train(
            self.method, updates=self.sampler.updates, spec=self.spec.training, seed=self.spec.seed,
            resume=self.states, report=report, **others,
        )  # fmt: skip
        return progress, {name: p.detach() for name, p in self.method.trained().items()}

    def values(self):
        return {name: p.detach().clone() for name, p in self.method.trained().items()}


@pytest.fixture
def bench(corpora, tiny, tmp_path_factory):
    def make(method="hyperx-base", **changes):
        return Bench(spec_for(method, tiny, **changes), corpora, tmp_path_factory.mktemp("bench"))

    return make


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def timeless(rows):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@BOTH
def test_one_seed_gives_one_training(bench, method):
    one, again, other = bench(method), bench(method), bench(method, seed=2)
    progress = [b.train()[0] for b in (one, again, other)]
    assert one.losses == again.losses
    assert same(one.values(), again.values())
    assert timeless(progress[0].history) == timeless(progress[1].history)
    assert one.losses != other.losses
    assert not same(one.values(), other.values())


@pytest.mark.parametrize("method", ["hyperx-base", "mbert"])
def test_losses_are_those_of_the_golden_files(bench, method, tiny):
    """HXBENCH_WRITE_GOLDEN=1 writes the files anew: only after a change that is meant to change training."""
    # without pre-training, so that what is compared is this training alone
    bare = tiny.model_copy(update={"weights": "random"})
    run = bench(method, training={"updates": 40}, seed=5)
    run.spec = run.spec.model_copy(update={"backbone": bare})
    run.method = build(run.spec, get_backbone(bare))
    run.train()
    found = {"method": method, "losses": [round(loss, 5) for loss in run.losses]}
    path = GOLDEN / f"{method}.json"
    if os.environ.get("HXBENCH_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
    expected = json.loads(path.read_text())
    assert len(expected["losses"]) == 40
    # other machines add up in another order; a change of method or data moves the losses by far more
    assert found["losses"] == pytest.approx(expected["losses"], rel=2e-3)


@pytest.mark.parametrize("stop_at", [further(1), 7, further(16), further(23), 24])
def test_stopped_by_a_signal_and_resumed_it_ends_as_an_unbroken_training(bench, stop_at):
    scores = iter(range(100))
    whole = bench()
    expected, tensors = whole.train(evaluate=lambda: (float(next(scores) == 0), []))
    broken = bench()
    scores = iter(range(100))
    evaluate = lambda: (float(next(scores) == 0), [])  # noqa: E731
    before = signal.getsignal(signal.SIGTERM)

    def stop(step):
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        broken.train(stop, evaluate=evaluate)
    assert caught.value.signal_number == signal.SIGTERM
    assert stop_at <= caught.value.step <= min(stop_at + 1, 24), "at the latest after the next step"
    assert signal.getsignal(signal.SIGTERM) == before
    resumed = bench()
    resumed.states = broken.states
    progress, final = resumed.train(evaluate=evaluate)
    assert broken.losses + resumed.losses == whole.losses
    assert same(tensors, final)
    assert timeless(progress.history) == timeless(expected.history)
    for name in ("step", "best_step", "best_score", "pieces", "validation"):
        assert getattr(progress, name) == getattr(expected, name)
    assert expected.best_step == 8


SCORES = (1, 3, 2, 3, 2, 9)  # of evaluations; the second is the best, and nothing that comes later is better


def patient(bench, **training):
    """A training that is evaluated at every fourth of 24 updates, and its evaluations."""
    one = bench("mbert", training={"evaluate_every": 4, **training})

    def evaluate():
        step = len(one.losses)
        return float(SCORES[step // 4 - 1]), [{"split": "dev", "value": SCORES[step // 4 - 1]}]

    return one, evaluate


@pytest.mark.parametrize(
    ("patience", "last", "best"), [(1, 12, 8), (2, 16, 8), (3, 20, 8), (4, 24, 24), (None, 24, 24)]
)
def test_so_many_evaluations_without_a_better_one_end_the_training(bench, patience, last, best):
    one, evaluate = patient(bench, patience=patience)
    at_step = {}
    progress, tensors = one.train(lambda step: at_step.update({step: one.values()}), evaluate=evaluate)
    assert (progress.step, progress.best_step) == (last, best)
    assert len(one.losses) == last
    assert same(tensors, at_step[best])
    assert [row["step"] for row in progress.validation] == list(range(4, last + 1, 4))
    (line,) = progress.history  # of the updates that were made, though no line was due
    assert line["step"] == last
    assert line["loss"] == pytest.approx(sum(one.losses) / last)


@pytest.mark.parametrize("stop_at", [further(3), 12, further(14), further(15), 16])
def test_patience_is_exact_when_a_training_is_resumed(bench, stop_at):
    whole, evaluate = patient(bench, patience=2)
    expected, tensors = whole.train(evaluate=evaluate)
    broken, evaluate = patient(bench, patience=2)

    def stop(step):
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        broken.train(stop, evaluate=evaluate)
    resumed, _ = patient(bench, patience=2)
    resumed.states = broken.states
    before = len(broken.losses)

    def evaluate_after():
        step = before + len(resumed.losses)
        return float(SCORES[step // 4 - 1]), [{"split": "dev", "value": SCORES[step // 4 - 1]}]

    progress, final = resumed.train(evaluate=evaluate_after)
    assert broken.losses + resumed.losses == whole.losses
    assert same(tensors, final)
    assert timeless(progress.history) == timeless(expected.history)
    for name in ("step", "best_step", "best_score", "no_better", "pieces", "validation"):
        assert getattr(progress, name) == getattr(expected, name)


def test_a_finished_training_is_not_trained_again(bench):
    whole = bench()
    whole.train()
    again = bench()
    again.states = whole.states
    again.train()
    assert again.losses == []
    assert same(again.values(), whole.values())


def test_states_are_saved_every_so_many_steps(bench, monkeypatch):
    saved = []
    save = ResumeStates.save
    monkeypatch.setattr(
        ResumeStates, "save", lambda self, step, *rest: saved.append(step) or save(self, step, *rest)
    )
    bench().train(checkpoint_every=5)
    assert saved == [5, 10, 15, 20, 24]
    saved.clear()
    bench().train()
    assert saved == [8, 16, 24]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_stops_before_the_update_and_names_the_batch(bench, value):
    run = bench(training={"evaluate_every": 4})
    seen = {}

    def spoiled(batch):
        loss = type(run.method).forward(run.method, batch)
        if len(run.losses) == 10:
            seen["batch"] = batch
            return loss * value
        return loss

    def keep(step):
        if step == 10:
            seen["values"] = run.values()

    run.method.forward = spoiled
    with pytest.raises(RunError) as caught:
        run.train(keep)
    text = str(caught.value)
    assert "step 10" in text
    assert f"{seen['batch'].task}-{seen['batch'].language}" in text
    assert str(value) in text
    assert "\n" not in text
    assert same(run.values(), seen["values"]), "the update was not made"
    assert [p.name for p in run.states.folder.iterdir()] == ["resume-000000008"], "and not saved"


@pytest.fixture
def read_late(monkeypatch):
    """Let losses be read a few updates late, as on a GPU."""
    monkeypatch.setitem(unread.EVERY, "cpu", 5)


@BOTH
def test_losses_that_are_read_late_are_the_same(bench, method, monkeypatch):
    scores = [5.0, 7.0, 6.0]

    def trained():
        run, left = bench(method), iter(scores)
        progress, final = run.train(evaluate=lambda: (next(left), [{"value": 1}]))
        return run.losses, progress, final

    losses, progress, final = trained()
    monkeypatch.setitem(unread.EVERY, "cpu", 5)
    readings = []
    read = unread.Unread.read
    monkeypatch.setattr(
        unread.Unread, "read", lambda self, stop: readings.append(len(self._batches)) or read(self, stop)
    )
    late_losses, late_progress, late_final = trained()
    # after updates 5, 8, 10, 15, 16, 20 and 24: every fifth, and where something is scored
    assert readings == [5, 3, 2, 5, 1, 4, 4]
    assert late_losses == losses
    assert same(late_final, final)
    assert timeless(late_progress.history) == timeless(progress.history)
    for name in ("step", "best_step", "pieces", "validation", "recent"):
        assert getattr(late_progress, name) == getattr(progress, name)


def test_a_stop_that_is_read_late_loses_nothing(bench, read_late):
    whole = bench()
    _, tensors = whole.train()
    broken = bench()
    with pytest.raises(Interrupted) as caught:
        broken.train(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 6 else None)
    assert caught.value.step == 10
    assert len(broken.losses) == 10
    resumed = bench()
    resumed.states = broken.states
    _, final = resumed.train()
    assert broken.losses + resumed.losses == whole.losses
    assert same(tensors, final)


@pytest.mark.parametrize(("bad", "where"), [(9, "the update was not made"), (10, "nothing was saved since")])
def test_a_loss_that_is_no_number_and_read_late_is_never_saved(bench, read_late, bad, where):
    run = bench(training={"evaluate_every": 4})
    seen, scored = [], []

    def spoiled(batch):
        seen.append(batch)
        return type(run.method).forward(run.method, batch) * (float("nan") if len(seen) == bad + 1 else 1)

    run.method.forward = spoiled
    with pytest.raises(RunError) as caught:
        run.train(evaluate=lambda: scored.append(len(seen)) or (1.0, []))
    assert f"step {bad}, batch {seen[bad].task}-{seen[bad].language}" in str(caught.value)
    assert where in str(caught.value)
    assert scored == [4, 8]
    assert [p.name for p in run.states.folder.iterdir()] == ["resume-000000008"]


def test_the_best_weights_are_kept(bench):
    run = bench()
    seen = {}
    scores = iter([50.0, 70.0, 60.0])
    progress, final = run.train(
        lambda step: seen.update({step: run.values()}), evaluate=lambda: (next(scores), [{"value": 1}])
    )
    assert (progress.best_step, progress.best_score, progress.step) == (16, 70.0, 24)
    assert same(final, seen[16])
    assert same(run.values(), seen[16])
    assert not same(seen[16], seen[24])
    assert progress.validation == [{"value": 1, "step": s} for s in (8, 16, 24)]


def test_of_equal_scores_the_first_is_kept(bench):
    assert bench().train(evaluate=lambda: (1.0, []))[0].best_step == 8


@pytest.mark.parametrize("evaluate", [None, lambda: (None, [])])
def test_without_a_score_the_last_weights_are_kept(bench, evaluate):
    run = bench()
    seen = {}
    progress, final = run.train(lambda step: seen.update({step: run.values()}), evaluate=evaluate)
    assert progress.best_step == 24
    assert same(final, seen[24])


def test_each_step_has_its_rate_and_a_clipped_gradient(bench, monkeypatch):
    rates, norms = [], []
    make = loop.adamw

    def watched(parameters, spec, parts):
        optimiser = make(parameters, spec)

        def look(opt, *_):
            rates.append(opt.param_groups[0]["lr"])
            norms.append(
                torch.stack([p.grad.norm() for p in parameters.values() if p.grad is not None]).norm().item()
            )

        optimiser.register_step_pre_hook(look)
        return optimiser

    monkeypatch.setattr(loop, "adamw", watched)
    run = bench(training={"clip": 0.01})
    progress, _ = run.train()
    spec = run.spec.training
    assert rates == [loop.learning_rate(step, 24, spec) for step in range(24)]
    assert rates[0] == 0
    assert rates[4] == max(rates) == spec.lr
    assert all(0 < norm < 0.01 * (1 + 1e-4) for norm in norms)
    assert progress.history[-1]["lr"] == rates[-1]


def test_the_history_is_the_mean_of_the_losses(bench):
    run = bench(training={"updates": 60})
    progress, _ = run.train()
    assert [row["step"] for row in progress.history] == [50, 60]
    assert progress.history[0]["loss"] == pytest.approx(sum(run.losses[:50]) / 50)
    assert progress.history[1]["loss"] == pytest.approx(sum(run.losses[50:]) / 10)
    assert progress.pieces == sum(run.feed(step).tokens for step in range(60))


def test_training_teaches(bench):
    run = bench("mbert", setting="multi", training={"updates": 60})
    run.train()
    assert sum(run.losses[-10:]) < 0.8 * sum(run.losses[:10])


@BOTH
def test_bf16_trains_close_to_fp32(bench, method):
    exact, rough = bench(method), bench(method, training={"precision": "bf16"})
    exact.train()
    _, tensors = rough.train()
    assert rough.losses != exact.losses, "otherwise it did not run in bf16"
    assert rough.losses == pytest.approx(exact.losses, rel=0.05)
    assert {t.dtype for t in tensors.values()} == {torch.float32}
    assert Accelerator().mixed_precision == "bf16"


def test_the_feed_is_a_function_of_the_step(bench):
    one, other = bench(), bench()
    order = [5, 0, 23, 5, 11]
    found = {step: one.feed(step) for step in order}
    for step in sorted(found):
        batch = other.feed(step)
        assert (batch.task, batch.language, batch.count) == (
            found[step].task, found[step].language, found[step].count,
        )  # fmt: skip
        for name in ("input_ids", "attention_mask", "positions", "targets"):
            assert torch.equal(getattr(batch, name), getattr(found[step], name))
    assert {one.feed(step).task for step in range(24)} == {"ner", "pos", "mlm"}


def test_batches_are_sorted_and_padded_as_the_spec_says(corpora, tiny):
    padded = {}
    for changes in ({}, {"bucket": 1000}, {"bucket": 1000, "pad_to": 1}):
        spec, plan = resolved(spec_for("mbert", tiny, training=changes), corpora)
        data = RunData(spec, plan, corpora, get_backbone(spec.backbone))
        sampler = data.sampler()
        feed = data.feed(sampler, torch.device("cpu"), (0, 1))
        batches = [feed(step) for step in range(24)]
        assert sampler.bucket == changes.get("bucket", 20)
        exact = [batch.input_ids.shape[1] == int(batch.attention_mask.sum(1).max()) for batch in batches]
        padded[len(changes)] = sum(batch.input_ids.numel() for batch in batches)
        assert all(exact) == ("pad_to" in changes)
    assert padded[2] < padded[1]
