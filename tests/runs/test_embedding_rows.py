"""Runs that train the embedding rows of their own tokens alone: small states, and the numbers of the dense way."""

import os
import signal

import numpy as np
import pytest
import torch
from miniature import resolved, spec_for
from safetensors.torch import load_file
from sampled import one_in
from text_miniature import TINY_T5, text_spec

from hxbench.errors import InputError
from hxbench.runs.assemble import build, with_options
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.train import run
from hxbench.spec.experiment import few_shot_spec
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks.encoding.rows import occurring
from hxbench.training.loop import Interrupted

WORDS = "model.bert.embeddings.word_embeddings.weight"
UPDATES = 12


def spec_of(rows, method="mbert", **training):
    """A few sentences to train on, so that many tokens do not occur."""
    fields = {"embedding_rows": rows, "updates": UPDATES, "evaluate_every": 4, **training}
    return spec_for(method, training=fields, data={"train_sentences": 12})


class Ran:
    """A finished run with its losses, checkpoint and numbers."""

    def __init__(self, spec, corpora, folder, report=None):
        self.spec, plan = resolved(spec, corpora)
        self.losses, store = {}, Store(folder)
        note = lambda step, _, loss: self.losses.update({step: loss})  # noqa: E731
        path = run(self.spec, plan, corpora, store, checkpoint_every=2, report=report or note)
        self.tensors = load_file(path / "checkpoint" / "model.safetensors")
        self.record = store.get(self.spec.run_id)
        self.backbone = get_backbone(self.spec.backbone)
        self.tokens = occurring(RunData(self.spec, plan, corpora, self.backbone).train.values())

    @property
    def counts(self):
        return {r["metric"]: r["value"] for r in self.record.metrics() if r["metric"].endswith("_parameters")}

    def scores(self, split):
        return [r["value"] for r in self.record.metrics() if r["split"] == split]


@pytest.fixture(scope="module")
def ran(corpora, tiny, tmp_path_factory):
    """Finished runs by method and way, each trained once."""
    done = {}

    def one(rows, method="mbert"):
        if (rows, method) not in done:
            spec = spec_of(rows, method)
            done[rows, method] = Ran(spec, corpora, tmp_path_factory.mktemp("store"))
        return done[rows, method]

    return one


@pytest.mark.parametrize("method", one_in(2, ["mbert", "psf"]))
def test_a_run_comes_to_the_numbers_of_the_dense_way(method, ran):
    dense, small = ran("all", method), ran("occurring", method)
    assert dense.spec.run_id != small.spec.run_id
    assert len(dense.losses) == UPDATES
    for step, loss in dense.losses.items():
        assert small.losses[step] == pytest.approx(loss, rel=1e-4), step
    assert small.counts == dense.counts
    assert len(small.counts) == 3
    shapes = {name: tensor.shape for name, tensor in small.tensors.items()}
    assert shapes == {name: tensor.shape for name, tensor in dense.tensors.items()}
    size = dense.backbone.model.config.vocab_size
    assert 50 < len(small.tokens) < size - 20
    assert small.record.provenance()["embedding_rows"] == len(small.tokens)
    assert "embedding_rows" not in dense.record.provenance()
    for name, tensor in small.tensors.items():
        torch.testing.assert_close(tensor, dense.tensors[name], rtol=1e-3, atol=1e-4, msg=name)
    assert small.scores("dev") == pytest.approx(dense.scores("dev"), abs=0.5)


def test_tokens_that_no_training_text_has_keep_their_rows(ran):
    small = ran("occurring")
    before, after = small.backbone.body.embeddings.word_embeddings.weight, small.tensors[WORDS]
    others = np.setdiff1d(np.arange(len(before)), small.tokens)
    assert len(others) > 20
    assert torch.equal(after[others], before[others])
    trained_on = np.setdiff1d(small.tokens, [small.backbone.tokenizer.pad_token_id])
    moved = (after - before)[trained_on].abs().sum(1) > 0
    assert moved.float().mean() > 0.5, "not every sentence is drawn in twelve updates"


@pytest.mark.parametrize("method", one_in(2, ["mbert", "psf"]))
def test_a_stopped_run_ends_as_an_unbroken_one_and_its_state_is_small(method, ran, corpora, tmp_path):
    whole = ran("occurring", method)
    states = []

    def stop(step, updates, loss):
        if step == 7:
            states.extend(tmp_path.glob("**/resume-*"))
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        Ran(whole.spec, corpora, tmp_path, stop)
    (state,) = tmp_path.glob("**/resume-*")
    kept = {name: load_file(state / f"{name}.safetensors") for name in ("model", "best", "optimiser")}
    rows = WORDS.replace("weight", "rows")
    assert WORDS not in kept["model"]
    fewer = len(whole.tokens)
    assert kept["model"][rows].shape == kept["best"][rows].shape == kept["optimiser"][f"{rows}|exp_avg"].shape
    assert kept["model"][rows].shape == (fewer, 32)
    again = Ran(whole.spec, corpora, tmp_path)
    assert again.losses == {step: loss for step, loss in whole.losses.items() if step >= min(again.losses)}
    assert min(again.losses) > 6
    assert again.tensors.keys() == whole.tensors.keys()
    assert all(torch.equal(again.tensors[name], whole.tensors[name]) for name in whole.tensors)
    assert again.scores("test") == whole.scores("test")


def test_a_few_shot_run_starts_from_it_and_trains_the_rows_of_its_sentences(ran, corpora, tmp_path):
    start = ran("occurring")
    shot = few_shot_spec(start.spec, Pair("pos", "kk"), 3, 0, {"updates": 4, "warmup": 0, "mlm_languages": "none"})
    assert shot.training.embedding_rows == "occurring"
    shot = shot.model_copy(update={"after": {"start": start.spec.run_id}})
    spec, plan = resolved(shot, corpora)
    store = Store(start.record.root)
    tensors = load_file(run(spec, plan, corpora, store) / "checkpoint" / "model.safetensors")
    changed = np.flatnonzero((tensors[WORDS] - start.tensors[WORDS]).abs().sum(1))
    data = RunData(spec, plan, corpora, get_backbone(spec.backbone))
    few = occurring(data.train.values())
    assert set(changed) <= set(few)
    assert 5 < len(changed) < len(start.tokens)
    assert store.get(spec.run_id).provenance()["embedding_rows"] == len(few)


def test_a_method_that_trains_no_word_embeddings_is_not_touched(corpora, tiny, tmp_path):
    one, other = (Ran(spec_of(rows, "hyperx-base"), corpora, tmp_path) for rows in ("all", "occurring"))
    assert one.losses == other.losses
    assert "embedding_rows" not in other.record.provenance()


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [{"weight_decay": 0.01}, {"relative_rate": True}], ids=str)
def test_what_moves_other_rows_is_refused(training):
    with pytest.raises(InputError, match="embedding_rows: occurring needs weight_decay 0"):
        spec_of("occurring", **training)


def test_a_trained_output_matrix_is_refused(tiny):
    spec = spec_for("hyperx-base", options={"mlm_decoder": "trained"}, training={"embedding_rows": "occurring"})
    with pytest.raises(InputError, match=r"as the output matrix .* set training\.embedding_rows to all"):
        build(with_options(spec), get_backbone(tiny))


@pytest.mark.parametrize("method", ["pet-ft", "pha"])
def test_a_model_that_writes_is_refused(method):
    spec = text_spec(method, TINY_T5, training={"embedding_rows": "occurring"})
    with pytest.raises(InputError, match=r"tiny-t5 writes.* set training\.embedding_rows to all"):
        with_options(spec)
