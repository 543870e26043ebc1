"""Masked language modelling over the tokens of a run's own text: a softmax that leaves all others out."""

import os
import signal

import pytest
import torch
from miniature import TINY, resolved, spec_for
from safetensors.torch import load_file
from sampled import one_in
from test_methods import batch_for
from torch.nn import functional

from hxbench.answering.token import MaskedLM
from hxbench.data.tokens import encode
from hxbench.methods.madx import MadX
from hxbench.modules.heads import OutputRows
from hxbench.runs.assemble import build, with_options
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.train import run
from hxbench.store import Store
from hxbench.tasks import MLM
from hxbench.training.loop import Interrupted

OCCURRING = {"training": {"mlm_vocabulary": "occurring"}}
LANGUAGE_RUN = {
    "invertible": {"language_bottleneck": 6, "invertible": True},
    "plain": {"language_bottleneck": 6},
}


def built(backbone, kind):
    """A method in evaluation mode, so that dropout makes no difference."""
    if kind in ("frozen", "trained", "apart"):
        spec = spec_for("hyperx-base", options={"mlm_decoder": kind})
    else:
        spec = with_options(spec_for("madx", setting="single", task="pos", options=LANGUAGE_RUN[kind]))
        (spec,) = MadX.needs(spec, ["ar"]).values()
    method = build(spec, backbone).eval()
    torch.manual_seed(3)
    with torch.no_grad():  # a bias of zeros would hide one that is gathered wrongly
        method.backbone.output.bias.normal_()
        if kind == "invertible":  # a coupling of zeros would be the identity
            for parameter in method.adapter.coupling.parameters():
                parameter.normal_(std=0.1)
    return method


def slow_loss(method, batch, tokens):
    """The stock head's logits over the whole vocabulary, and a softmax restricted to the set."""
    logits = method.logits(batch)
    left_out = torch.ones(logits.shape[1], dtype=torch.bool)
    left_out[tokens] = False
    return functional.cross_entropy(logits.masked_fill(left_out, -torch.inf), batch.targets)


def gradients(method, loss):
    method.zero_grad(set_to_none=True)
    loss.backward()
    return {name: p.grad.clone() for name, p in method.trained().items() if p.grad is not None}


def tokens_for(batch, size):
    """The targets of a batch and some more."""
    return torch.tensor(sorted({*batch.targets.tolist(), *range(7, size, 3)}))


@pytest.mark.parametrize("kind", ["frozen", "trained", "apart", "plain", "invertible"])
def test_loss_and_gradients_are_those_of_a_softmax_restricted_to_the_tokens(kind, fresh_backbone):
    method, batch = built(fresh_backbone, kind), batch_for(MLM, fresh_backbone)
    size = method.backbone.output.out_features
    tokens = tokens_for(batch, size)
    assert len(tokens) < size / 2
    whole = method(batch).item()
    expected = slow_loss(method, batch, tokens)
    wanted = gradients(method, expected)
    method.masked_lm.choose_among(tokens)
    assert method.logits(batch).shape == (len(batch.targets), len(tokens))
    for _ in range(2):  # the second time with the rows that were gathered before
        loss = method(batch)
        torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
        assert loss.item() < whole - 0.1, "fewer tokens to choose among"
        found = gradients(method, loss)
        assert found.keys() == wanted.keys()
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-6)
    matrix, words = method.backbone.output.weight, fresh_backbone.body.embeddings.word_embeddings.weight
    assert (matrix is words) == (kind != "apart")
    assert (matrix.grad is not None) == (kind in ("trained", "apart"))
    if matrix.grad is not None:
        assert matrix.grad[tokens].abs().sum(1).min() > 0, "every row of the softmax is moved"
    if kind == "apart":
        assert words.grad is None
        assert matrix.grad.abs().sum(1).count_nonzero() == len(tokens), "and no other"


@pytest.mark.parametrize("kind", ["frozen", "trained", "apart", "invertible"])
def test_with_every_token_the_loss_is_exactly_that_over_all(kind, fresh_backbone):
    method, batch = built(fresh_backbone, kind), batch_for(MLM, fresh_backbone)
    loss = method(batch)
    wanted = gradients(method, loss)
    method.masked_lm.choose_among(torch.arange(method.backbone.output.out_features))
    again = method(batch)
    assert torch.equal(again, loss)
    found = gradients(method, again)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-6, atol=1e-8)


def test_labelled_batches_and_the_backbone_are_left_as_they_are(fresh_backbone):
    method = built(fresh_backbone, "frozen")
    batch, text = batch_for("pos", fresh_backbone), batch_for(MLM, fresh_backbone)
    names, counts, loss = dict(method.named_parameters()), method.part_sizes(), method(batch)
    states = set(method.state_dict())
    method.masked_lm.choose_among(tokens_for(text, method.backbone.output.out_features))
    method(text)
    assert torch.equal(method(batch), loss)
    assert dict(method.named_parameters()).keys() == names.keys()
    assert set(method.state_dict()) == states
    assert method.part_sizes() == counts
    assert "forward" not in vars(method.backbone.output), "outside of the method the head is the stock one"


def test_frozen_rows_are_gathered_once_and_trained_ones_every_time():
    decoder = torch.nn.Linear(4, 9).requires_grad_(False)
    rows, hidden = OutputRows(decoder, torch.tensor([1, 4, 8])), torch.randn(2, 4)

    def logits():
        with rows.in_place():
            return decoder(hidden)

    before = logits()
    torch.testing.assert_close(before, (hidden @ decoder.weight.T + decoder.bias)[:, [1, 4, 8]])
    decoder.weight.add_(1.0)
    assert torch.equal(logits(), before), "as long as it is frozen, nothing is gathered again"
    decoder.weight.requires_grad_(True)
    torch.testing.assert_close(logits(), (hidden @ decoder.weight.T + decoder.bias)[:, [1, 4, 8]])


