"""PHA: counts, its generator against plain products, what trains what, ablations, a task that comes later."""

import copy

import pytest
import torch
from small_t5 import HIDDEN, LAYERS, TASKS, at_base_shape, batch_of, condition, small_t5

from hxbench.answering.answer import Answered, Objective
from hxbench.errors import InputError
from hxbench.methods.method import Setup
from hxbench.methods.pha import PHA, PHAOptions
from hxbench.modules import per_row
from hxbench.modules.contrastive import instance_loss, prototype_loss
from hxbench.spec.recipe import resolve
from hxbench.spec.run_spec import START

MIX = [0, 1, 2, 1, 0]
ENCODER, DECODER = "encoder_parallel", "decoder_parallel"
SIZES = {"bottleneck": 4, "d_prime": 6, "retriever_hidden": 5, "mixed": 3, "projector_hidden": 7}
ABLATIONS = [{}, {"prototypes": False}, {"retriever": False}, {"prototypes": False, "retriever": False}]
NAMES = ["both", "retriever alone", "prototypes alone", "neither"]


def made(backbone=None, *, tasks=TASKS, new_task=None, objective=None, shaken=True, seed=1, **options):
    """Return a method whose own parameters are far from zero, if shaken."""
    torch.manual_seed(seed)
    setup = Setup(backbone or small_t5(), tasks, new_task=new_task, objective=objective or Objective())
    method = PHA(setup, PHAOptions(**{**SIZES, **options}))
    method.freeze()
    if shaken:
        with torch.no_grad():
            for name, parameter in method.named_parameters():
                if not name.startswith("model."):
                    parameter.normal_(std=0.4)
    return method.eval()


def contrasted(method, batch):
    """Return what contrasting the texts of a batch adds to its loss, which is none where none is to be added."""
    added = method.extra_loss(Answered(None, method.encode(batch)), batch) if method.adds_loss else None
    with torch.no_grad():
        weight, method.adds_loss = method.adds_loss, False
        plain = method(batch)
        method.adds_loss = weight
        torch.testing.assert_close(method(batch) - plain, plain * 0 if added is None else added.detach())
    return added


def reached(method):
    """The parts that have a gradient."""
    return {
        name
        for name, parameters in method.parts().items()
        if any(p.grad is not None and p.grad.any() for p in parameters)
    }


@pytest.fixture(params=["copied", "sorted"])
def way(request, monkeypatch):
    """Both ways in which a batch of several tasks gets its adapters."""
    monkeypatch.setattr(per_row, "SORTED_FROM", {"copied": 10**9, "sorted": 0}[request.param])


# --- parameter counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "assignments", "counted"),
    [
        ("paper", [], 4_487_424),
        ("paper", ["options.projector=two_layers", "options.biases=true"], 4_615_712),
        ("code", [], 7_766_336),
    ],
)
def test_counts_at_the_shape_of_t5_base(variant, assignments, counted):
    spec = resolve(
        "pha", setting="multi", suite="glue", profile="paper", variant=variant, assignments=assignments,
        backbone_name="t5-base",
    )  # fmt: skip
    method = at_base_shape(spec)
    assert method.counted() == sum(method.part_sizes().values()) == counted
    if variant == "paper" and not assignments:
        d, d_prime, layers, tasks, b, d_h = 768, 128, 12, 8, 64, 32
        assert method.part_sizes() == {  # appendix B, term by term
            "retriever": d * d_prime + d_prime**2,
            "prototypes": tasks * d_prime,
            "layer_embeddings": layers * d_prime,
            "projector": 2 * d_prime * d_h,
            "generator": d_h * (2 * d * b + b + d),
            "adapters": layers * (2 * d * b + b + d),
        }


