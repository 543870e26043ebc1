"""Entries of families: what they find in stock models, against slow rules, and what a wrong one is told."""

from typing import get_args

import pytest
import torch
from stock_models import MODELS as STOCK
from stock_models import stock
from tiny_decoders import DECODERS, bare_decoder
from tiny_families import tiny
from torch import nn
from transformers import AutoConfig
from transformers.pytorch_utils import Conv1D

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.entry import require_parts
from hxbench.backbones.families import Part, family_of, widths_of
from hxbench.backbones.load import require_precision
from hxbench.backbones.shape import MADE_HERE, new_model
from hxbench.backbones.sites import EMBEDDINGS, SiteKey, Sites
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.report.papers.pet.rows import FAMILIES as PET_FAMILIES
from hxbench.runs.pretraining import LEARNERS
from hxbench.spec import recipe
from hxbench.spec.backbone import Pretrainable
from hxbench.spec.recipe.family import Family

ROBERTA = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 34,
}  # fmt: skip


FUSED = {"module": "self_attn.qkv_proj", "roles": ["query", "key", "value"], "layout": "heads"}


def roberta(kind):
    torch.manual_seed(0)
    return Backbone(new_model(AutoConfig.for_model(kind, **ROBERTA)).eval(), None, family_of(kind))


def gated():
    config = AutoConfig.for_model(
        "t5", vocab_size=20, d_model=16, d_ff=24, d_kv=8, num_layers=3, num_decoder_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    return Backbone(new_model(config).eval(), None, family_of("t5"))


MODELS = {
    "bert": lambda: tiny("bert"),
    "roberta": lambda: roberta("roberta"),
    "xlm-roberta": lambda: roberta("xlm-roberta"),
    "t5": lambda: tiny("t5"),
    "t5 v1.1": gated,
    "bloom": lambda: tiny("bloom"),
    **{name: lambda name=name: stock(name) for name in STOCK if name not in ("roberta", "xlm-roberta", "t5")},
    **{name: lambda name=name: bare_decoder(name) for name in DECODERS},
}


@pytest.fixture(params=MODELS)
def backbone(request):
    return MODELS[request.param]()


def test_every_entry_has_a_model_here():
    assert {*recipe.recipe_names("families")} == {make().family.name for make in MODELS.values()}


def test_the_entry_names_what_the_model_has(backbone):
    require_parts(backbone.model, backbone.family)
    assert backbone.hidden_size == {"bloom": 18, "gpt_neox": 24}.get(backbone.family.name, 16)
    assert backbone.model.get_input_embeddings() is backbone.body.get_submodule(backbone.family.words)
    assert backbone.model.get_output_embeddings() is backbone.output
    assert backbone.embedded_size == backbone.model.get_input_embeddings().embedding_dim
    hidden = torch.randn(3, backbone.hidden_size)
    assert backbone.mlm_head(hidden).shape == (3, backbone.model.config.vocab_size)
    assert all(len(stack.layers) == depth for stack, depth in zip(backbone.stacks, backbone.depths, strict=True))


def slow_biased(backbone):
    """The rule that the sheet states for each architecture, by classes and names of modules."""
    named = dict(backbone.model.named_modules())
    if backbone.family.stacks == "decoder":
        return {n: m for n, m in named.items() if isinstance(getattr(m, "bias", None), nn.Parameter)}
    is_one = lambda m: isinstance(m, nn.Linear) or type(m).__name__.endswith("LayerNorm")  # noqa: E731
    if backbone.family.stacks == "encoder-decoder":
        left = "lm_head" if backbone.family.name == "bart" else "EncDecAttention"
        return {n: m for n, m in named.items() if is_one(m) and left not in n}
    if backbone.family.name == "modernbert":
        return {}
    (layers,) = backbone.stacks
    return {  # seven a layer: all but the layer that goes up
        f"layer.{number}.{name}": module
        for number, layer in enumerate(layers.layers)
        for name, module in layer.named_modules()
        if is_one(module) and name not in ("intermediate.dense", "ffn.lin1")
    }


def test_what_bitfit_adds_to_is_what_the_rules_say_in_their_order(backbone):
    assert [*backbone.biased().items()] == [*slow_biased(backbone).items()]


def test_norms_are_all_layer_normalisations_of_the_body_in_its_order(backbone):
    norms = [m for m in backbone.body.modules() if type(m).__name__.endswith(("LayerNorm", "RMSNorm"))]
    wanted = [p for m in norms for p in m.parameters()]
    assert len(wanted) > 2
    assert len(wanted) == len(backbone.norms())
    assert all(one is other for one, other in zip(backbone.norms(), wanted, strict=True))


ATTENTION = ("query", "key", "value", "output")
ROLES = (*ATTENTION, *(f"cross_{role}" for role in ATTENTION), "up", "gate", "down")


def test_projections_are_all_linear_layers_of_the_layers(backbone):
    found = {id(one.module) for one in backbone.projections(*ROLES)}
    layers = [layer for stack in backbone.stacks for layer in stack.layers]
    assert found == {id(m) for layer in layers for m in layer.modules() if isinstance(m, nn.Linear | Conv1D)}


def test_projections_of_a_layer_stand_next_to_each_other():
    names = [one.name for one in tiny("bert").projections("query", "value")]
    assert names == [f"{layer}.attention.self.{role}" for layer in (0, 1) for role in ("query", "value")]
    t5 = tiny("t5").projections("query", "cross_query")
    # numbers go on from the encoder's layers to the decoder's
    assert [one.name for one in t5] == [
        "0.layer.0.SelfAttention.q", "1.layer.0.SelfAttention.q", "2.layer.0.SelfAttention.q",
        "2.layer.1.EncDecAttention.q", "3.layer.0.SelfAttention.q", "3.layer.1.EncDecAttention.q",
    ]  # fmt: skip
    assert all((one.part, one.width_in, one.width_out) == (None, 16, 16) for one in t5)


def test_fused_projections_say_where_they_are():
    backbone = tiny("bloom")
    query, value = backbone.projections("query", "value")[:2]
    assert (query.name, value.name) == ("0.query", "0.value")
    assert query.module is value.module is backbone.body.h[0].self_attention.query_key_value
    assert (query.part, value.part) == (Part(3, 0, 12), Part(3, 12, 0)), "of three heads, each 6 wide"
    assert query.width_in == query.width_out == 18


def test_a_fused_projection_has_fewer_heads_of_keys():
    query, value, up = bare_decoder("phi3").projections("query", "value", "up")[:3]
    assert (query.part, query.width_out) == (Part(1, 0, 16), 16), (
        "four heads of queries, two of keys and of values"
    )
    assert (value.part, value.width_out) == (Part(1, 24, 0), 8)
    assert (up.part, up.width_in, up.width_out) == (Part(1, 24, 0), 16, 24)
    grouped = {"decoder": {"fused": [FUSED, {**FUSED, "module": "mlp.gate_up_proj", "roles": ["gate", "up"]}]}}
    family = validated(Family, recipe.merge(family_of("phi3").model_dump(), grouped), "phi3.yaml")
    query, value = Backbone(bare_decoder("phi3").model, None, family).projections("query", "value")[:2]
    # of both heads of keys two heads of queries before them
    assert (query.part, value.part) == (Part(2, 0, 8), Part(2, 12, 0))
    assert (query.width_out, value.width_out) == (16, 8)


def test_a_layer_of_gpt2_is_as_wide_as_it_computes():
    up = bare_decoder("gpt2").projections("up")[0]
    assert tuple(up.module.weight.shape) == widths_of(up.module) == (up.width_in, up.width_out) == (16, 64)


def keys(position, *layers):
    return [SiteKey(layer, position) for layer in layers]


def test_sites_by_role_and_side():
    bert, t5, bloom = roberta("roberta"), gated(), tiny("bloom")
    assert bert.sites("attention") == keys("attention_output", 0, 1, 2)
    assert bert.sites("ffn_normed") == keys("ffn_output_normed", 0, 1, 2)
    assert bert.sites("ffn", "reading") == keys("ffn_output", 0), "of three layers one is the lower half"
    assert bert.sites("ffn", "answering") == keys("ffn_output", 1, 2)
    assert bert.sites("cross") == bloom.sites("ffn_normed") == []
    assert bloom.sites("parallel", "answering") == keys("parallel", 1)
    assert t5.sites("ffn") == keys("encoder_ffn", 0, 1, 2) + keys("decoder_ffn", 0, 1)
    assert t5.sites("parallel", "reading") == keys("encoder_parallel", 0, 1, 2)
    assert t5.sites("cross", "answering") == t5.sites("cross") == keys("decoder_cross", 0, 1)


class Times:
    """An adapter that multiplies."""

    def apply(self, hidden, *_):
        return 1.5 * hidden

    def added(self, hidden):
        return 0.5 * hidden


IDS = torch.tensor([[4, 5, 6, 7], [8, 9, 10, 11]])


def states(backbone):
    more = {"decoder_input_ids": IDS} if backbone.is_text_to_text else {}
    with torch.no_grad():
        return (
            backbone.body(input_ids=IDS, **more).last_hidden_state
            if not more
            else backbone.model(IDS, **more).logits
        )


def test_a_site_acts_at_every_place_that_is_declared(backbone):
    stock = states(backbone)
    for position in (EMBEDDINGS.position, *backbone.family.positions):
        sites = Sites(backbone.body, backbone.family, [position])
        assert torch.equal(states(backbone), stock), position
        for key in sites.keys:
            weights = Times()
            if "normed" in position:  # what "add & norm" makes of it would come out of it twice
                weights.apply = lambda hidden, normed: 1.5 * hidden + normed(hidden)
            with sites.using({key: weights}):
                assert not torch.allclose(states(backbone), stock), key
        sites.remove()
        assert torch.equal(states(backbone), stock), position


PARALLEL = {
    "bert": lambda body, n: (body.encoder.layer[n].intermediate, body.encoder.layer[n].output.dense),
    "bloom": lambda body, n: (body.h[n].mlp.dense_h_to_4h, body.h[n].mlp.dense_4h_to_h),
    "gpt2": lambda body, n: (body.h[n].mlp.c_fc, body.h[n].mlp.c_proj),
    "gemma2": lambda body, n: (body.layers[n].mlp.up_proj, body.layers[n].mlp.down_proj),
    "opt": lambda body, n: (body.layers[n].fc1, body.layers[n].fc2),
}


@pytest.mark.parametrize("name", PARALLEL)
def test_a_parallel_adapter_is_fed_what_the_feed_forward_block_is_and_added_to_what_it_puts_out(name):
    backbone = MODELS[name]()
    sites = Sites(backbone.body, backbone.family, backbone.family.site_names("parallel"))
    with sites.using({key: Times() for key in sites.keys}):
        ours = states(backbone)
    sites.remove()
    seen = {}
    for number in range(2):
        first, second = PARALLEL[name](backbone.body, number)
        first.register_forward_pre_hook(lambda _, given, n=number: seen.update({n: given[0]}))
        second.register_forward_hook(lambda _m, _i, out, n=number: out + 0.5 * seen[n])
    torch.testing.assert_close(ours, states(backbone))


def test_embeddings_of_t5_are_changed_as_the_encoder_reads_them():
    backbone = tiny("t5")
    sites = Sites(backbone.body, backbone.family, [EMBEDDINGS.position])
    embedded = backbone.body.shared(IDS)
    with sites.using({EMBEDDINGS: Times()}):
        ours = backbone.body.encoder(inputs_embeds=embedded).last_hidden_state
    sites.remove()
    torch.testing.assert_close(ours, backbone.body.encoder(inputs_embeds=1.5 * embedded).last_hidden_state)


def test_the_first_positions_of_roberta_are_none_for_a_token():
    backbone = roberta("roberta")
    assert backbone.longest == 32
    assert backbone.body(torch.full((1, 32), 5)).last_hidden_state.shape == (1, 32, 16)
    with pytest.raises((IndexError, RuntimeError), match=r"out of (range|bounds)"):
        backbone.body(torch.full((1, 33), 5))
    assert tiny("bert").longest == 160
    assert tiny("t5").longest is None


def test_what_is_made_here_has_an_entry():
    assert MADE_HERE.keys() == LEARNERS.keys() == {*get_args(Pretrainable)}
    assert MADE_HERE.keys() <= {*recipe.recipe_names("families")}


def test_the_backbones_of_a_paper_are_of_families_here():
    for shown in PET_FAMILIES:  # reports read no entries
        entry = family_of(shown.name)
        assert (entry.title, entry.stacks == "encoder") == (shown.title, shown.guessing)


def test_a_precision_that_fails_is_refused_by_name_and_backbone():
    said = "T5 overflows in fp16, as it was trained in bf16: set the precision to bf16 or fp32."
    for one in (family_of("t5"), tiny("t5").family):
        with pytest.raises(InputError) as refused:
            require_precision(one, "fp16")
        assert str(refused.value) == said
        require_precision(one, "bf16")
    require_precision(family_of("bloom"), "fp16")


# --- entries that are wrong --------------------------------------------------------------------------------------

BERT = "extends: bert\n"
WRONG = {
    "attentions: 3\n": "no field is called 'attentions'|attentions",
    "encoder: {sites: {ffnn: a.b}}\n": "ffnn",
    "encoder: {projections: {quarry: a.b}}\n": "quarry",
    "encoder: {fused: [{module: a.b, roles: [query, key], layout: heads}]}\n": "the role query is given twice",
    "encoder: {fused: [{module: a.b, roles: [gate, gate], layout: heads}]}\n": "the role gate is given twice",
    "encoder: {biases: [gate]}\n": "no projection has the role gate",
    "encoder: null\n": "an encoder, a decoder or both",
    "encoder: {sites: {ffn: {module: a, block: b}}}\n": "block and norm come together",
    "encoder: {sites: {ffn: {module: a, before: true, fed_by: b}}}\n": "exclude each other",
    "encoder: {sites: {ffn: {module: a, residual: b, fed_by: b}}}\n": "exclude each other",
    "optional: [embeddings.layer]\n": "embeddings.layer is optional, but none of the norms",
    "body: ../bert\n": "a path of modules",
    "beside: ['(']\n": "no pattern",
    "body: a\nbody: b\n": "body",
    "extends: birt\n": "family",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_entry_is_one_sentence_with_the_name_of_its_file(wrong, tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(("" if "extends" in wrong else BERT) + wrong)
    with pytest.raises(InputError, match=WRONG[wrong]) as refused:
        recipe.load("families", str(path))
    assert "ours.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


LOST = {
    "body": {"body": "bertt"},
    "words": {"words": "embeddings.words"},
    "embeddings": {"embeddings": "embedding"},
    "head": {"head": "cls.prediction"},
    "output": {"output": "cls.predictions.decode"},
    "norms": {"norms": ["embeddings.norm"]},
    "width": {"width": "d_model"},
    "encoder.layers": {"encoder": {"layers": "encoder"}},
    "encoder.depth": {"encoder": {"depth": "n_layer"}},
    "encoder.sites.attention": {"encoder": {"sites": {"attention": "attention.output.dropped"}}},
    "encoder.projections.key": {"encoder": {"projections": {"key": "attention.self.keys"}}},
    "encoder.norms": {"encoder": {"norms": ["output.norm"]}},
}


@pytest.mark.parametrize("where", LOST)
def test_a_path_that_the_model_has_not_is_named(where):
    values = recipe.merge(family_of("bert").model_dump(), LOST[where])
    with pytest.raises(InputError, match=rf"^bert\.yaml: {where}: ") as refused:
        require_parts(tiny("bert").model, validated(Family, values, "bert.yaml"))
    assert str(refused.value).endswith(".")