def test_under_autocast_the_logits_are_those_of_a_matrix_cast_every_time():
    decoder = torch.nn.Linear(64, 90).requires_grad_(False)
    tokens, hidden = torch.arange(0, 90, 2), torch.randn(5, 64)
    rows = OutputRows(decoder, tokens)
    for _ in range(2):
        with torch.autocast("cpu", torch.bfloat16), rows.in_place():
            found = decoder(hidden)
        assert found.dtype == torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16):
            expected = functional.linear(hidden, decoder.weight[tokens], decoder.bias[tokens])
        assert torch.equal(found, expected)
    with rows.in_place():
        assert decoder(hidden).dtype == torch.float32


# --- the tokens of a run ----------------------------------------------------------------------------------------


def test_the_tokens_are_those_of_all_text_that_is_trained_on(corpora, tiny, monkeypatch):
    backbone = get_backbone(tiny)
    tokenizer, spec = backbone.tokenizer, spec_for("hyperx-base", **OCCURRING)
    data = RunData(*resolved(spec, corpora), corpora, backbone)
    seen = set()
    assert len(data.plan.mlm) > 1
    for code in data.plan.mlm:
        text = encode(
            corpora.load(MLM, code, "train"), corpora.fingerprint(MLM, code, "train"), tokenizer, max_length=32
        )
        seen |= {piece for row in text["input_ids"][:] for piece in row}
    told = []
    monkeypatch.setattr(MaskedLM, "choose_among", lambda _, tokens: told.append(tokens.tolist()))
    assert data.introduce(build(spec, backbone)) == {"mlm_vocabulary": len(seen)}
    assert told == [sorted(seen)]
    assert {tokenizer.cls_token_id, tokenizer.sep_token_id} <= seen, "a batch without words masks one of these"
    assert len(seen) < len(tokenizer)
    sampler = data.sampler()
    feed = data.feed(sampler, torch.device("cpu"), (0, 1))
    batches = [feed(step) for step in range(sampler.updates)]
    targets = {t for batch in batches if batch.task == MLM for t in batch.targets.tolist()}
    assert targets
    assert targets <= seen


def test_without_text_or_without_the_option_nothing_is_restricted(corpora, tiny, monkeypatch):
    def refuse(*_):
        raise AssertionError("there is nothing to choose among")

    monkeypatch.setattr(MaskedLM, "choose_among", refuse)
    for spec in (
        spec_for("hyperx-base"),
        spec_for("mbert", **OCCURRING),
        spec_for("hyperx-base", training={"mlm_vocabulary": "occurring", "mlm_languages": "none"}),
    ):
        backbone = get_backbone(tiny)
        assert RunData(*resolved(spec, corpora), corpora, backbone).introduce(build(spec, backbone)) == {}


# --- whole runs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", one_in(2, ["frozen", "trained"]))
def test_a_stopped_run_ends_as_an_unbroken_one(decoder, corpora, tiny, tmp_path):
    spec, plan = resolved(spec_for("hyperx-base", options={"mlm_decoder": decoder}, **OCCURRING), corpora)
    assert spec.backbone == tiny
    whole, broken = Store(tmp_path / "whole"), Store(tmp_path / "broken")
    losses = {}
    folder = run(spec, plan, corpora, whole, report=lambda step, _, loss: losses.update({step: loss}))

    def stop(step, updates, loss):
        if step == 11:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run(spec, plan, corpora, broken, report=stop)
    after = {}
    again = run(spec, plan, corpora, broken, report=lambda step, _, loss: after.update({step: loss}))
    assert min(after) > 10
    assert after == {step: loss for step, loss in losses.items() if step >= min(after)}
    weights, resumed = (load_file(f / "checkpoint" / "model.safetensors") for f in (folder, again))
    assert weights.keys() == resumed.keys()
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    facts = whole.get(spec.run_id).provenance()
    assert 100 < facts["mlm_vocabulary"] < len(get_backbone(tiny).tokenizer)


def test_the_checkpoint_has_the_tensors_of_any_other_run(corpora, tiny, tmp_path):
    kept = {}
    for vocabulary in ("all", "occurring"):
        changes = {"training": {"mlm_vocabulary": vocabulary, "updates": 12}}
        spec, plan = resolved(spec_for("hyperx-base", **changes), corpora)
        folder = run(spec, plan, corpora, Store(tmp_path))
        record = Store(tmp_path).get(spec.run_id)
        kept[vocabulary] = (
            {n: t.shape for n, t in load_file(folder / "checkpoint" / "model.safetensors").items()},
            {r["metric"]: r["value"] for r in record.metrics() if "parameters" in r["metric"]},
            record.history()[-1]["loss"],
        )
    (names, counts, loss), (others, other_counts, other_loss) = kept.values()
    assert (names, counts) == (others, other_counts)
    assert other_loss < loss


def test_a_language_run_of_madx_gets_the_option(corpora, tiny, tmp_path):
    spec = with_options(spec_for("madx", backbone=TINY, setting="single", task="pos", **OCCURRING))
    (one,) = MadX.needs(spec, ["br"]).values()
    assert one.training.mlm_vocabulary == "occurring"
    run(*resolved(one, corpora), corpora, Store(tmp_path))
    (record,) = Store(tmp_path).runs()
    assert 20 < record.provenance()["mlm_vocabulary"] < 300
