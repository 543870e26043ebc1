"""The five ways of tuning on three families: a slow reference for each, what is trained, what is left behind."""

import copy
import math

import pytest
import torch
from tiny_families import FAMILIES, OPTIONS, family_batch, head_of, rows, slow_logits, tiny, tuned
from torch import nn
from torch.nn import functional

from hxbench.backbones.load import meta_backbone
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.bitfit import biased_modules
from hxbench.runs.assemble import build, costs, with_options
from hxbench.spec import recipe
from hxbench.tasks.encoding.batch import IGNORED

KINDS = list(OPTIONS)


# --- slow references: stock modules, the tuning written into them or put around them ---------------------------


class After(nn.Module):
    """A stock module with a function behind it."""

    def __init__(self, module, change):
        super().__init__()
        self.module, self.change = module, change
        self.weight = getattr(module, "weight", None)

    def forward(self, *inputs):
        return self.change(self.module(*inputs))


def put(root, name, module):
    parent, _, last = name.rpartition(".")
    setattr(root.get_submodule(parent), last, module)


def with_biases(family, model, method):
    # the same names in the copy, which has no hooks
    place = {id(module): name for name, module in method.model.named_modules()}
    names = [place[id(module)] for module in biased_modules(method.backbone).values()]
    for name, bias in zip(names, method.biases, strict=True):
        module = model.get_submodule(name)
        if family == "t5":
            put(model, name, After(module, lambda x, bias=bias: x + bias))
        else:
            module.bias.data += bias.detach()


def with_lora(family, model, method):
    scale = 2.0
    if family == "bloom":
        for layer, branch in zip(model.transformer.h, method.branches, strict=True):
            fused = layer.self_attention.query_key_value.weight.data  # [3·hidden, hidden]
            by_head = fused.view(3, 3, 6, 18)  # heads, (query, key, value), width of a head, hidden
            by_head[:, 0] += (scale * branch.query_b @ branch.query_a).view(3, 6, 18).detach()
            by_head[:, 2] += (scale * branch.value_b @ branch.value_a).view(3, 6, 18).detach()
        return
    tuned = dict(method.model.named_parameters())
    branches = [name.split(".lora_A.")[0] for name in tuned if ".lora_A." in name]
    assert len(branches) == {"bert": 4, "t5": 8}[family]
    for name in branches:
        assert name.rsplit(".", 1)[1] in ("query", "value", "q", "v")
        assert "EncDec" not in name
        delta = scale * tuned[f"{name}.lora_B.default.weight"] @ tuned[f"{name}.lora_A.default.weight"]
        model.get_submodule(name).weight.data += delta.detach()


def slow_adapter(adapters, layer):
    down, down_bias, up, up_bias = (
        getattr(adapters, name)[layer] for name in ("down", "down_bias", "up", "up_bias")
    )

    def apply(x):
        inner = x @ down.T + down_bias
        inner = 0.5 * inner * (1 + torch.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)))
        return x + inner @ up.T + up_bias

    return apply


PLACES = {  # position → (layers, module in a layer)
    "bert": {
        "attention_output": ("bert.encoder.layer", "attention.output.dense"),
        "ffn_output": ("bert.encoder.layer", "output.dense"),
    },
    "bloom": {
        "attention_output": ("transformer.h", "self_attention.dense"),
        "ffn_output": ("transformer.h", "mlp.dense_4h_to_h"),
    },
    "t5": {
        "encoder_attention": ("encoder.block", "layer.0.SelfAttention.o"),
        "encoder_ffn": ("encoder.block", "layer.1.DenseReluDense.wo"),
        "decoder_attention": ("decoder.block", "layer.0.SelfAttention.o"),
        "decoder_ffn": ("decoder.block", "layer.2.DenseReluDense.wo"),
    },
}


def with_adapters(family, model, method):
    assert set(method.adapters) == set(PLACES[family])
    for position, (layers, name) in PLACES[family].items():
        for number, layer in enumerate(model.get_submodule(layers)):
            change = slow_adapter(method.adapters[position], number)
            put(layer, name, After(layer.get_submodule(name), change))


