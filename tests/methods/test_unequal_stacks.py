"""A T5 whose encoder and decoder differ in depth: what is counted is there, and all of it is trained."""

import pytest
import torch
from sampled import one_in
from small_t5 import KINDS, TASKS, batch_of, condition, made, small_t5
from text_miniature import text_spec

from hxbench.backbones.load import load_backbone
from hxbench.backbones.sites import SiteKey
from hxbench.backbones.vocabularies import train_unigram
from hxbench.methods import method_class
from hxbench.methods.apet_candidates import candidates
from hxbench.methods.method import Setup
from hxbench.runs.assemble import build, costs, with_options
from hxbench.spec.backbone import BackboneSpec

DEPTHS = [(3, 1), (1, 3)]
H, INNER, FFN, WORDS = 16, 8, 24, 40  # of the small T5
PET = {
    "pet-ft": {}, "pet-prompt": {"tokens": 4}, "pet-bitfit": {}, "pet-lora": {"rank": 3, "alpha": 6},
    "pet-adapter": {"bottleneck": 5},
}  # fmt: skip
PHA = {"bottleneck": 4, "d_prime": 6, "retriever_hidden": 5, "mixed": 3}


def adapter(width):
    return 2 * width * H + width + H


def t5(e, d):
    """Return the parameters of the body: attentions, feed-forward blocks, norms, tables and words (tied)."""
    attention, ffn = 4 * H * INNER, 2 * H * FFN
    layers = e * (attention + ffn + 2 * H) + d * (2 * attention + ffn + 3 * H)
    return layers + 2 * H + 2 * 32 * 2 + WORDS * H


def norms(e, d):
    return H * (2 * e + 1 + 3 * d + 1)


# By hand: e layers in the encoder, d in the decoder.
COUNTED = {
    "text-finetune": t5,
    "adapter": lambda e, d: 2 * (e + d) * adapter(4) + norms(e, d),  # after both blocks of every layer
    "hyperformer": lambda e, d: (  # (task, layer, position) of 3 each → 6 → 5 → bottleneck 4 with its LayerNorm
        len(TASKS) * 3 + 3 * (e + 2) + 3 * (d + 2) + 2 * generator(5, 4) + norms(e, d)
    ),
    "hyperdecoder": lambda e, d: (
        e * adapter(4) + 10 * 0 + 3 * d + 2 * (H * H + H) + (H + 3) * 6 + 6 + (6 + 1) * adapter(4)
    ),
    "pha": lambda e, d: (  # retriever, prototypes, layers, projector 12 → 3 and generator, all without biases
        e * adapter(4) + H * 5 + 5 * 6 + len(TASKS) * 6 + 6 * d + 12 * 3 + 3 * adapter(4)
    ),
    "pet-ft": t5,
    "pet-prompt": lambda e, d: 4 * H,
    "pet-bitfit": lambda e, d: (  # no cross-attention but its norm; the words' output matrix
        e * (3 * INNER + H + FFN + H + 2 * H) + d * (3 * INNER + H + FFN + H + 3 * H) + 2 * H + WORDS
    ),
    "pet-lora": lambda e, d: 2 * (e + d) * 3 * (H + INNER),  # query and value of self-attention
    "pet-adapter": lambda e, d: 2 * (e + d) * adapter(5),
}


def generator(source, width):
    """Return Hyperformer's projector, norm and generator: nine of `source`, six hidden."""
    projected = 9 * 6 + 6 + 6 * source + source + 2 * source
    return projected + (source + 1) * (adapter(width) + 2 * H)


def method_on(kind, e, d):
    backbone = small_t5(e, d)
    if kind in KINDS:
        return made(kind, backbone)
    options = PET.get(kind, PHA)
    found = method_class(kind)
    tasks = TASKS if kind == "pha" else ("rte",)
    torch.manual_seed(1)
    method = found(Setup(backbone, tasks), found.Options(**options))
    method.freeze()
    with torch.no_grad():
        for name, parameter in method.trained().items():
            if kind not in ("pet-ft", "text-finetune"):
                parameter.add_(torch.randn_like(parameter) * (0.3 if "norm" not in name else 0.0))
    return method


