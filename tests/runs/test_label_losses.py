"""What a training ends with against the entropy of its labels: a collapse is noticed, learning is not."""

import math
import os
import signal
from collections import Counter, defaultdict
from statistics import fmean

import numpy as np
import pytest
import torch
from datasets import Dataset
from miniature import resolved, spec_for
from sampled import one_in

from hxbench.data.sampling import ConcatenatedSampler, Sampler, Stream
from hxbench.runs.assemble import build
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.results import label_losses, surprise
from hxbench.runs.train import run
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.store.plateau import ABOVE, FIELD, TEXTS, WORDS, plateaus, warning
from hxbench.tasks import MLM
from hxbench.tasks.encoding.rows import Rows
from hxbench.training.checkpoint import ResumeStates
from hxbench.training.device import accelerator_in
from hxbench.training.loop import Interrupted, Progress, train


def by_hand(feed, steps, frequencies):
    """The mean loss of a model that knows the frequencies, over batches as the method got them."""
    found = defaultdict(list)
    for step in steps:
        batch = feed(step)
        if batch.task != MLM:
            counts = frequencies[Pair(batch.task, batch.language)]
            whole = sum(counts.values())
            found[batch.task].append(fmean(-math.log(counts[t] / whole) for t in batch.targets.tolist()))
    return {task: fmean(values) for task, values in found.items()}


def opened(spec, plan, corpora):
    return RunData(spec, plan, corpora, get_backbone(spec.backbone))


def test_the_entropy_is_the_loss_of_the_frequencies_on_the_same_batches(corpora, tiny):
    spec, plan = resolved(spec_for("hyperx-base", tiny, training={"updates": 200}), corpora)
    data = opened(spec, plan, corpora)
    sampler = data.sampler()
    frequencies = {
        pair: Counter(label for row in rows.take("labels", range(len(rows))) for label in row if label != -100)
        for pair, rows in data.train.items()
        if pair.task != MLM
    }
    losses = [float(n) for n in range(20)]
    found = label_losses(sampler, data.train, Progress(step=200, recent=losses))
    feed = data.feed(sampler, torch.device("cpu"), (0, 1))
    expected = by_hand(feed, range(180, 200), frequencies)
    assert set(found) == {"ner", "pos"}
    for task, told in found.items():
        assert told["entropy"] == pytest.approx(expected[task])
        of_task = [loss for step, loss in enumerate(losses, 180) if sampler.batch(step)[0].task == task]
        assert told["loss"] == pytest.approx(fmean(of_task))


def rows_of(labels):
    columns = {"input_ids": [[1]] * len(labels), "labels": labels}
    return Rows(Dataset.from_dict(columns).with_format("numpy"))


def test_words_count_by_piece_and_texts_as_a_whole():
    nats, pieces = surprise(rows_of([[0, -100, 0], [1], [-100, 0]]), whole=False)
    assert nats == pytest.approx([2 * math.log(4 / 3), math.log(4), math.log(4 / 3)])
    assert pieces.tolist() == [2, 1, 1]
    # one answer is the beginning of the other, and zeros end it
    nats, pieces = surprise(rows_of([[7, 1], [7, 1], [7, 1, 0], [7]]), whole=True)
    assert nats == pytest.approx([math.log(2), math.log(2), math.log(4), math.log(4)])
    assert pieces.tolist() == [2, 2, 3, 1]


@pytest.mark.parametrize(
    ("task", "labels", "said"),
    [
        ("sst2", [[0], [1]], True),
        ("sst2", [[1], [1]], False),  # one label only
        ("stsb", [[3, 1], [4, 1]], False),  # a number, not a class
        ("xsum", [[3, 1], [4, 1]], False),
    ],
)
def test_only_labels_with_frequencies_are_compared(task, labels, said):
    rows = {Pair(task, "en"): rows_of(labels)}
    lengths = np.ones(2, dtype=np.int32)
    sampler = Sampler([Stream(task, "en", lengths)], batch_size=2, updates=4, seed=1)
    progress = Progress(step=4, recent=[0.1])
    found = label_losses(sampler, rows, progress)
    assert found == ({task: {"loss": 0.1, "entropy": pytest.approx(math.log(2))}} if said else {})
    together = ConcatenatedSampler([Stream(task, "en", lengths)], batch_size=2, updates=4, seed=1)
    assert label_losses(together, rows, progress) == found
    two = [Stream(name, "en", lengths) for name in (task, "cola")]
    mixed = ConcatenatedSampler(two, batch_size=2, updates=4, seed=1)
    assert label_losses(mixed, rows, progress) == {}


