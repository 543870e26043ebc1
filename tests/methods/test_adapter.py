"""Adapters with parameters of their own in a T5: counts, places and arithmetic."""

import pytest
import torch
from small_t5 import HIDDEN, LAYERS, at_base_shape, batch_of, made
from transformers.activations import ACT2FN

from hxbench.runs.assemble import with_options
from hxbench.spec.recipe import load, resolve


@pytest.mark.parametrize(
    ("method", "setting", "options", "adapters", "norms"),
    [
        ("adapter", "single", [], 1_807_488, 47_616),  # 1,855,104
        ("adapter", "single", ["options.post_norm=true"], 1_881_216, 47_616),  # 1,928,832
        ("shared-adapter", "multi", ["options.train_norms=false"], 1_807_488, 0),
        ("adapter", "single", ["options.placement=parallel", "options.bottleneck=64"], 2_379_264, 47_616),
    ],
)
def test_counts_at_the_shape_of_t5_base(method, setting, options, adapters, norms):
    spec = resolve(
        method, setting=setting, task="rte", suite="glue", profile="paper", backbone_name="t5-base",
        assignments=options,
    )  # fmt: skip
    found = at_base_shape(spec)
    assert found.part_sizes() == {"adapters": adapters, **({"layer_norms": norms} if norms else {})}
    assert found.counted() == adapters + norms


@pytest.mark.parametrize(("activation", "name"), [("gelu_new", "gelu_new"), ("relu", "relu")])
@pytest.mark.parametrize("post_norm", [False, True])
def test_each_block_is_the_slow_version(activation, name, post_norm):
    """Inside of the residual, after self-attention and feed-forward block; cross-attention stays as it is."""
    method, batch = made("adapter", activation=activation, post_norm=post_norm), batch_of([0, 1, 2])
    act, seen = ACT2FN[name], {}

    def watch(key, module):
        module.register_forward_hook(
            lambda _m, inputs, out: seen.update({(key, "in"): inputs[0], (key, "out"): out})
        )

    blocks = {}
    for stack in ("encoder", "decoder"):
        for layer, block in enumerate(getattr(method.model, stack).block):
            parts = [("attention", block.layer[0], block.layer[0].SelfAttention)]
            parts += [("cross", block.layer[1], block.layer[1].EncDecAttention)] if stack == "decoder" else []
            parts += [("ffn", block.layer[-1], block.layer[-1].DenseReluDense)]
            for position, whole, inner in parts:
                blocks[stack, layer, position] = whole
                watch((stack, layer, position, "whole"), whole)
                watch((stack, layer, position, "inner"), inner)
    with torch.no_grad():
        method.logits(batch)
    assert len(blocks) == LAYERS * 5
    for stack, layer, position in blocks:
        key = (stack, layer, position)
        first = lambda value: value[0] if isinstance(value, tuple) else value  # noqa: E731
        residual, out = first(seen[(*key, "whole"), "in"]), first(seen[(*key, "whole"), "out"])
        inner = first(seen[(*key, "inner"), "out"])
        expected = inner
        if position != "cross":
            own = method.adapters[f"{stack}_{position}"]
            rows = []
            for x in inner.flatten(0, 1):
                added = own.up[layer] @ act(own.down[layer] @ x + own.down_bias[layer]) + own.up_bias[layer]
                if post_norm:
                    spread = ((added - added.mean()) ** 2).mean() + 1e-5
                    added = (added - added.mean()) / spread.sqrt() * own.scale[layer] + own.shift[layer]
                rows.append(x + added)
            expected = torch.stack(rows).view_as(inner)
            assert not torch.allclose(expected, inner, atol=1e-2)
        torch.testing.assert_close(out, residual + expected, rtol=1e-4, atol=1e-5)


def test_parallel_adapters_are_fed_what_the_feed_forward_block_is():
    method, batch = made("adapter", placement="parallel", bottleneck=5), batch_of([0, 1, 2])
    seen = {}
    for stack in ("encoder", "decoder"):
        whole = getattr(method.model, stack).block[1].layer[-1]
        whole.register_forward_hook(lambda _m, i, o, s=stack: seen.update({(s, "in"): i[0], (s, "out"): o}))
    with torch.no_grad():
        method.logits(batch)
        for stack in ("encoder", "decoder"):
            whole = getattr(method.model, stack).block[1].layer[-1]
            own = method.adapters[f"{stack}_parallel"]
            normed = whole.layer_norm(seen[stack, "in"])
            added = ACT2FN["gelu_new"](normed @ own.down[1].T + own.down_bias[1]) @ own.up[1].T + own.up_bias[1]
            expected = seen[stack, "in"] + whole.DenseReluDense(normed) + added
            torch.testing.assert_close(seen[stack, "out"], expected, rtol=1e-4, atol=1e-5)


def test_the_output_matrix_and_the_word_embeddings_stay_frozen():
    trained = made("adapter").trained()
    inside = {name for name in trained if name.startswith("model.")}
    assert inside
    assert all("layer_norm" in name for name in inside)
    assert not {n for n in made("adapter", train_norms=False).trained() if n.startswith("model.")}


def test_initial_weights():
    own = made("adapter", shaken=False, bottleneck=400).adapters["encoder_ffn"]
    assert abs(own.down.std() - 0.01) < 1e-3
    assert not own.down_bias.any()
    assert own.scale is None
    normed = made("adapter", shaken=False, post_norm=True).adapters["decoder_ffn"]
    assert (normed.scale == 1).all()
    parallel = made("adapter", shaken=False, placement="parallel", bottleneck=48).adapters["decoder_parallel"]
    bound = 1e-4 * (6 / (48 + HIDDEN)) ** 0.5
    assert 0.9 * bound < parallel.up.abs().max() <= bound


def test_recipes_say_how_they_shrink():
    assert load("methods", "adapter").settings == ("single",)
    assert load("methods", "shared-adapter").settings == ("multi",)
    shared = load("methods", "shared-adapter")
    assert shared.training["batches"] == "concatenated"
    demo = shared.profiles["demo"]
    assert demo.options["reduction"] < shared.options["reduction"]
    assert demo.training["updates"] > load("methods", "adapter").profiles["demo"].training["updates"]
    code = with_options(
        resolve("adapter", setting="single", task="rte", profile="paper", variant="code", backbone_name="t5-base")
    )
    assert (code.options["placement"], code.options["bottleneck"]) == ("parallel", 64)
    assert (code.training.label_smoothing, code.data.split_rule) == (0.1, "names")
