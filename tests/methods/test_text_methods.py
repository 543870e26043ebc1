"""What holds for every text-to-text method with own or generated adapters, on a small T5."""

import copy

import pytest
import torch
from small_t5 import KINDS, TASKS, batch_of, made, small_t5

from hxbench.modules import per_row

MIX = [0, 1, 2, 1, 0]
ADAPTERS = [kind for kind in KINDS if kind != "text-finetune"]


@pytest.fixture(params=["copied", "sorted"])
def way(request, monkeypatch):
    """Both ways in which a batch of several tasks gets its adapters."""
    monkeypatch.setattr(per_row, "SORTED_FROM", {"copied": 10**9, "sorted": 0}[request.param])


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_scores_the_same_beside_rows_of_other_tasks(kind, way):
    method = made(kind)
    with torch.no_grad():
        mixed = method.logits(batch_of(MIX))
        for place, task in enumerate(TASKS):
            rows = [i for i, other in enumerate(MIX) if other == place]
            alone = method.logits(batch_of(MIX, task, pick=rows))
            length = alone.shape[1]
            torch.testing.assert_close(mixed[rows, :length], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_of_one_task_may_call_itself_mixed(kind, way):
    """The same loss and the same gradients, whether the method is told the task at once or row by row."""
    results = []
    for name in (TASKS[1], "mixed"):
        method = made(kind)
        loss = method(batch_of([1] * 4, name))
        loss.backward()
        gradients = [p.grad if p.grad is not None else torch.zeros(()) for p in method.trained().values()]
        results.append([loss.detach(), *gradients])
    for told, found in zip(*results, strict=True):
        torch.testing.assert_close(told, found.expand_as(told), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_mixed_batch_is_that_of_its_tasks(kind, way):
    """The batches of one task weigh what target pieces they have of it."""
    method = made(kind)
    with torch.no_grad():
        mixed = batch_of(MIX)
        rows = [[i for i, other in enumerate(MIX) if other == place] for place in range(len(TASKS))]
        alone = [batch_of(MIX, task, pick=some) for task, some in zip(TASKS, rows, strict=True)]
        together = sum(method(batch) * batch.count for batch in alone)
    assert sum(batch.count for batch in alone) == mixed.count
    torch.testing.assert_close(method(mixed) * mixed.count, together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind, way):
    method, tasks = made(kind), MIX
    with torch.no_grad():
        short, long = batch_of(tasks), batch_of(tasks, padding=16)
        expected, found = method.logits(short), method.logits(long)
        torch.testing.assert_close(found[:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(method(long), method(short), rtol=1e-5, atol=1e-6)
        assert torch.equal(method.generate(long, 3), method.generate(short, 3))


@pytest.mark.parametrize("kind", ADAPTERS)
def test_taking_a_method_off_gives_the_backbone_back(kind):
    backbone, batch = small_t5(), batch_of(MIX)
    model = backbone.model.eval()

    def run():
        with torch.no_grad():
            return model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets
            ).logits

    def hooks():
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())

    before, state, count = run(), copy.deepcopy(model.state_dict()), hooks()
    method = made(kind, backbone)
    with torch.no_grad():
        assert not torch.allclose(method.logits(batch), before, atol=1e-3), "the adapters do something"
    assert torch.equal(run(), before), "outside of the method the sites are the identity"
    method.remove()
    assert hooks() == count
    assert torch.equal(run(), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_all_that_is_trained_and_nothing_else(kind):
    method = made(kind)
    method(batch_of(MIX)).backward()
    trained = method.trained()
    assert trained
    for name, parameter in method.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.any())
        assert reached == (name in trained), name
    assert sum(method.part_sizes().values()) == sum(p.numel() for p in trained.values()) == method.counted()


@pytest.mark.parametrize(
    ("kind", "options", "closeness"),
    [
        ("adapter", {}, 2e-2),
        ("adapter", {"placement": "parallel"}, 1e-6),
        ("hyperformer", {"post_norm": False}, 2e-2),
        ("hyperdecoder", {}, 2e-3),
    ],
)
def test_a_method_starts_close_to_the_identity(kind, options, closeness):
    backbone, batch = small_t5(), batch_of(MIX)
    method = made(kind, backbone, shaken=False, **options)
    with torch.no_grad():
        found = method.logits(batch)
        plain = backbone.model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets
        ).logits
    distance = float((found - plain).abs().max() / plain.abs().max())
    assert 0 < distance < closeness


@pytest.mark.parametrize("kind", KINDS)
def test_beams_take_the_weights_of_their_row(kind):
    method, batch = made(kind), batch_of(MIX)
    one = method.generate(batch, 4)
    many = [method.generate(batch_of(MIX, TASKS[t], pick=[i]), 4, beams=2) for i, t in enumerate(MIX)]
    together = method.generate(batch, 4, beams=2)
    assert one.shape[0] == together.shape[0] == len(MIX)
    for row, alone in enumerate(many):
        length = min(alone.shape[1], together.shape[1])
        assert torch.equal(together[row, :length], alone[0, :length])
        assert set(together[row, length:].tolist()) <= {0, 1}, "padding, or end marks, as transformers has it"


@pytest.mark.parametrize("kind", KINDS)
def test_in_bf16_it_runs_and_is_about_the_same(kind, way):
    method, batch = made(kind), batch_of(MIX)
    with torch.no_grad():
        exact = method(batch)
        with torch.autocast("cpu", torch.bfloat16):
            rough = method(batch)
    assert rough.dtype == torch.float32
    assert abs(float(rough - exact)) < 0.1 * float(exact)
