"""Sites on stock models: identity without weights, clean removal, the right place."""

import copy

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, XLMRobertaConfig, XLMRobertaForMaskedLM

from hxbench.backbones.families import family_of
from hxbench.backbones.sites import EMBEDDINGS, SiteKey, Sites, changing_input
from hxbench.errors import InputError
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.spec import recipe

SHAPE = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32,
}  # fmt: skip
MODELS = {
    "bert": lambda: BertForMaskedLM(BertConfig(**SHAPE)),
    "xlm-roberta": lambda: XLMRobertaForMaskedLM(XLMRobertaConfig(**SHAPE)),
}


class Plus:
    """An adapter that adds a number."""

    def __init__(self, value):
        self.value = value

    def apply(self, hidden):
        return hidden + self.value


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(0)
    return MODELS[request.param]().eval()


IDS = torch.tensor([[2, 9, 10, 3, 11], [2, 5, 6, 7, 8]])


def first_stack(family):
    return next(iter(family.parts.values())).layers


def run(body):
    with torch.no_grad():
        return body(input_ids=IDS).last_hidden_state


def parts(model):
    family = family_of(model.config.model_type)
    return model.get_submodule(family.body), family


def test_the_map_names_real_places(model):
    body, family = parts(model)
    layers = body.get_submodule(first_stack(family))
    assert len(layers) == 3
    for layer in layers:
        for position in family.positions.values():
            assert layer.get_submodule(position.module)
            if position.block:
                assert isinstance(layer.get_submodule(position.norm), torch.nn.LayerNorm)
    assert body.get_submodule(family.embeddings.module) is body.embeddings
    head = model.get_submodule(*family.head)
    assert model.get_submodule(family.output).weight is body.get_input_embeddings().weight
    assert head(torch.randn(7, 16)).shape == (7, 40)


def test_sites_without_weights_are_the_identity_bit_for_bit(model):
    body, family = parts(model)
    before = run(body)
    sites = Sites(body, family, ["ffn_output"])
    assert sites.keys == [SiteKey(layer, "ffn_output") for layer in range(3)]
    assert torch.equal(run(body), before)
    with sites.using({}):
        assert torch.equal(run(body), before)
    with sites.using({sites.keys[1]: Plus(0.5)}):
        assert not torch.equal(run(body), before)
    assert torch.equal(run(body), before), "and again after the block"


def test_an_error_inside_the_block_leaves_no_weights_behind(model):
    body, family = parts(model)
    before = run(body)
    sites = Sites(body, family, ["ffn_output"])
    with pytest.raises(KeyError), sites.using({sites.keys[0]: Plus(1.0)}):
        raise KeyError
    assert torch.equal(run(body), before)


def test_removal_gives_back_the_untouched_backbone(model):
    body, family = parts(model)
    hooks = lambda: [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]  # noqa: E731
    names = [name for name, _ in model.named_modules()]
    state, before, count = copy.deepcopy(model.state_dict()), run(body), hooks()
    sites = Sites(body, family, ["ffn_output"])
    assert hooks() != count
    with sites.using({key: Plus(1.0) for key in sites.keys}):
        run(body)
        sites.remove()
        assert torch.equal(run(body), before), "even while weights are in use"
    sites.remove()
    assert hooks() == count
    assert [name for name, _ in model.named_modules()] == names
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_the_place_is_before_add_and_norm():
    torch.manual_seed(0)
    model = MODELS["bert"]().eval()
    body, family = parts(model)
    output = body.encoder.layer[1].output
    seen = {}
    output.LayerNorm.register_forward_pre_hook(lambda _m, inputs: seen.update(normed=inputs[0]))
    output.dense.register_forward_hook(lambda _m, _i, out: seen.update(dense=out))
    output.register_forward_hook(lambda _m, inputs, _o: seen.update(residual=inputs[1]))
    sites = Sites(body, family, ["ffn_output"])
    with sites.using({SiteKey(1, "ffn_output"): Plus(0.25)}):
        run(body)
    torch.testing.assert_close(seen["normed"], (seen["dense"] + 0.25) + seen["residual"], rtol=0, atol=1e-6)


def test_dropout_comes_before_the_site():
    torch.manual_seed(0)
    model = MODELS["bert"]()
    body, family = parts(model)
    given = []

    class Look:
        def apply(self, hidden):
            given.append(hidden)
            return hidden

    sites = Sites(body, family, ["ffn_output"])
    model.train()
    with sites.using({sites.keys[0]: Look()}):
        body(input_ids=IDS)
    assert (given[0] == 0).any(), "dropped elements are exactly zero"


def test_other_families_are_refused_by_name():
    with pytest.raises(InputError, match=r"'mamba'.*bert"):
        family_of("mamba")
    assert "bert" in recipe.recipe_names("families")


# --- the second kind of position: before "add & norm" -----------------------------------------------------------


class Fed:
    """Adds a number to what "add & norm" would make of the value, times another."""

    def __init__(self, seen=None):
        self.seen = [] if seen is None else seen

    def apply(self, hidden, add_and_norm):
        self.seen.append((hidden, add_and_norm(hidden)))
        return hidden + 0.5 * add_and_norm(hidden) + 0.1


NORMED = "ffn_output_normed"