WRITTEN = {"pet-bitfit": with_biases, "pet-lora": with_lora, "pet-adapter": with_adapters}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@torch.no_grad()
def test_it_computes_what_the_stock_model_with_the_tuning_in_it_does(family, kind):
    backbone, batch = tiny(family), family_batch(family)
    method = tuned(kind, backbone)
    other = tiny(family).model
    if kind == "pet-ft":
        other.load_state_dict(backbone.model.state_dict())
    elif kind in WRITTEN:
        WRITTEN[kind](family, other, method)
    prompt = method.own() if kind == "pet-prompt" else None
    head = getattr(head_of(method), "classifier", None)
    expected = slow_logits(family, other, batch, head=head, prompt=prompt)
    plain = slow_logits(family, tiny(family).model, batch, head=head)
    found = method.logits(batch)
    for row, wanted in enumerate(expected):
        torch.testing.assert_close(found[row, : len(wanted)], wanted, rtol=1e-4, atol=1e-4)
    assert max((a - b).abs().max() for a, b in zip(expected, plain, strict=True)) > 1e-2, (
        "the tuning does something"
    )
    count = sum(target.numel() for _, target in rows(batch))
    loss = sum(
        functional.cross_entropy(wanted, target[0], reduction="sum")
        for wanted, (_, target) in zip(expected, rows(batch), strict=True)
    )
    torch.testing.assert_close(method(batch), loss / count, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_padding_changes_nothing(family, kind):
    method = tuned(kind, tiny(family))
    short = family_batch(family)
    long = family_batch(family, lengths=(5, 9, 3, 12, 25), targets=(2, 4, 1, 3, 6))
    expected, found = method.logits(short), method.logits(long)
    assert long.input_ids.shape[1] > short.input_ids.shape[1]
    for row, target in enumerate(short.targets):
        count = int((target != IGNORED).sum())
        torch.testing.assert_close(found[row, :count], expected[row, :count], rtol=1e-4, atol=1e-4)


def test_gradients_reach_what_is_tuned_and_a_head_alone(family, kind):
    method = tuned(kind, tiny(family))
    method.train()
    method(family_batch(family)).backward()
    trained = method.trained()
    own = {id(p) for p in trained.values()}
    assert all(id(p) in own for p in method.parameters() if p.grad is not None)
    untouched = {name for name, p in trained.items() if p.grad is None or not p.grad.any()}
    if kind == "pet-ft":  # positions and word types that no text has are zero rows of a tensor that is reached
        untouched -= {name for name in untouched if "attention.self.key.bias" in name}
    elif kind == "pet-bitfit":
        # a key's bias moves every score of a query alike, which a softmax does not see
        keys = [i for i, name in enumerate(method.names) if name.endswith(("self.key", "Attention.k"))]
        untouched -= {f"biases.{i}" for i in keys}
    assert not untouched
    assert set(method.all_parts()) <= {
        "model", "prompt", "biases", "lora", "adapters", "heads"
    }  # fmt: skip
    assert ("heads" in method.all_parts()) == (family == "bert")


def test_it_begins_as_the_backbone_itself(family):
    batch = family_batch(family)
    with torch.no_grad():
        for kind in ("pet-ft", "pet-bitfit", "pet-lora"):
            backbone = tiny(family)
            method = tuned(kind, backbone, shaken=False)
            head = getattr(head_of(method), "classifier", None)
            plain = slow_logits(family, tiny(family).model, batch, head=head)
            for row, wanted in enumerate(plain):
                found = method.logits(batch)[row, : len(wanted)]
                torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [one for one in KINDS if one != "pet-ft"])
def test_without_it_the_backbone_is_as_it_was(family, kind):
    backbone, batch = tiny(family), family_batch(family)
    model = backbone.model
    names, state = list(dict(model.named_modules())), copy.deepcopy(model.state_dict())

    @torch.no_grad()
    def run():
        more = {"decoder_input_ids": batch.input_ids[:, :3]} if family == "t5" else {}
        return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, **more).logits

    before = run()
    method = tuned(kind, backbone)
    method(batch).backward()
    method.remove()
    assert torch.equal(run(), before)
    assert model.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert list(dict(model.named_modules())) == names
    assert not hasattr(model, "peft_config")


def test_full_fine_tuning_gives_back_what_was_kept(family):
    backbone, batch = tiny(family), family_batch(family)
    state = copy.deepcopy(backbone.model.state_dict())
    method = tuned("pet-ft", backbone, shaken=False)
    method.keep()
    optimiser = torch.optim.AdamW(method.trained().values(), lr=1e-2)
    method(batch).backward()
    optimiser.step()
    assert not all(torch.equal(tensor, state[name]) for name, tensor in backbone.model.state_dict().items())
    method.remove()
    assert all(torch.equal(tensor, state[name]) for name, tensor in backbone.model.state_dict().items())


# --- variants of the published code ----------------------------------------------------------------------------


