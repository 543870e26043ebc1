"""Methods on a small BERT: what is trained, what is generated, and that taking them off leaves nothing."""

import copy

import numpy as np
import pytest
import torch
from miniature import TINY, spec_for

from hxbench.answering.token import target_states
from hxbench.backbones.load import load_backbone, meta_backbone
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.hyperx import HyperX, HyperXOptions
from hxbench.methods.method import seed_everything
from hxbench.modules.hypernetwork import BottleneckGenerator, SourceEmbeddings, initialise_linear, projector
from hxbench.runs.assemble import build, costs, with_options
from hxbench.spec.languages import language_set
from hxbench.spec.recipe import load, resolve
from hxbench.tasks import MLM, task_of
from hxbench.tasks.encoding.batch import collate
from hxbench.tasks.encoding.masking import Masking, vocabulary_of

LANGUAGES = list(language_set("hyperx"))


def batch_for(task, backbone, language="ar", rows=4):
    rng = np.random.default_rng(0)
    pieces = [rng.integers(5, 100, n).astype(np.int32) for n in range(5, 5 + rows)]
    vocabulary = vocabulary_of(backbone.tokenizer)
    if task == MLM:
        targets = Masking(vocabulary, 0.15, rng)
    else:
        targets = [rng.integers(0, len(task_of(task).labels), len(p)) for p in pieces]
    return collate(pieces, targets, padding=vocabulary.pad, task=task, language=language, by_token=True)


def hidden(method, batch):
    """Return what the encoder makes of the tokens that carry a target, [targets, hidden]."""
    return target_states(method.encode(batch), batch)


@pytest.fixture
def hyperx(fresh_backbone):
    return build(spec_for("hyperx-base"), fresh_backbone)


# --- parameter counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "counted"),
    [
        ("hyperx-base", [], 76_164_416),
        ("hyperx-small", [], 13_055_136),
        ("hyperx-base", ["options.adapter_layer_norm=true"], 76_460_864),
        ("hyperx-small", ["options.adapter_layer_norm=true"], 13_105_824),
    ],
)
def test_the_hypernetwork_counts_what_the_paper_counts(method, options, counted):
    found = costs(with_options(resolve(method, setting="multi", profile="paper", assignments=options)))
    assert found["counted"] == counted
    parts = found["parts"]
    assert parts["layer_norms"] == 38_400
    assert parts["heads"] == 768 * (7 + 18) + 7 + 18
    assert parts["embeddings"] == (3 + 16 + 12) * 64
    # transform 768 × 768 with bias, its LayerNorm, the output bias; the tied decoder matrix stays frozen
    assert parts["mlm_head"] == 768 * 768 + 768 + 2 * 768 + 119_547
    assert found["trainable"] == counted + parts["layer_norms"] + parts["heads"] + parts["mlm_head"]
    assert found["memory_bytes"]["optimiser"] == 8 * found["trainable"]


def test_full_fine_tuning_counts_the_encoder():
    found = costs(with_options(resolve("mbert", setting="multi", profile="paper")))
    embeddings = (119_547 + 512 + 2) * 768 + 2 * 768
    layer = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768
    assert found["counted"] == found["backbone"] == embeddings + 12 * layer == 177_262_848
    assert found["trainable"] == found["counted"] + found["parts"]["heads"]


def test_the_code_variant_trains_a_generated_layer_norm():
    spec = with_options(resolve("hyperx-base", setting="multi", profile="paper", variant="code"))
    assert costs(spec)["counted"] == 76_460_864


# --- what is trained --------------------------------------------------------------------------------------------


def test_hyperx_trains_its_own_parts_layer_norms_and_heads(hyperx):
    trained = hyperx.trained()
    frozen = {name for name, p in hyperx.named_parameters() if not p.requires_grad}
    body = {name for name, _ in hyperx.model.bert.named_parameters(prefix="model.bert")}
    assert {n for n in body if n in trained} == {n for n in body if "LayerNorm" in n}
    assert len(body & trained.keys()) == 2 * (1 + 2 * 2), "the embeddings' LayerNorm included"
    assert frozen == {n for n in body if "LayerNorm" not in n}
    own = {n.split(".")[0] for n in trained if not n.startswith("model.")}
    assert own == {"embeddings", "projector", "generator", "heads"}
    decoder = hyperx.backbone.mlm_head.decoder.weight
    assert decoder is hyperx.body.embeddings.word_embeddings.weight
    assert not decoder.requires_grad
    assert {n for n in trained if n.startswith("model.cls")} == {
        "model.cls.predictions.transform.dense.weight", "model.cls.predictions.transform.dense.bias",
        "model.cls.predictions.transform.LayerNorm.weight", "model.cls.predictions.transform.LayerNorm.bias",
        "model.cls.predictions.bias",
    } & {n for n, _ in hyperx.named_parameters()} | {n for n in trained if n.endswith("decoder.bias")}  # fmt: skip
    assert hyperx.backbone.mlm_head.decoder.bias.requires_grad
    assert sum(hyperx.part_sizes().values()) == sum(p.numel() for p in trained.values()), "no part counted twice"