def test_recipes_have_the_numbers_of_paper_and_code():
    def found(name, **others):
        return resolve(name, profile="paper", backbone_name="t5-base", **others)

    multi = found("pha", setting="multi", suite="glue")
    assert PHAOptions(**multi.options) == PHAOptions()
    training = multi.training
    assert (training.updates, training.batch_size, training.lr, training.warmup) == (65000, 128, 3e-4, 500)
    assert (training.batches, training.label_smoothing, training.token_loss) == ("concatenated", 0, "mean")
    single = found("pha-single", setting="single", task="cola")
    assert single.options == multi.options | {"mixed": 64}
    code = found("pha", setting="multi", suite="glue", variant="code")
    assert (code.training.label_smoothing, code.training.token_loss) == (0.1, "mean")
    assert (code.data.split_rule, code.data.score_step) == ("names", 0.1)
    assert (code.options["temperature"], code.options["denominator"]) == (0.1, "others")


# --- what is generated ------------------------------------------------------------------------------------------


def slow(method, key, layer):
    """The weights of one decoder site, with plain matrix products."""
    network = method.hypernetwork
    source = torch.cat([key, network.layers[layer]])
    for step in network.projector:
        name = type(step).__name__
        if name == "Linear":
            source = step.weight @ source + (0 if step.bias is None else step.bias)
        elif name == "ReLU":
            source = source.clamp(min=0)
        else:
            spread = ((source - source.mean()) ** 2).mean() + 1e-6
            source = (source - source.mean()) / spread.sqrt() * step.weight + step.bias
    shapes = {"down": (4, HIDDEN), "down_bias": (4,), "up": (HIDDEN, 4), "up_bias": (HIDDEN,)}
    heads = {name: getattr(network.generator, name) for name in shapes}
    return {
        name: (head.weight @ source + (0 if head.bias is None else head.bias)).view(shapes[name])
        for name, head in heads.items()
    }


@pytest.mark.parametrize("options", [{}, {"projector": "two_layers", "biases": True}], ids=["paper", "code"])
def test_the_weights_of_a_task_are_those_of_plain_products(options):
    method = made(**options)
    with torch.no_grad():
        pooled = torch.randn(2, HIDDEN)
        found = method.weights(condition(torch.tensor([2, 2]), "answering", pooled, 2))
        assert list(found) == [(layer, DECODER) for layer in range(LAYERS)]
        for (layer, _), weights in found.items():
            for name, expected in slow(method, method.prototypes[2], layer).items():
                value = getattr(weights, name)
                assert value.shape == expected.shape, "no dimension for the batch"
                torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", ABLATIONS, ids=NAMES)
def test_a_mixed_batch_is_a_loop_over_its_rows(options, way):
    method, tasks = made(**options), torch.tensor(MIX)
    pooled, hidden = torch.randn(5, HIDDEN), torch.randn(5, 3, HIDDEN)
    with torch.no_grad():
        found = method.weights(condition(tasks, "answering", pooled))
        instances = method.retriever(pooled) if method.retriever is not None else pooled
        for (layer, _), weights in found.items():
            result = weights.apply(hidden)
            for row, task in enumerate(tasks):
                own = slow(method, instances[row] if method.prototypes is None else method.prototypes[task], layer)
                for column in range(3):
                    x = hidden[row, column]
                    inner = (own["down"] @ x + own["down_bias"]).clamp(min=0)
                    expected = x + own["up"] @ inner + own["up_bias"]
                    torch.testing.assert_close(result[row, column], expected, rtol=1e-4, atol=1e-4)


def test_encoder_adapters_are_the_same_for_all_tasks():
    method = made()
    found = method.weights(condition(torch.tensor(MIX), "reading"))
    assert list(found) == [(layer, ENCODER) for layer in range(LAYERS)]
    assert all(torch.equal(weights.down, method.adapters.down[layer]) for (layer, _), weights in found.items())


@pytest.mark.parametrize("options", ABLATIONS, ids=NAMES)
def test_a_row_scores_the_same_beside_rows_of_other_tasks(options, way):
    method = made(**options)
    with torch.no_grad():
        mixed = method.logits(batch_of(MIX))
        for place, task in enumerate(TASKS):
            rows = [i for i, other in enumerate(MIX) if other == place]
            alone = method.logits(batch_of(MIX, task, pick=rows))
            torch.testing.assert_close(mixed[rows, : alone.shape[1]], alone, rtol=1e-4, atol=1e-5)


