"""Hyperformer++: its generator against a loop over layers, positions and tasks; new tasks."""

import pytest
import torch
from small_t5 import HIDDEN, LAYERS, TASKS, at_base_shape, batch_of, condition, made

from hxbench.errors import InputError
from hxbench.modules import per_row
from hxbench.spec.recipe import resolve
from hxbench.spec.run_spec import START

GLUE_ON_NEW = ("mnli", "qnli")
SIDES = {"encoder": "reading", "decoder": "answering"}
POSITIONS = {stack: (f"{stack}_attention", f"{stack}_ffn") for stack in SIDES}


def test_counts_at_the_shape_of_t5_base():
    spec = resolve("hyperformer", setting="multi", suite="glue", profile="paper", backbone_name="t5-base")
    found = at_base_shape(spec)
    parts = found.part_sizes()
    assert parts["embeddings"] == 8 * 64
    assert parts["embeddings"] + parts["hypernetworks"] == 5_163_440
    assert parts["layer_norms"] == 47_616
    assert found.counted() == 5_163_440 + 47_616


def slow(method, stack, task, layer, position):
    """The weights of one site for one task, with plain matrix products."""
    net = method.hypernetworks[stack]
    g = net.generator
    source = torch.cat([method.embeddings[task], net.layers[layer], net.positions[position]])
    first, _, second = net.projector
    projected = second.weight @ (first.weight @ source + first.bias).clamp(min=0) + second.bias
    spread = ((projected - projected.mean()) ** 2).mean() + 1e-6
    projected = (projected - projected.mean()) / spread.sqrt() * net.norm.weight + net.norm.bias
    shapes = {"down": (-1, HIDDEN), "up": (HIDDEN, -1)}
    heads = {name: getattr(g, name) for name in ("down", "down_bias", "up", "up_bias", "scale", "shift")}
    made_ = {name: head.weight @ projected + head.bias for name, head in heads.items()}
    return {name: value.reshape(shapes.get(name, (-1,))) for name, value in made_.items()}


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_the_weights_of_one_task_are_those_of_the_slow_version(stack):
    method = made("hyperformer")
    with torch.no_grad():
        found = method.weights(condition(torch.tensor([2, 2]), SIDES[stack], place=2))
        assert len(found) == LAYERS * 2
        for layer in range(LAYERS):
            for place, position in enumerate(POSITIONS[stack]):
                weights = found[layer, position]
                assert weights.down.shape == (4, HIDDEN), "no dimension for the batch"
                for name, expected in slow(method, stack, 2, layer, place).items():
                    torch.testing.assert_close(getattr(weights, name), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sorted_from", [0, 10**9])
def test_a_mixed_batch_is_a_loop_over_its_rows(sorted_from, monkeypatch):
    monkeypatch.setattr(per_row, "SORTED_FROM", sorted_from)
    method, tasks = made("hyperformer"), torch.tensor([2, 0, 2, 1])
    hidden = torch.randn(4, 3, HIDDEN)
    with torch.no_grad():
        found = method.weights(condition(tasks, "answering", None))
        for (layer, position), weights in found.items():
            place = POSITIONS["decoder"].index(position)
            for row, task in enumerate(tasks):
                own = slow(method, "decoder", task, layer, place)
                for column in range(3):
                    x = hidden[row, column]
                    z = own["down"] @ x + own["down_bias"]
                    z = 0.5 * z * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (z + 0.044715 * z**3)))
                    z = own["up"] @ z + own["up_bias"]
                    z = (z - z.mean()) / (((z - z.mean()) ** 2).mean() + 1e-5).sqrt() * own["scale"] + own["shift"]
                    result = weights.apply(hidden)[row, column]
                    torch.testing.assert_close(result, x + z, rtol=1e-3, atol=1e-4)


def test_tasks_layers_positions_and_stacks_differ():
    method = made("hyperformer")
    with torch.no_grad():
        downs = [
            weights.down
            for stack in POSITIONS
            for task in range(len(TASKS))
            for weights in method.weights(condition(torch.tensor([task]), SIDES[stack], place=task)).values()
        ]
    assert len({tuple(down.flatten().tolist()) for down in downs}) == len(downs) == 2 * 3 * LAYERS * 2


def test_initial_weights():
    net = made("hyperformer", shaken=False, source_hidden=200).hypernetworks["encoder"]
    assert abs(net.projector[0].weight.std() - 0.01) < 1e-3
    assert abs(net.generator.up.weight.std() - 0.01) < 2e-3
    assert not net.generator.up.bias.any()
    assert net.norm.eps == 1e-6


# --- a task that comes later ------------------------------------------------------------------------------------


def started(**options):
    start = made("hyperformer", tasks=GLUE_ON_NEW)
    tensors = {name: p.detach().clone() for name, p in start.trained().items()}
    method = made("hyperformer", shaken=False, tasks=GLUE_ON_NEW, new_task="boolq", **options)
    method.take(START, tensors)
    return start, method


def test_a_new_task_starts_as_the_closest():
    start, method = started()
    with torch.no_grad():
        own = method.logits(batch_of([2, 2], "boolq"))
        torch.testing.assert_close(own, start.logits(batch_of([1, 1], "qnli")))
        assert not torch.allclose(own, start.logits(batch_of([0, 0], "mnli")), atol=1e-3)
        mixed = method.logits(batch_of([2, 0, 2]))
    torch.testing.assert_close(mixed[1], start.logits(batch_of([1, 0, 1]))[1], rtol=1e-4, atol=1e-5)


def test_the_new_embedding_is_trained_and_comes_back():
    _, method = started()
    method(batch_of([2, 2], "boolq")).backward()
    assert method.new_embedding.grad.any()
    assert method.embeddings.grad is None or not method.embeddings.grad.any()
    with torch.no_grad():
        method.new_embedding += 1
    kept = {name: p.detach().clone() for name, p in method.trained().items()}
    again = made("hyperformer", tasks=GLUE_ON_NEW, new_task="boolq")
    again.take(START, kept)
    assert torch.equal(again.new_embedding, method.new_embedding)


def test_a_new_task_without_a_closest_one_is_refused():
    with pytest.raises(InputError, match=r"boolq is closest to \(of mnli, qnli\)"):
        started(closest={"boolq": "cola"})
    with pytest.raises(InputError, match="boolq is closest to"):
        started(closest={})
