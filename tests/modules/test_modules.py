"""Site, embeddings and generator against slow, obvious versions of Hyper-X's equations: values and gradients."""

import math

import pytest
import torch
from torch import nn

from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.heads import Head
from hxbench.modules.hypernetwork import BottleneckGenerator, SourceEmbeddings, initialise_linear, projector

TASKS, LANGUAGES, LAYERS = 3, 5, 4
SIZE, HIDDEN_SOURCE, PROJECTED, HIDDEN, BOTTLENECK = 3, 7, 6, 10, 4


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


class Whole(nn.Module):
    """The parts as the method puts them together."""

    def __init__(self, order, layer_norm):
        super().__init__()
        self.embeddings = SourceEmbeddings(TASKS, LANGUAGES, LAYERS, SIZE, order)
        self.projector = projector(3 * SIZE, HIDDEN_SOURCE, PROJECTED)
        self.generator = BottleneckGenerator(PROJECTED, HIDDEN, BOTTLENECK, layer_norm)
        for p in self.parameters():
            nn.init.normal_(p)  # large values and biases, so that nothing hides behind a zero

    def forward(self, task, language, hidden):
        sites = self.generator(self.projector(self.embeddings(task, language))).unbind()
        for weights in sites:
            hidden = weights.apply(hidden)
        return hidden


def slow(whole, order, task, language, hidden):
    """Layer by layer, one element of the batch at a time, with plain matrix products."""
    tables = dict(whole.embeddings.tables)
    first, _, second = whole.projector
    g = whole.generator
    for layer in range(LAYERS):
        index = {"task": task, "language": language, "layer": layer}
        source = torch.cat([tables[name][index[name]] for name in order])
        inner = first.weight @ source + first.bias
        inner = torch.where(inner > 0, inner, torch.zeros(()))
        projected = second.weight @ inner + second.bias
        down = (g.down.weight @ projected + g.down.bias).reshape(BOTTLENECK, HIDDEN)
        down_bias = g.down_bias.weight @ projected + g.down_bias.bias
        up = (g.up.weight @ projected + g.up.bias).reshape(HIDDEN, BOTTLENECK)
        up_bias = g.up_bias.weight @ projected + g.up_bias.bias
        rows = []
        for sentence in hidden:
            words = []
            for x in sentence:
                z = down @ x + down_bias
                z = torch.where(z > 0, z, torch.zeros(()))
                out = up @ z + up_bias
                if g.scale is not None:
                    mean = out.mean()
                    spread = ((out - mean) ** 2).mean() + 1e-5
                    scale = g.scale.weight @ projected + g.scale.bias
                    shift = g.shift.weight @ projected + g.shift.bias
                    out = (out - mean) / spread.sqrt() * scale + shift
                words.append(x + out)
            rows.append(torch.stack(words))
        hidden = torch.stack(rows)
    return hidden


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("order", [("language", "task", "layer"), ("task", "language", "layer")])
def test_the_hypernetwork_and_its_sites_equal_the_slow_version(order, layer_norm):
    whole = Whole(order, layer_norm).double()
    hidden = torch.randn(2, 3, HIDDEN, dtype=torch.float64)
    target = torch.randn_like(hidden)
    gradients = []
    values = []
    for forward in (lambda h: whole(2, 3, h), lambda h: slow(whole, order, 2, 3, h)):
        h = hidden.clone().requires_grad_()
        whole.zero_grad()
        out = forward(h)
        (out * target).sum().backward()
        values.append(out.detach())
        gradients.append([h.grad] + [p.grad.clone() for p in whole.parameters()])
    torch.testing.assert_close(values[0], values[1], rtol=1e-6, atol=1e-6)
    assert len(gradients[0]) == 1 + 3 + 4 + (12 if layer_norm else 8)
    for fast, reference in zip(*gradients, strict=True):
        assert reference.abs().sum() > 0
        torch.testing.assert_close(fast, reference, rtol=1e-6, atol=1e-6)