@pytest.mark.parametrize(
    ("method", "training", "collapses"),
    [
        ("hyperx-base", {"updates": 120, "lr": 1e-9}, True),
        pytest.param("mbert", {"updates": 120, "lr": 0.1}, True, marks=pytest.mark.matrix),
        ("mbert", {"updates": 120, "lr": 3e-3}, False),
        pytest.param("psf", {"updates": 40, "lr": 1e-9}, True, marks=pytest.mark.matrix),
        pytest.param("psf", {"updates": 300, "lr": 5e-3, "batch_size": 16}, False, marks=pytest.mark.matrix),
    ],
)
def test_a_training_that_collapses_is_noticed_and_one_that_learns_is_not(
    method, training, collapses, corpora, tiny, tmp_path
):
    changes = {"options": {"initial_std": 0.05}} if method == "psf" else {}
    wanted = spec_for(method, tiny, training={"evaluate_every": 200, **training}, **changes)
    spec, plan = resolved(wanted, corpora)
    run(spec, plan, corpora, Store(tmp_path))
    record = Store(tmp_path).get(spec.run_id)
    print(record.status[FIELD])
    assert set(record.status[FIELD]) == {"ner", "pos"}
    assert {*record.plateaus} == ({"ner", "pos"} if collapses else set())
    assert bool(warning(record.status)) == collapses


@pytest.mark.parametrize("stop_at", [None, 9, 22])
@pytest.mark.parametrize("method", one_in(2, ["hyperx-base", "psf"]))
def test_the_last_losses_are_kept_over_a_stop(method, stop_at, corpora, tiny, tmp_path):
    changes = {"training": {"updates": 24}}
    if method == "psf":
        changes["options"] = {"token_mean": "twice"}  # and the KL term on top of it
    spec, plan = resolved(spec_for(method, tiny, **changes), corpora)
    data = opened(spec, plan, corpora)
    feed = data.feed(data.sampler(), torch.device("cpu"), (0, 1))
    seen = {}

    def attempt(stop_at):
        method = build(spec, get_backbone(spec.backbone))
        method.start_training(24)

        def report(step, loss):
            seen[step] = loss
            if step == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)

        accelerator = accelerator_in(spec.training.precision)
        states = ResumeStates(tmp_path / "resume")
        return train(method, feed, 24, spec.training, spec.seed, accelerator, states, report=report)

    if stop_at:
        with pytest.raises(Interrupted):
            attempt(stop_at)
    progress = attempt(None)
    assert len(progress.recent) == 3
    if method == "hyperx-base":
        assert progress.recent == [seen[22], seen[23], seen[24]]
    else:
        counts = [feed(step).count for step in (21, 22, 23)]
        assert min(counts) > 5
        # what is left of the loss beside the cross-entropy by its count is the KL term, the same share every time
        rest = [seen[step + 1] - e / n for step, e, n in zip((21, 22, 23), progress.recent, counts, strict=True)]
        assert all(one > 0 for one in rest)
        assert rest == pytest.approx([rest[0]] * 3, rel=1e-2)


def test_a_share_below_the_entropy_is_no_plateau():
    for task, share in (("pos", WORDS), ("sst2", TEXTS)):
        for loss, end in (
            (share - 0.001, None),
            (share + 0.001, "on"),
            (ABOVE - 0.001, "on"),
            (ABOVE + 0.001, "above"),
        ):
            status = {FIELD: {task: {"loss": loss * 2.0, "entropy": 2.0}}}
            assert plateaus(status) == ({task: end} if end else {})
            assert ("a lower rate (training.lr), a longer warm-up" in warning(status)) == (end == "on")
            assert ("diverged, or did not learn" in warning(status)) == (end == "above")
    assert plateaus({}) == {}
    assert warning({}) == ""