def test_a_batch_of_one_task_may_call_itself_mixed(way):
    """The same loss and the same gradients, whether the method is told the task at once or row by row."""
    results = []
    for name in (TASKS[1], "mixed"):
        method = made()
        loss = method(batch_of([1] * 4, name))
        loss.backward()
        gradients = [p.grad if p.grad is not None else torch.zeros(()) for p in method.trained().values()]
        results.append([loss.detach(), *gradients])
    for told, found in zip(*results, strict=True):
        torch.testing.assert_close(told, found.expand_as(told), rtol=1e-4, atol=1e-6)


def test_padding_and_beams_change_nothing(way):
    method = made()
    with torch.no_grad():
        short, long = batch_of(MIX), batch_of(MIX, padding=16)
        expected, found = method.logits(short), method.logits(long)
        torch.testing.assert_close(found[:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(method(long), method(short), rtol=1e-5, atol=1e-6)
        together = method.generate(short, 4, beams=2)
        alone = method.generate(batch_of(MIX, TASKS[2], pick=[2]), 4, beams=2)
    width = min(alone.shape[1], together.shape[1])
    assert torch.equal(together[2, :width], alone[0, :width])


@pytest.mark.parametrize("options", ABLATIONS, ids=NAMES)
def test_taking_it_off_gives_the_backbone_back(options):
    backbone, batch = small_t5(), batch_of(MIX)
    model = backbone.model.eval()

    @torch.no_grad()
    def run():
        return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets).logits

    before, state = run(), copy.deepcopy(model.state_dict())
    method = made(backbone, **options)
    with torch.no_grad():
        assert not torch.allclose(method.logits(batch), before, atol=1e-3), "the adapters do something"
    method.remove()
    assert torch.equal(run(), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_it_starts_close_to_the_identity():
    backbone, batch = small_t5(), batch_of(MIX)
    method = made(backbone, shaken=False)
    with torch.no_grad():
        found = method.logits(batch)
        plain = backbone.model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets
        ).logits
    assert 0 < (found - plain).abs().max() / plain.abs().max() < 1e-3
    assert 0.5 < method.prototypes.std() < 1.5
    assert 0.5 < method.hypernetwork.layers.std() < 1.5


# --- losses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "token_loss"),
    [({}, "mean"), ({"temperature": 0.1, "denominator": "others", "average": "examples"}, "sum")],
    ids=["paper", "code"],
)
def test_the_loss_is_cross_entropy_and_a_tenth_of_both_contrastive_losses(options, token_loss):
    method = made(objective=Objective(0.1, token_loss), **options)
    batch = batch_of(MIX)
    with torch.no_grad():
        logits, encoded = method.logits(batch), method.encode(batch)
        z = method.retriever(encoded.condition.pooled)
        form = {"temperature": options.get("temperature", 1.0), "average": options.get("average", "tasks")}
        between = instance_loss(
            z, batch.tasks, denominator=options.get("denominator", "negatives"), **form
        ) + prototype_loss(z, method.prototypes, batch.tasks, **form)
        plain = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), label_smoothing=0.1, reduction=token_loss
        )
        torch.testing.assert_close(method(batch), plain + 0.1 * between)
        assert float(between) != 0
        none = made(objective=Objective(0.1, token_loss), contrastive_weight=0, **options)
        torch.testing.assert_close(none(batch), plain)
        bare = {weight: made(contrastive_weight=weight) for weight in (0, 0.1)}
        assert {weight for weight, one in bare.items() if one.cross_entropy_in(plain) is plain} == {0}