@torch.no_grad()
def test_in_the_published_code_blooms_value_gets_the_querys_branch():
    batch = family_batch("bloom")
    method = tuned("pet-lora", tiny("bloom"), value="query")
    other = tuned("pet-lora", tiny("bloom"), value="own")
    assert method.counted() == other.counted(), "the value's own branch is counted all the same"
    other.load_state_dict(method.state_dict())
    assert not torch.allclose(method.logits(batch), other.logits(batch), atol=1e-3)
    for branch in other.branches:
        branch.value_a.copy_(branch.query_a)
        branch.value_b.copy_(branch.query_b)
    torch.testing.assert_close(method.logits(batch), other.logits(batch))


def test_a_branch_that_is_never_applied_is_never_trained():
    method = tuned("pet-lora", tiny("bloom"), value="query")
    method(family_batch("bloom")).backward()
    unused = {name for name, p in method.named_parameters() if p.requires_grad and p.grad is None}
    assert {name.rpartition(".")[2] for name in unused} == {"value_a", "value_b"}


@torch.no_grad()
def test_the_published_table_of_xxl_is_a_rule_of_its_own(monkeypatch):
    assert tuned("pet-bitfit", tiny("t5"), t5="code").counted() == tuned("pet-bitfit", tiny("t5")).counted()
    with monkeypatch.context() as patched:
        patched.setattr("hxbench.methods.bitfit.is_xxl", lambda backbone: True)
        _as_the_stock_model_with_addends()
    # 24 tables of 32 by 64 fewer than in the code's fork, and 28 words more
    spec = with_options(
        recipe.resolve(
            "pet-bitfit", setting="single", task="rte", profile="paper", origin="hub", variant="code",
            backbone_name="t5-v1_1-xxl",
        )
    )  # fmt: skip
    with torch.device("meta"):
        assert build(spec, meta_backbone(spec.backbone)).counted() == 2_444_644 - 24 * 32 * 64 + 28 == 2_395_520


def _as_the_stock_model_with_addends():
    batch, backbone, model = family_batch("t5"), tiny("t5"), tiny("t5").model
    method = tuned("pet-bitfit", backbone, t5="code")
    place = {id(module): name for name, module in method.model.named_modules()}
    tables = 0
    for module, bias in zip(biased_modules(backbone, xxl=True).values(), method.biases, strict=True):
        name = place[id(module)]
        assert "norm" not in name
        if isinstance(module, nn.Embedding):
            model.get_submodule(name).weight.add_(bias)
            tables += 1
        else:
            put(model, name, After(model.get_submodule(name), lambda x, bias=bias: x + bias))
    assert tables == 2
    assert any("EncDecAttention" in place[id(module)] for module in biased_modules(backbone, xxl=True).values())
    for row, wanted in enumerate(slow_logits("t5", model, batch)):
        torch.testing.assert_close(method.logits(batch)[row, : len(wanted)], wanted, rtol=1e-4, atol=1e-4)


def test_defaults_are_not_in_the_identity_of_a_run():
    for kind, option in (("pet-lora", "value"), ("pet-bitfit", "t5")):
        assert option not in with_options(recipe.resolve(kind, setting="single", task="rte")).options
        spec = recipe.resolve(kind, setting="single", task="rte", variant="code")
        assert with_options(spec).options[option] in ("query", "code")


def test_processes_share_the_loss(family):
    for loss in ("target", "whole"):
        method = tuned("pet-bitfit", tiny(family), loss=loss)
        whole = family_batch(family)
        shares = [family_batch(family, share=(rank, 5)) for rank in range(5)]  # one only goes along
        torch.testing.assert_close(sum(method(one) for one in shares), method(whole), rtol=1e-4, atol=1e-5)


def test_a_prompt_begins_as_published():
    for family in FAMILIES:
        backbone = tiny(family)
        words = backbone.model.get_input_embeddings().weight
        prompt = tuned("pet-prompt", backbone, shaken=False, tokens=7).own()
        assert torch.equal(prompt, words[:7]) == (family != "bloom")
        assert prompt.data_ptr() != words.data_ptr()
    many = tuned("pet-prompt", tiny("bloom"), shaken=False, tokens=400).own()
    assert 0.09 < many.std() < 0.11
    assert tuned("pet-prompt", tiny("bert"), shaken=False, tokens=50).own().shape == (50, 16)


# --- counts (PET scaling, sheet section 4) ---------------------------------------------------------------------

