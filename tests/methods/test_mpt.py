"""MPT: its prompts against plain products, the losses of the source stage, and the way to the target stage."""

import copy

import numpy as np
import pytest
import torch
from small_t5 import HIDDEN, TASKS, at_base_shape, batch_of, small_t5

from hxbench.answering.answer import Objective
from hxbench.answering.encoder_decoder import EncoderDecoderText
from hxbench.errors import InputError
from hxbench.methods.method import Setup
from hxbench.methods.mpt import Mpt, MptOptions, MptSource, MptSourceOptions, divergence
from hxbench.methods.prompt import EMBEDDING, SOURCE
from hxbench.spec.recipe import resolve
from hxbench.spec.run_spec import START
from hxbench.tasks.encoding.batch import IGNORED, collate

TOKENS, MIX = 5, [0, 1, 2, 1, 0]


def source(backbone=None, *, seed=1, taken=TASKS, objective=None, **options):
    """The source stage, with prompts and factors far from zero."""
    torch.manual_seed(seed)
    own = MptSourceOptions(tokens=TOKENS, sample_from=9, **options)
    method = MptSource(Setup(backbone or small_t5(), TASKS, objective=objective or Objective()), own)
    method.freeze()
    with torch.no_grad():
        for parameter in method.trained().values():
            parameter.normal_()
    for task in taken:
        method.take(f"teacher {task}", {EMBEDDING: torch.randn(TOKENS, HIDDEN)})
    return method.eval()


def target(backbone=None, *, seed=2):
    torch.manual_seed(seed)
    method = Mpt(Setup(backbone or small_t5(), ("cb",)), MptOptions(tokens=TOKENS, sample_from=9))
    method.freeze()
    return method.eval()


def kept(method):
    return {name: p.detach().clone() for name, p in method.trained().items()}


@pytest.mark.parametrize(
    ("name", "model", "counted"),
    [
        ("mpt", {"setting": "single", "task": "cb"}, 76_800 + 868),
        ("mpt-source", {"setting": "multi", "suite": "glue"}, 76_800 + 8 * 868),
    ],
)
def test_counts_at_the_shape_of_t5_base(name, model, counted):
    method = at_base_shape(resolve(name, profile="paper", backbone_name="t5-base", **model))
    assert method.counted() == counted
    assert method.part_sizes()["prompt"] == 76_800


def test_a_prompt_is_the_shared_one_times_the_outer_product_of_the_factors():
    method, batch = source(), batch_of(MIX)
    with torch.no_grad():
        found = method.prompt(torch.zeros(5, 1, HIDDEN), torch.ones(5, 1), method.condition(batch))
    soft = method.soft
    for row, task in enumerate(MIX):
        for token in range(TOKENS):
            for unit in range(HIDDEN):
                factor = soft.prefix_task_cols[task, token, 0] * soft.prefix_task_rows[task, 0, unit]
                expected = (soft.embedding.weight[token, unit] * factor).item()
                assert float(found[row, token, unit]) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_factors_begin_small_and_the_shared_prompt_as_words():
    backbone = small_t5()
    method = target(backbone)
    words = backbone.model.get_input_embeddings().weight[:9]
    assert all((words == row).all(1).any() for row in method.soft.embedding.weight)
    factors = torch.cat([method.soft.prefix_task_cols.flatten(), method.soft.prefix_task_rows.flatten()])
    assert 0 < factors.std() < 0.06


def slow_loss(method, batch, token_loss="mean", distillation=1.0, hidden=0.0):
    """Cross-entropy, divergence and difference of states, summed up row by row."""
    student, shifted = [], method.answering.shifted
    with torch.no_grad():
        for row, task in enumerate(batch.tasks):
            one = batch_of(MIX, pick=[row])
            shared = method.soft.embedding.weight
            outer = method.soft.prefix_task_cols[task] @ method.soft.prefix_task_rows[task]
            words = method.model.get_input_embeddings()(one.input_ids)[0, : int(one.attention_mask.sum())]
            outputs = []
            for prompt in (shared * outer, method.teachers[TASKS[task]]):
                found = method.model(
                    inputs_embeds=torch.cat([prompt, words])[None], decoder_input_ids=shifted(one.targets)
                )
                outputs.append((found.logits[0].log_softmax(-1), found.encoder_last_hidden_state[0, TOKENS:]))
            (own, states), (wanted, taught) = outputs
            gold = one.targets[0]
            student.append(
                {
                    "entropy": -sum(own[i, t] for i, t in enumerate(gold)),
                    "divergence": sum((wanted[i].exp() * (wanted[i] - own[i])).sum() for i in range(len(gold))),
                    "states": (states - taught)[: len(words)].square().mean(),
                }
            )
    count = batch.count if token_loss == "mean" else 1
    pieces = (sum(s["entropy"] for s in student) + distillation * sum(s["divergence"] for s in student)) / count
    return pieces + hidden * sum(s["states"] for s in student) / len(student)