@pytest.mark.parametrize(
    ("options", "contrastive"),
    [
        ({}, {"adapters", "retriever", "prototypes"}),
        ({"prototypes": False}, {"adapters", "retriever"}),
        ({"retriever": False}, {"adapters", "prototypes"}),
        ({"retriever": False, "instances": "always"}, {"adapters", "prototypes"}),
        ({"instances": "never"}, {"adapters", "retriever", "prototypes"}),
    ],
)
def test_contrastive_losses_reach_encoder_adapters_retriever_and_prototypes(options, contrastive):
    method = made(**options)
    contrasted(method, batch_of(MIX)).backward()
    assert reached(method) == contrastive


def test_without_prototypes_and_retriever_there_is_nothing_to_contrast():
    method, bare = (made(contrastive_weight=weight, **ABLATIONS[3]) for weight in (0.1, 0))
    assert contrasted(method, batch_of(MIX)) is None
    with torch.no_grad():
        assert float(method(batch_of(MIX))) == float(bare(batch_of(MIX)))
    always = made(instances="always", **ABLATIONS[3])
    contrasted(always, batch_of(MIX)).backward()
    assert reached(always) == {"adapters"}


def test_cross_entropy_reaches_prototypes_through_the_hypernetwork_but_not_the_retriever():
    method = made(contrastive_weight=0)
    method(batch_of(MIX)).backward()
    assert reached(method) == set(method.parts()) - {"retriever"}


@pytest.mark.parametrize("options", ABLATIONS, ids=NAMES)
def test_gradients_reach_all_that_is_trained_and_nothing_else(options):
    method = made(**options)
    method(batch_of(MIX)).backward()
    trained = method.trained()
    for name, parameter in method.named_parameters():
        assert (parameter.grad is not None and bool(parameter.grad.any())) == (name in trained), name
    assert sum(method.part_sizes().values()) == sum(p.numel() for p in trained.values())


def test_a_single_task_has_nothing_to_contrast():
    method, batch = made(tasks=("cola",)), batch_of([0, 0, 0], "cola")
    with torch.no_grad():
        assert float(contrasted(method, batch)) == 0
        torch.testing.assert_close(method(batch), made(tasks=("cola",), contrastive_weight=0)(batch))


def test_in_bf16_the_generator_and_the_losses_stay_exact():
    method, batch = made(), batch_of(MIX)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        encoded = method.encode(batch)
        weights = method.weights(condition(batch.tasks, "answering", encoded.condition.pooled, 1))
        assert (
            weights[0, DECODER].up.dtype
            == method.extra_loss(Answered(None, encoded), batch).dtype
            == torch.float32
        )
        assert method.features(encoded)["z"].dtype == torch.float32
        rough = method(batch)
    with torch.no_grad():
        assert abs(float(rough - method(batch))) < 0.1 * float(rough)


def test_features_are_pooled_states_and_z():
    method, batch = made(), batch_of(MIX)
    with torch.no_grad():
        encoded = method.encode(batch)
        found = method.features(encoded)
        rows = [encoded.states[i, : int(n)].mean(0) for i, n in enumerate(batch.attention_mask.sum(1))]
        torch.testing.assert_close(found["features"], torch.stack(rows), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found["z"], method.retriever(found["features"]))
    assert torch.equal(method.prototypes_by_task(), method.prototypes)
    assert made(prototypes=False).prototypes_by_task().shape[0] == 0


# --- a task that comes later ------------------------------------------------------------------------------------


def started(**options):
    start = made(**options)
    tensors = {name: p.detach().clone() for name, p in start.trained().items()}
    method = made(new_task="cb", seed=7, **options)
    method.take(START, tensors)
    return start, method.eval()


def texts(method, count=4):
    with torch.no_grad():
        return [method.encode(batch_of([len(TASKS)] * count, "cb")), method.encode(batch_of([len(TASKS)], "cb"))]


