"""Hyperdecoder: an adapter for every example, against a loop over layers and rows."""

import pytest
import torch
from small_t5 import HIDDEN, LAYERS, at_base_shape, batch_of, condition, made

from hxbench.modules.hypernetwork import BottleneckGenerator
from hxbench.spec.recipe import resolve


@pytest.mark.parametrize(("options", "counted"), [([], 15_259_192), (["options.pooled_map=false"], 14_078_008)])
def test_counts_at_the_shape_of_t5_base(options, counted):
    spec = resolve(
        "hyperdecoder",
        setting="multi",
        suite="glue",
        profile="paper",
        backbone_name="t5-base",
        assignments=options,
    )
    found = at_base_shape(spec)
    assert found.counted() == counted
    assert found.part_sizes()["adapters"] == 12 * (2 * 768 * 64 + 64 + 768)


def linear(layer, x):
    return layer.weight @ x + layer.bias


@pytest.mark.parametrize("pooled_map", [True, False])
def test_rows_get_adapters_of_their_own(pooled_map):
    method = made("hyperdecoder", pooled_map=pooled_map)
    pooled, hidden = torch.randn(3, HIDDEN), torch.randn(3, 4, HIDDEN)
    g = method.generator
    with torch.no_grad():
        found = method.weights(condition(torch.tensor([0, 1, 1]), "answering", pooled))
        assert list(found) == [(layer, "decoder_parallel") for layer in range(LAYERS)]
        for layer in range(LAYERS):
            result = found[layer, "decoder_parallel"].added(hidden)
            for row in range(3):
                z = pooled[row]
                if pooled_map:
                    first, _, second = method.pooled_map
                    z = linear(second, linear(first, z).clamp(min=0))
                source = linear(method.source[0], torch.cat([z, method.layers[layer]])).clamp(min=0)
                down = linear(g.down, source).reshape(4, HIDDEN)
                up = linear(g.up, source).reshape(HIDDEN, 4)
                for column in range(4):
                    inner = (down @ hidden[row, column] + linear(g.down_bias, source)).clamp(min=0)
                    expected = up @ inner + linear(g.up_bias, source)
                    torch.testing.assert_close(result[row, column], expected, rtol=1e-4, atol=1e-4)


def test_the_encoder_knows_no_task():
    method = made("hyperdecoder")
    with torch.no_grad():
        one, other = (method.encode(batch_of([task] * 3)) for task in (0, 2))
        assert torch.equal(one.states, other.states)
        assert torch.equal(method.logits(batch_of([0] * 3)), method.logits(batch_of([2] * 3)))
    encoder = method.weights(condition(torch.tensor([0]), "reading"))
    assert list(encoder) == [(layer, "encoder_parallel") for layer in range(LAYERS)]
    assert encoder[1, "encoder_parallel"].down.shape == (4, HIDDEN)


def test_the_pooled_text_decides_over_the_decoder():
    """What a row's decoder does depends on its own text through the adapter, and on no other row's."""
    method, batch = made("hyperdecoder"), batch_of([0, 0, 0])
    with torch.no_grad():
        encoded = method.encode(batch)
        start = method.answering.shifted(batch.targets)
        logits = method.answering.decode(method, encoded, start)
        pooled = encoded.condition.pooled.clone()
        pooled[1] += 1
        changed = method.answering.decode(
            method, encoded._replace(condition=encoded.condition._replace(pooled=pooled)), start
        )
    torch.testing.assert_close(changed[[0, 2]], logits[[0, 2]])
    assert not torch.allclose(changed[1], logits[1], atol=1e-2)


def test_initial_weights():
    torch.manual_seed(0)
    generator = BottleneckGenerator(128, 96, 8)
    generator.start_small()
    for head, inputs in (
        (generator.up, 8),
        (generator.down, 96),
        (generator.up_bias, 1),
        (generator.down_bias, 1),
    ):
        bound = 1e-3 * (3 / (128 * inputs)) ** 0.5
        assert 0.95 * bound < head.weight.abs().max() <= bound
        assert not head.bias.any()


def test_the_backbone_stays_frozen():
    assert not [name for name in made("hyperdecoder").trained() if name.startswith("model.")]