def test_the_decoder_can_be_trained_together_with_the_embeddings_it_is_tied_to(fresh_backbone):
    method = build(spec_for("hyperx-base", options={"mlm_decoder": "trained"}), fresh_backbone)
    assert method.backbone.mlm_head.decoder.weight.requires_grad
    assert method.backbone.mlm_head.decoder.weight is method.body.embeddings.word_embeddings.weight


def test_the_decoder_can_be_trained_apart_as_the_published_code_does(fresh_backbone):
    """Against a decoder written out: a matrix of its own that starts as the embeddings, which nothing moves."""
    method = build(spec_for("hyperx-base", options={"mlm_decoder": "apart"}), fresh_backbone).eval()
    words, head = method.body.embeddings.word_embeddings.weight, method.backbone.mlm_head
    decoder, start = head.decoder.weight, words.detach().clone()
    assert decoder.data_ptr() != words.data_ptr()
    assert torch.equal(decoder, words)
    assert (decoder.requires_grad, words.requires_grad) == (True, False)
    assert "model.cls.predictions.decoder.weight" in method.trained(), "what a checkpoint keeps"
    batch = batch_for(MLM, fresh_backbone)
    reference = start.clone().requires_grad_()
    transformed = head.transform(hidden(method, batch))
    slow = torch.stack([(reference * one).sum(1) for one in transformed]) + head.bias
    expected = torch.nn.functional.cross_entropy(slow, batch.targets)
    loss = method(batch)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(decoder.grad, reference.grad, rtol=1e-4, atol=1e-7)
    assert words.grad is None
    optimiser = torch.optim.SGD([p for p in method.parameters() if p.grad is not None], lr=0.5)
    optimiser.step()
    torch.testing.assert_close(decoder, start - 0.5 * reference.grad, rtol=1e-4, atol=1e-6)
    assert torch.equal(words, start)


def test_a_decoder_apart_is_counted_with_what_is_trained_and_not_by_the_paper():
    options = ["options.mlm_decoder=apart"]
    apart, usual = (
        costs(with_options(resolve("hyperx-base", setting="multi", profile="paper", assignments=some)))
        for some in (options, [])
    )
    assert apart["trainable"] - usual["trainable"] == 119_547 * 768 == 91_812_096
    assert apart["parts"]["mlm_head"] - usual["parts"]["mlm_head"] == 119_547 * 768
    assert (apart["counted"], apart["backbone"]) == (usual["counted"], usual["backbone"])
    assert apart["memory_bytes"]["weights"] - usual["memory_bytes"]["weights"] == 4 * 119_547 * 768


def test_fine_tuning_trains_the_encoder_and_heads(fresh_backbone):
    method = build(spec_for("mbert"), fresh_backbone)
    assert method.tasks == ("ner", "pos")
    assert all(p.requires_grad for p in method.body.parameters())
    assert all(p.requires_grad for p in method.answering.heads.parameters())
    rest = {n for n in method.trained() if not n.startswith(("model.bert.", "heads."))}
    assert not rest


def test_the_single_setting_has_one_head(fresh_backbone):
    method = build(spec_for("hyperx-base", setting="single", task="ner"), fresh_backbone)
    assert method.tasks == ("ner", MLM)
    assert list(method.answering.heads) == ["ner"]


def test_gradients_reach_the_trained_parts_of_a_batch_and_nothing_else(hyperx, fresh_backbone):
    for task, unreached in (("pos", ("heads.ner", "model.cls")), (MLM, ("heads.",))):
        hyperx.zero_grad(set_to_none=True)
        hyperx(batch_for(task, fresh_backbone)).backward()
        for name, p in hyperx.named_parameters():
            name = name.removeprefix("answering.")
            if not p.requires_grad or name.startswith(unreached):
                assert p.grad is None, name
            else:
                assert p.grad is not None, name
        rows = hyperx.embeddings.tables["language"].grad.abs().sum(1) > 0
        assert [LANGUAGES[i] for i in rows.nonzero().flatten()] == ["ar"]