@pytest.mark.parametrize("options", [{}, {"retriever": False}], ids=["retriever", "features"])
def test_a_new_task_adopts_the_nearest_prototype(options):
    start, method = started(**options)
    encoded = texts(method)
    vectors = torch.cat([method.features(one)["z"] for one in encoded])
    by_hand = torch.nn.functional.cosine_similarity(vectors[:, None], method.prototypes[None], dim=-1).mean(0)
    said = method.meet(iter(encoded))
    nearest = int(by_hand.argmax())
    assert said["retrieved"] == TASKS[nearest]
    assert said["similarity"] == pytest.approx(dict(zip(TASKS, by_hand.tolist(), strict=True)), abs=1e-5)
    assert torch.equal(method.adopted, method.prototypes[nearest])
    with torch.no_grad():
        own = method.logits(batch_of([3, 3], "cb"))
        torch.testing.assert_close(own, start.logits(batch_of([nearest] * 2, TASKS[nearest])))
        mixed = method.logits(batch_of([3, 0, 3]))  # as rows of other tasks may stand beside
    torch.testing.assert_close(mixed[1], start.logits(batch_of([nearest, 0, 1]))[1], rtol=1e-4, atol=1e-5)


def test_the_adopted_prototype_is_trained_by_cross_entropy_alone_and_comes_back():
    _, method = started()
    method.meet(texts(method))
    assert contrasted(method, batch_of([3, 3], "cb")) is None
    method(batch_of([3, 3], "cb")).backward()
    assert method.adopted.grad.any()
    assert not method.prototypes.grad.any()
    assert reached(method) == {"adapters", "prototypes", "layer_embeddings", "projector", "generator"}
    with torch.no_grad():
        method.adopted += 1
    kept = {name: p.detach().clone() for name, p in method.trained().items()}
    assert "adopted" in kept
    again = made(new_task="cb", seed=9)
    with torch.no_grad():
        for name, parameter in again.trained().items():
            parameter.copy_(kept[name])
        torch.testing.assert_close(
            again.logits(batch_of([3, 3], "cb")), method.logits(batch_of([3, 3], "cb")), rtol=0, atol=0
        )


def test_retrieval_by_mean_and_by_vote_may_differ():
    z = torch.tensor([[1.0, 0.0, 0, 0, 0, 0], [1.0, 0.2, 0, 0, 0, 0], [-1.0, 3.0, 0, 0, 0, 0]])
    by = {way: made(retrieval=way) for way in ("mean", "vote", "example")}
    for method in by.values():
        with torch.no_grad():
            method.prototypes.copy_(torch.eye(3, 6))
            method.prototypes[1, 0] = 0.6  # nearly as close to the first texts, and close to the last
    assert by["vote"].retrieve(z).tolist() == [0]
    assert by["mean"].retrieve(z).tolist() == [1]
    assert by["example"].retrieve(z).tolist() == [0, 0, 1]
    assert by["vote"].retrieve(z[1:]).tolist() == [1], "a tie goes to the more similar one"


def test_retrieval_for_each_example_uses_the_prototypes_there_are():
    start, method = started(retrieval="example")
    assert method.adopted is None
    assert method.trained().keys() == start.trained().keys()
    batch = batch_of([3, 3, 3, 3], "cb")
    with torch.no_grad():
        places = method.retrieve(method.features(method.encode(batch))["z"])
        expected = start.logits(batch_of(places.tolist()))
        torch.testing.assert_close(method.logits(batch), expected, rtol=1e-4, atol=1e-5)
    said = method.meet([method.encode(batch)])
    assert sum(said["retrieved"].values()) == 4
    method.zero_grad(set_to_none=True)
    method(batch).backward()
    assert set(method.prototypes.grad.any(1).nonzero().flatten().tolist()) == set(places.tolist())


def test_without_prototypes_a_new_task_is_met_without_a_word():
    start, method = started(prototypes=False)
    assert method.meet(texts(method)) == {}
    assert method.trained().keys() == start.trained().keys()
    with torch.no_grad():
        torch.testing.assert_close(method.logits(batch_of([3, 3], "cb")), start.logits(batch_of([1, 1], TASKS[1])))


def test_a_run_of_other_sizes_is_refused():
    tensors = {name: p.detach() for name, p in made(mixed=5).trained().items()}
    with pytest.raises(InputError, match="the run it starts from"):
        made(new_task="cb").take(START, tensors)