SIZES = {  # prompt, BitFit, LoRA, adapter
    "bert-small": (51_200, 14_336, 65_536, 200_896),
    "bert-base": (76_800, 64_512, 294_912, 903_744),
    "bert-large": (102_400, 172_032, 786_432, 2_409_600),
    "bloom-560m": (102_400, 272_384, 786_432, 2_409_600),
    "bloom-1b1": (153_600, 408_576, 1_179_648, 3_613_824),
    "bloom-7b1": (409_600, 1_359_872, 3_932_160, 12_043_680),
    "t5-v1_1-small": (51_200, 121_216, 229_376, 803_584),
    "t5-v1_1-base": (76_800, 270_208, 589_824, 1_807_488),
    "t5-v1_1-xxl": (409_600, 2_497_920, 6_291_456, 19_269_888),
}


def at_shape(kind, name):
    spec = with_options(
        recipe.resolve(kind, setting="single", task="rte", profile="paper", origin="hub", backbone_name=name)
    )
    with torch.device("meta"):
        return build(spec, meta_backbone(spec.backbone))


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("place", range(4), ids=["prompt", "bitfit", "lora", "adapter"])
def test_counts_are_those_of_the_paper(name, place):
    kind = ("pet-prompt", "pet-bitfit", "pet-lora", "pet-adapter")[place]
    method = at_shape(kind, name)
    assert method.counted() == SIZES[name][place]
    head = method.part_sizes().get("heads", 0)
    assert (head > 0) == name.startswith("bert")
    assert sum(p.numel() for p in method.trained().values()) == method.counted() + head


@pytest.mark.parametrize(("name", "parameters"), [("bert-base", 108_891_648), ("bloom-560m", 559_214_592)])
def test_full_fine_tuning_counts_the_backbone(name, parameters):
    method = at_shape("pet-ft", name)
    assert method.counted() == parameters


@pytest.mark.parametrize("family", ["bert-small", "bloom-560m", "t5-v1_1-small"])
def test_costs_need_no_weights(family):
    def of(kind):
        spec = recipe.resolve(
            kind, setting="single", task="rte", profile="paper", origin="hub", backbone_name=family
        )
        return costs(with_options(spec), 16)

    plain, adapted = of("pet-bitfit"), of("pet-adapter")
    assert plain["flops_per_token"] > 0
    blocks = 2 * {"bert-small": 4, "bloom-560m": 24, "t5-v1_1-small": 8}[family]
    width = 1024 if family == "bloom-560m" else 512
    # every piece goes through two products a site; of T5 at least the encoder's pieces
    assert adapted["flops_per_token"] - plain["flops_per_token"] >= blocks * 2 * 2 * 24 * width


@pytest.mark.parametrize("kind", [*KINDS, "apet"])
def test_a_recipe_states_every_option_that_specs_do(kind):
    loaded = recipe.load("methods", kind)
    assert set(method_class(kind).Options(**loaded.options).model_dump()) == set(loaded.options)
    assert (loaded.paper, loaded.kind) == ("pet", kind)


@pytest.mark.parametrize("kind", [*KINDS, "apet"])
def test_a_task_a_family_does_not_have_is_refused_before_anything_is_read(kind):
    for name in ("bert-large", "sandbox-en-bert-small"):
        spec = recipe.resolve(kind, setting="single", task="xsum", backbone_name=name)
        with pytest.raises(InputError, match="XSUM has no classes to choose among"):
            with_options(spec)
    with_options(recipe.resolve(kind, setting="single", task="xsum", backbone_name="bloom-560m"))


@pytest.mark.parametrize(
    ("method", "name", "wanted"),
    [
        ("madx", "bloom-560m", "madx needs an MLM head"),
        ("madx", "sandbox-t5", "tags words, for which a backbone of one stack is needed"),
        ("hyperx-base", "sandbox-t5-small", "tags words, for which a backbone of one stack is needed"),
    ],
)
def test_a_family_that_cannot_is_refused(method, name, wanted):
    spec = recipe.resolve(method, setting="single", task="pos", backbone_name=name)
    with pytest.raises(InputError, match=wanted):
        with_options(spec)


def test_every_size_of_a_profile_is_there():
    for profile, sizes in (("demo", 9), ("paper", 9), ("lab", 2)):
        scale = recipe.scale(profile, "pet")
        assert len(scale.sizes) == sizes
        for size in scale.sizes:
            family = {"bert": "encoder", "bloom": "decoder", "t5": "encoder-decoder"}[size.split("-")[0]]
            spec = recipe.resolve("pet-bitfit", setting="single", task="rte", profile=profile, size=size)
            assert meta_backbone(spec.backbone).family.stacks == family