@pytest.mark.parametrize(
    ("options", "token_loss"),
    [({}, "mean"), ({}, "sum"), ({"distillation": 0.3, "hidden": 2.0}, "mean"), ({"distillation": 0.0}, "mean")],
)
def test_the_loss_of_the_source_stage_is_that_of_the_slow_version(options, token_loss):
    method, batch = source(objective=Objective(0.0, token_loss), **options), batch_of(MIX)
    with torch.no_grad():
        found = method(batch)
        torch.testing.assert_close(found, slow_loss(method, batch, token_loss, **options), rtol=1e-4, atol=1e-5)
        assert (method.cross_entropy_in(found) is found) == (options == {"distillation": 0.0})


@pytest.mark.parametrize("world", [2, 7])
def test_the_shares_of_processes_add_up(world):
    method = source(hidden=0.5)
    rng = np.random.default_rng(0)
    rows = [rng.integers(2, 40, 3 + i) for i in range(5)], [np.array([2 + i, 1]) for i in range(5)]
    with torch.no_grad():
        whole = method(collate(*rows, tasks=MIX, padding=0))
        shares = [method(collate(*rows, tasks=MIX, padding=0, share=(rank, world))) for rank in range(world)]
    torch.testing.assert_close(sum(shares), whole, rtol=1e-4, atol=1e-5)


def test_padding_changes_nothing():
    method = source(hidden=0.5)
    with torch.no_grad():
        short, long = batch_of(MIX), batch_of(MIX, padding=16)
        expected, found = method.logits(short), method.logits(long)
        torch.testing.assert_close(found[:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(method(long), method(short), rtol=1e-5, atol=1e-6)


def test_who_says_what_the_teacher_says_pays_nothing():
    method, batch = source(), batch_of(MIX)
    with torch.no_grad():
        method.soft.embedding.weight.copy_(method.teachers["cola"])
        method.soft.prefix_task_cols.fill_(1)
        method.soft.prefix_task_rows.fill_(1)
        for teacher in method.teachers.values():
            teacher.copy_(method.teachers["cola"])
        plain = source(distillation=0.0)
        plain.take(START, kept(method))
        torch.testing.assert_close(method(batch), plain(batch), rtol=1e-5, atol=1e-6)
    logits = torch.randn(2, 3, 7)
    real = batch.targets[:2, :3] != IGNORED if batch.targets.shape[1] >= 3 else torch.ones(2, 3)
    assert float(divergence(logits, logits, real)) == pytest.approx(0, abs=1e-6)
    assert float(divergence(logits, -logits, real)) > 0.1


def test_gradients_reach_prompt_and_factors_and_no_teacher():
    method = source(hidden=0.5).train()
    method(batch_of(MIX)).backward()
    reached = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == set(method.trained()) == {
        EMBEDDING, "soft.prefix_task_cols", "soft.prefix_task_rows",
    }  # fmt: skip
    assert method.model.training, "the teacher's calm is over with its turn"
    assert method.soft.prefix_task_cols.grad.flatten(1).any(1).all()


def test_a_teacher_drops_nothing_out(monkeypatch):
    method, batch = source().train(), batch_of(MIX)
    seen = []
    encode = EncoderDecoderText.encode

    def watched(self, asked, given):
        found = encode(self, asked, given)
        seen.append((asked.model.training, found.states.detach()))
        return found

    monkeypatch.setattr(EncoderDecoderText, "encode", watched)
    for _ in range(2):
        method(batch)
    assert [training for training, _ in seen] == [True, False, True, False]
    assert not torch.equal(seen[0][1], seen[2][1]), "the student's states are dropped out of"
    assert torch.equal(seen[1][1], seen[3][1])


def test_a_teacher_that_was_not_taken_is_missed():
    with pytest.raises(InputError, match="the prompt of the teacher for rte is missing"):
        source(taken=TASKS[:2])(batch_of(MIX))
    with torch.no_grad():
        source(taken=()).logits(batch_of(MIX))  # to score none is needed


def test_the_target_stage_begins_with_the_shared_prompt_and_the_mean_of_the_factors():
    start, method = source(), target()
    method.take(SOURCE, kept(start))
    assert torch.equal(method.soft.embedding.weight, start.soft.embedding.weight)
    for name in ("prefix_task_cols", "prefix_task_rows"):
        expected = sum(getattr(start.soft, name)[i] for i in range(len(TASKS))) / len(TASKS)
        torch.testing.assert_close(getattr(method.soft, name), expected[None])
    method(batch_of([0, 0], "cb")).backward()
    assert all(p.grad.any() for p in method.trained().values())
    again = target(seed=5)
    again.take(START, kept(method))
    with torch.no_grad():
        assert torch.equal(again.logits(batch_of([0, 0], "cb")), method.logits(batch_of([0, 0], "cb")))
    with pytest.raises(InputError, match="the source stage's prompt"):
        method.take(SOURCE, {EMBEDDING: torch.zeros(TOKENS, HIDDEN)})


@pytest.mark.parametrize("make", [source, target])
def test_without_it_the_backbone_is_as_it_was(make):
    backbone = small_t5()
    before = copy.deepcopy(backbone.model.state_dict())
    method = make(backbone)
    method(batch_of([0, 0], method.tasks[0])).backward()
    method.remove()
    assert all(torch.equal(value, before[name]) for name, value in backbone.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in backbone.model.modules())