# --- generated weights ------------------------------------------------------------------------------------------


def test_options_choose_the_order_of_the_sources(fresh_backbone):
    assert build(spec_for("hyperx-base"), fresh_backbone).embeddings.order == ("language", "task", "layer")
    code = build(spec_for("hyperx-base", variant="code"), fresh_backbone)
    assert code.embeddings.order == ("task", "language", "layer")
    assert code.generator.scale is not None


def test_each_site_gets_the_weights_of_its_layer(hyperx):
    weights = hyperx.weights(hyperx.condition_of("pos", "tr"))
    assert list(weights) == hyperx.sites.keys
    source = hyperx.embeddings(hyperx.tasks.index("pos"), LANGUAGES.index("tr"))
    for key, one in weights.items():
        alone = hyperx.generator(hyperx.projector(source[key.layer : key.layer + 1])).unbind()[0]
        torch.testing.assert_close(one.down, alone.down)
        torch.testing.assert_close(one.up, alone.up)
    others = hyperx.weights(hyperx.condition_of("ner", "tr")), hyperx.weights(hyperx.condition_of("pos", "kk"))
    assert all(not torch.equal(weights[key].down, other[key].down) for other in others for key in weights)


def test_a_new_hypernetwork_has_the_scale_of_the_published_codes():
    """Measured on the official model as it is built, of mBERT's shape (sheet, section 3)."""
    options = HyperXOptions(**load("methods", "hyperx-base").options)
    seed_everything(3)
    embeddings = SourceEmbeddings(3, 16, 12, options.embedding, options.order)
    project = projector(3 * options.embedding, options.source_hidden, options.projected)
    generator = BottleneckGenerator(options.projected, 768, options.bottleneck)
    for part in (project, generator):
        initialise_linear(part, options.initial_std)
    layers = [m for part in (project, generator) for m in part.modules() if isinstance(m, torch.nn.Linear)]
    assert len(layers) == 6
    assert all(float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.01) for layer in layers)
    assert not any(layer.bias.any() for layer in layers)
    with torch.no_grad():
        made = generator(project(embeddings(0, 0)))
    assert [float(one.std()) for one in (made.down, made.up)] == pytest.approx([0.0136, 0.0136], rel=0.08)


def test_weights_are_generated_once_per_condition_inside_the_block(hyperx, fresh_backbone, monkeypatch):
    calls = []
    generate = HyperX.weights
    monkeypatch.setattr(HyperX, "weights", lambda self, c: calls.append(c) or generate(self, c))
    hyperx.eval()
    batches = [batch_for(task, fresh_backbone, code) for task in ("pos", "ner") for code in ("ar", "tr")]
    with torch.no_grad():
        outside = [hyperx.logits(b) for b in batches]
        assert len(calls) == 4
        with hyperx.keeping_weights():
            for _ in range(3):
                inside = [hyperx.logits(b) for b in batches]
        assert len(calls) == 8
        for p in hyperx.generator.parameters():
            p.mul_(2)
        with hyperx.keeping_weights():
            changed = hyperx.logits(batches[0])
    assert len(calls) == 9
    assert all(torch.equal(a, b) for a, b in zip(outside, inside, strict=True))
    assert not torch.equal(changed, inside[0]), "nothing is kept beyond the block"