def test_in_single_precision_it_is_equal_to_a_millionth():
    whole = Whole(("language", "task", "layer"), False)
    initialise_linear(whole.projector, 0.01)
    initialise_linear(whole.generator, 0.01)
    hidden = torch.randn(2, 3, HIDDEN)
    expected = slow(whole, ("language", "task", "layer"), 1, 4, hidden)
    torch.testing.assert_close(whole(1, 4, hidden), expected, rtol=1e-6, atol=1e-6)


def test_the_order_of_the_sources_matters():
    sources = []
    for order in (("language", "task", "layer"), ("task", "language", "layer")):
        embeddings = SourceEmbeddings(TASKS, LANGUAGES, LAYERS, SIZE, order)
        for i, name in enumerate(("task", "language", "layer")):
            nn.init.constant_(embeddings.tables[name], i)
        sources.append(embeddings(0, 0))
    assert sources[0].shape == (LAYERS, 3 * SIZE)
    assert sources[0][0].tolist() == [1] * SIZE + [0] * SIZE + [2] * SIZE
    assert sources[1][0].tolist() == [0] * SIZE + [1] * SIZE + [2] * SIZE


def test_every_task_language_and_layer_has_a_source_of_its_own():
    embeddings = SourceEmbeddings(TASKS, LANGUAGES, LAYERS, SIZE, ("language", "task", "layer"))
    rows = [tuple(row.tolist()) for t in range(TASKS) for n in range(LANGUAGES) for row in embeddings(t, n)]
    assert len(set(rows)) == len(rows) == TASKS * LANGUAGES * LAYERS


def test_unbinding_gives_each_layer_its_slice():
    generator = BottleneckGenerator(PROJECTED, HIDDEN, BOTTLENECK, layer_norm=True)
    weights = generator(torch.randn(LAYERS, PROJECTED))
    sites = weights.unbind()
    assert len(sites) == LAYERS
    for i, site in enumerate(sites):
        for name in ("down", "down_bias", "up", "up_bias", "scale", "shift"):
            assert torch.equal(getattr(site, name), getattr(weights, name)[i])
    assert sites[0].down.shape == (BOTTLENECK, HIDDEN)
    assert sites[0].up.shape == (HIDDEN, BOTTLENECK)
    plain = BottleneckGenerator(PROJECTED, HIDDEN, BOTTLENECK)(torch.randn(LAYERS, PROJECTED)).unbind()
    assert {(w.scale, w.shift) for w in plain} == {(None, None)}


def test_weights_of_zero_are_the_identity_bit_for_bit():
    zero = BottleneckWeights(
        torch.zeros(BOTTLENECK, HIDDEN),
        torch.zeros(BOTTLENECK),
        torch.zeros(HIDDEN, BOTTLENECK),
        torch.zeros(HIDDEN),
    )
    hidden = torch.randn(2, 3, HIDDEN)
    assert torch.equal(zero.apply(hidden), hidden)


def test_initialisation_is_that_of_the_published_code():
    generator = BottleneckGenerator(192, 64, 32)
    initialise_linear(generator, 0.01)
    for layer in (generator.down, generator.up):
        n = layer.weight.numel()
        assert abs(layer.weight.mean()) < 5 * 0.01 / math.sqrt(n)
        assert abs(layer.weight.std() - 0.01) < 5 * 0.01 / math.sqrt(2 * n)
        assert not layer.bias.any()
    table = SourceEmbeddings(100, 100, 100, 64, ("task", "language", "layer")).tables["task"]
    assert abs(table.std() - 1) < 0.05


def test_a_head_is_dropout_and_one_linear_map():
    head = Head(HIDDEN, 7)
    hidden = torch.randn(5, HIDDEN)
    head.eval()
    torch.testing.assert_close(head(hidden), hidden @ head.classifier.weight.T + head.classifier.bias)
    assert head.dropout.p == 0.1
    head.train()
    assert not torch.equal(head(hidden), head(hidden))