@pytest.mark.parametrize("depths", DEPTHS, ids=str)
@pytest.mark.parametrize("kind", COUNTED)
def test_what_is_counted_is_what_a_step_moves(kind, depths):
    method = method_on(kind, *depths).eval()
    assert method.counted() == COUNTED[kind](*depths)
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    optimiser = torch.optim.AdamW(method.trained().values(), lr=1e-2, weight_decay=0.0)
    tasks = [0, 1, 2, 1, 0] if len(method.tasks) > 1 else [0] * 5
    method(batch_of(tasks, "mixed" if len(method.tasks) > 1 else "rte")).backward()
    optimiser.step()
    after = dict(method.named_parameters())
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert moved == set(method.trained())
    for name in moved:  # of what is stacked by layer, every layer
        if name.startswith("adapters.") or name.rpartition(".")[2] == "layers":
            assert (before[name] != after[name]).flatten(1).any(1).all(), name
    assert sum(before[name].numel() for name in moved) == method.counted()


@pytest.mark.parametrize("depths", DEPTHS, ids=str)
@pytest.mark.parametrize("kind", [*KINDS, "pha", "pet-adapter"])
def test_every_weight_has_a_site(kind, depths):
    method = method_on(kind, *depths).eval()
    tasks, pooled = torch.tensor([0]), torch.zeros(1, H)
    found = {
        **method.weights(condition(tasks, "reading")),
        **method.weights(condition(tasks, "answering", pooled)),
    }
    assert set(found) <= set(method.sites.keys)
    for stack, depth in zip(("encoder", "decoder"), depths, strict=True):
        layers = {key.layer for key in found if key.position.startswith(stack)}
        assert layers == (set(range(depth)) if found else set())


@pytest.mark.parametrize("depths", DEPTHS, ids=str)
def test_budgets_hold_only_what_there_is(depths):
    e, d = depths
    found = candidates(small_t5(e, d))
    sizes = found.sizes()
    assert sizes["adapter"] == 2 * (e + d) * adapter(24)
    assert sizes["lora"] == 2 * (e + d) * 8 * (H + INNER)
    names = [unit.name for unit in found.inserted["adapter"]]
    assert f"adapter.encoder_ffn.{e - 1}" in names
    assert f"adapter.decoder_ffn.{d - 1}" in names
    assert f"adapter.encoder_ffn.{e}" not in names
    assert f"adapter.decoder_ffn.{d}" not in names
    assert SiteKey(0, "decoder_ffn").position in names[3]


@pytest.mark.parametrize("depths", one_in(2, [(one,) for one in DEPTHS]), ids=str)
def test_costs_are_those_of_the_method_that_is_trained(depths, tmp_path):
    e, d = depths
    tokenizer = train_unigram(["the cat sat on the mat"] * 5, 100)
    from transformers import T5Config

    from hxbench.backbones.shape import new_model

    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, num_heads=2, d_ff=24, num_layers=e, num_decoder_layers=d,
        decoder_start_token_id=0,
    )  # fmt: skip
    new_model(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    spec = BackboneSpec(name="uneven", folder=str(tmp_path))
    assert load_backbone(spec).depths == depths
    for name in (
        "adapter",
        "hyperformer",
        "hyperdecoder",
        "pha",
        "shared-adapter",
        "pet-adapter",
        "pet-lora",
        "apet",
    ):
        run = with_options(text_spec(name, spec, options={"budget": 300} if name == "apet" else {}))
        counted = costs(run)
        method = build(run, load_backbone(spec))
        assert counted["counted"] == method.counted(), name
        assert counted["trainable"] == sum(p.numel() for p in method.trained().values()), name
        assert counted["backbone"] == sum(p.numel() for p in load_backbone(spec).model.parameters()), name


@pytest.mark.parametrize("depths", DEPTHS, ids=str)
@pytest.mark.parametrize("beams", [1, 3])
@torch.no_grad()
def test_a_decoder_of_any_depth_writes_as_the_library_does_without_its_cache(depths, beams):
    method, batch = method_on("pet-ft", *depths).eval(), batch_of([0, 1, 2], TASKS[0])
    found = method.generate(batch, 20, beams=beams)
    wanted = method.model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, num_beams=beams, do_sample=False,
        max_new_tokens=20, use_cache=False,
    )  # fmt: skip
    assert found.tolist() == wanted[:, 1:].tolist()