def test_a_normed_site_is_told_what_add_and_norm_makes_of_a_value(model):
    body, family = parts(model)
    output = body.get_submodule(first_stack(family))[1].output
    seen = {}
    output.dense.register_forward_hook(lambda _m, _i, out: seen.update(dense=out))
    output.register_forward_hook(lambda _m, inputs, out: seen.update(residual=inputs[1], out=out))
    sites = Sites(body, family, [NORMED])
    adapter = Fed()
    with sites.using({SiteKey(1, NORMED): adapter}):
        run(body)
    ((hidden, fed),) = adapter.seen
    assert torch.equal(hidden, seen["dense"])
    with torch.no_grad():
        torch.testing.assert_close(fed, output.LayerNorm(seen["dense"] + seen["residual"]))
        expected = output.LayerNorm(hidden + 0.5 * fed + 0.1 + seen["residual"])
    torch.testing.assert_close(seen["out"], expected)


def test_what_a_normed_site_is_fed_is_the_layers_own_output_without_it(model):
    body, family = parts(model)
    outputs = []
    body.get_submodule(first_stack(family))[0].register_forward_hook(lambda _m, _i, out: outputs.append(out))
    sites = Sites(body, family, [NORMED])
    run(body)
    adapter = Fed()
    with sites.using({sites.keys[0]: adapter}):
        run(body)
    plain = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
    torch.testing.assert_close(adapter.seen[0][1], plain)


def test_normed_and_embedding_sites_are_the_identity_and_leave_nothing(model):
    body, family = parts(model)
    hooks = lambda: [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]  # noqa: E731
    state, before, count = copy.deepcopy(model.state_dict()), run(body), hooks()
    sites = Sites(body, family, ["embeddings", NORMED])
    assert sites.keys == [EMBEDDINGS, *(SiteKey(layer, NORMED) for layer in range(3))]
    assert torch.equal(run(body), before)
    with sites.using({EMBEDDINGS: Plus(0.5)}):
        assert not torch.equal(run(body), before)
    with sites.using({sites.keys[2]: Fed()}):
        assert not torch.equal(run(body), before)
        sites.remove()
        assert torch.equal(run(body), before), "even while weights are in use"
    assert hooks() == count
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_the_residual_is_not_kept_between_passes():
    """A site that is asked outside a pass has no residual: a stale one would be a silent mistake."""
    torch.manual_seed(0)
    model = MODELS["bert"]().eval()
    body, family = parts(model)
    sites = Sites(body, family, [NORMED])
    kept = []

    class Keep:
        def apply(self, hidden, add_and_norm):
            kept.append((hidden, add_and_norm))
            return hidden

    with sites.using({sites.keys[0]: Keep()}):
        run(body)
    hidden, add_and_norm = kept[0]
    with pytest.raises(IndexError):
        add_and_norm(hidden)


def test_the_embeddings_site_acts_on_what_the_embeddings_put_out(model):
    body, family = parts(model)
    seen = []
    sites = Sites(body, family, ["embeddings"])
    body.get_submodule(first_stack(family))[0].register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    run(body)
    with sites.using({EMBEDDINGS: Plus(0.25)}):
        run(body)
    torch.testing.assert_close(seen[1], seen[0] + 0.25)


def test_a_changed_input_lasts_as_long_as_its_block():
    torch.manual_seed(0)
    layer, value = torch.nn.Linear(3, 2), torch.randn(4, 3)
    before = layer(value)
    with changing_input(layer, lambda x: 2 * x):
        assert torch.equal(layer(value), torch.nn.functional.linear(2 * value, layer.weight, layer.bias))
    assert torch.equal(layer(value), before)
    with pytest.raises(KeyError), changing_input(layer, lambda x: 2 * x):
        raise KeyError
    assert torch.equal(layer(value), before)


T5_PLACES = {  # the linear layer that a block's function ends with, or the block that the adapter is parallel to
    "encoder_attention": ("encoder", "layer.0.SelfAttention.o"),
    "encoder_ffn": ("encoder", "layer.1.DenseReluDense.wo"),
    "encoder_parallel": ("encoder", "layer.1.DenseReluDense"),
    "decoder_attention": ("decoder", "layer.0.SelfAttention.o"),
    "decoder_cross": ("decoder", "layer.1.EncDecAttention.o"),
    "decoder_ffn": ("decoder", "layer.2.DenseReluDense.wo"),
    "decoder_parallel": ("decoder", "layer.2.DenseReluDense"),
}


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
@pytest.mark.parametrize("position", list(T5_PLACES))
def test_sites_of_t5_are_where_they_are_called(position, feed_forward):
    from transformers import T5Config

    from hxbench.backbones.shape import new_model

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=20, d_model=8, d_kv=4, num_heads=2, d_ff=12, num_layers=2, decoder_start_token_id=0,
        feed_forward_proj=feed_forward,
    )  # fmt: skip
    model = new_model(config).eval()
    shapes = {"down": (3, 8), "down_bias": (3,), "up": (8, 3), "up_bias": (8,)}
    weights = [BottleneckWeights(**{k: torch.randn(v) for k, v in shapes.items()}) for _ in range(2)]
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 1, 0]])
    read = {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "decoder_input_ids": torch.tensor([[0, 5], [0, 9]]),
    }
    with torch.no_grad():
        stock = model(**read).logits
        sites = Sites(model, family_of("t5"), (position,))
        with sites.using({SiteKey(layer, position): one for layer, one in enumerate(weights)}):
            ours = model(**read).logits
        sites.remove()
        stack, name = T5_PLACES[position]
        hooks = []
        for block, one in zip(getattr(model, stack).block, weights, strict=True):
            beside = position.endswith("parallel")
            hooks.append(
                block.get_submodule(name).register_forward_hook(
                    lambda _, given, out, one=one, beside=beside: out + one.added(given[0] if beside else out)
                )
            )
        wanted = model(**read).logits
        for hook in hooks:
            hook.remove()
        again = model(**read).logits
    assert (ours - stock).abs().max() > 1e-2
    torch.testing.assert_close(ours, wanted)
    assert torch.equal(again, stock)