def test_logits_are_those_at_the_targets_alone(hyperx, fresh_backbone):
    hyperx.eval()
    batch = batch_for("pos", fresh_backbone)
    with torch.no_grad(), hyperx.sites.using(hyperx.weights(hyperx.condition_of("pos", "ar"))):
        states = hyperx.body(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        everywhere = hyperx.answering.heads["pos"](states).reshape(-1, 18)
        torch.testing.assert_close(hyperx.logits(batch), everywhere[batch.positions], rtol=1e-5, atol=1e-6)
        loss = torch.nn.functional.cross_entropy(everywhere[batch.positions], batch.targets)
        torch.testing.assert_close(hyperx(batch), loss)


# --- on and off -------------------------------------------------------------------------------------------------


def test_a_method_without_weights_is_the_backbone_bit_for_bit(tiny):
    from hxbench.runs.backbone import get_backbone

    backbone = get_backbone(tiny)
    ids = torch.randint(5, 100, (3, 9), generator=torch.Generator().manual_seed(0))
    backbone.model.eval()
    with torch.no_grad():
        before = backbone.model(input_ids=ids).logits
        state = copy.deepcopy(backbone.model.state_dict())
        method = build(spec_for("hyperx-base"), backbone).eval()
        assert torch.equal(backbone.model(input_ids=ids).logits, before)
        with method.sites.using(method.weights(method.condition_of("pos", "tr"))):
            assert not torch.equal(backbone.model(input_ids=ids).logits, before)
        method.remove()
        with method.sites.using(method.weights(method.condition_of("pos", "tr"))):
            assert torch.equal(backbone.model(input_ids=ids).logits, before)
    after = backbone.model.state_dict()
    assert after.keys() == state.keys()
    assert all(torch.equal(after[name], state[name]) for name in state)
    assert not any(m._forward_hooks for m in backbone.model.modules())


def test_initialisation_is_a_function_of_the_seed(tiny):
    from hxbench.runs.backbone import get_backbone

    def state(seed):
        torch.rand(3)  # whatever happened before
        return build(spec_for("hyperx-base", seed=seed), get_backbone(tiny)).state_dict()

    one, again, other = state(1), state(1), state(2)
    assert all(torch.equal(one[n], again[n]) for n in one)
    assert not torch.equal(one["generator.down.weight"], other["generator.down.weight"])
    assert torch.equal(one["model.bert.embeddings.word_embeddings.weight"],
                       other["model.bert.embeddings.word_embeddings.weight"])  # fmt: skip


def test_seeding_takes_a_whole_key():
    def draw(*key):
        seed_everything(*key)
        return torch.rand(1).item()

    assert draw(1, 2) == draw(1, 2)
    assert len({draw(1, 2), draw(2, 1), draw(1), draw(1, 3), draw(12)}) == 5


# --- the registry -----------------------------------------------------------------------------------------------


def test_every_recipe_names_a_method_that_exists():
    from hxbench.methods.method import Method
    from hxbench.spec.recipe import recipe_names

    names = recipe_names("methods")
    assert names
    for name in names:
        assert issubclass(method_class(load("methods", name).kind), Method)


def test_an_unknown_kind_is_answered_with_a_near_one():
    said = r"unknown method kind 'hyprex'\. Did you mean hyperx.*entry point hxbench.methods"
    with pytest.raises(InputError, match=said):
        method_class("hyprex")


class Point:
    """An entry point of another package."""

    def __init__(self, name, value):
        self.name, self.value = name, value


def test_another_package_can_bring_a_method_but_not_take_a_name(monkeypatch):
    import hxbench.methods as registry

    def registered(*points):
        monkeypatch.setattr(registry, "entry_points", lambda group: points)

    registered(Point("mine", "hxbench.methods.full:Full"))
    assert method_class("mine").__name__ == "Full"
    registered(Point("wrong", "pathlib:Path"))
    with pytest.raises(InputError, match="pathlib:Path is not a Method"):
        method_class("wrong")
    registered(Point("hyperx", "other:Thing"))
    with pytest.raises(InputError, match=r"'hyperx' is registered twice.*other:Thing"):
        method_class("mbert")


# --- odd input --------------------------------------------------------------------------------------------------


def test_a_length_the_backbone_has_no_positions_for_is_refused(fresh_backbone):
    build(spec_for("mbert", data={"max_length": 512}), fresh_backbone)
    with pytest.raises(InputError, match="max_length 513 is more than the 512 positions"):
        build(spec_for("mbert", data={"max_length": 513}), fresh_backbone)
    fresh_backbone.model.config.max_position_embeddings = 100
    build(spec_for("mbert", data={"max_length": 96}), fresh_backbone)
    with pytest.raises(InputError, match="max_length 97"):  # which a batch pads to 104
        build(spec_for("mbert", data={"max_length": 97}), fresh_backbone)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="bottleneck"):
        HyperXOptions(bottleneck=0)
    with pytest.raises(ValueError, match="order"):
        HyperXOptions(order=("language", "task", "colour"))
    with pytest.raises(ValueError, match="order"):
        HyperXOptions(order=("language", "language", "layer"))


def test_a_backbone_without_a_shape_cannot_be_counted():
    assert meta_backbone(TINY).hidden_size == 32
    assert load_backbone is not None
    with pytest.raises(InputError, match="owner/model: its recipe gives no shape"):
        costs(
            spec_for(
                "mbert", TINY.model_copy(update={"name": "owner/model", "pretrain": None, "hub": "owner/model"})
            )
        )
