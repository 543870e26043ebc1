"""Prompt tuning and SPoT: what they begin as, what is trained, and who builds on which prompt."""

import copy

import pytest
import torch
from small_t5 import HIDDEN, at_base_shape, batch_of, small_t5

from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.methods.options import StageTraining
from hxbench.methods.prompt import EMBEDDING, SOURCE, PromptOptions, PromptTuning, Spot, SpotOptions
from hxbench.runs.assemble import with_options
from hxbench.spec.experiment import few_shot_spec
from hxbench.spec.recipe import load, recipe_names, resolve
from hxbench.spec.run_spec import START
from hxbench.spec.settings import Pair

TOKENS = 5
PROMPT_METHODS = ["prompt", "spot", "attempt", "mpt", "mpt-source"]


def made(kind=PromptTuning, backbone=None, *, seed=1, **options):
    torch.manual_seed(seed)
    own = kind.Options(tokens=TOKENS, sample_from=9, **options)
    method = kind(Setup(backbone or small_t5(), ("cola",)), own)
    method.freeze()
    return method.eval()


def spec_of(name, profile="paper", **others):
    model = {"setting": "multi", "suite": "glue"} if name == "mpt-source" else {"setting": "single", "task": "cb"}
    return resolve(name, profile=profile, origin="hub", backbone_name="t5-base", **{**model, **others})


# --- the prompt -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["prompt", "spot"])
def test_counts_at_the_shape_of_t5_base(name):
    assert at_base_shape(spec_of(name)).counted() == 76_800


def test_it_begins_as_words_among_the_first():
    backbone = small_t5()
    words = backbone.model.get_input_embeddings().weight[:9]
    method = made(backbone=backbone)
    prompt = method.own().clone()
    assert prompt.shape == (TOKENS, HIDDEN)
    assert all((words == row).all(1).any() for row in prompt)
    assert not torch.equal(prompt, made(backbone=small_t5(), seed=2).own())
    method.soft.embedding.weight.data.zero_()
    assert words.any(1).all(), "a copy"


def test_virtual_tokens_are_no_part_of_the_pooled_text():
    method, batch = made(), batch_of([0] * 3, "cola")
    with torch.no_grad():
        encoded = method.encode(batch)
    length = batch.input_ids.shape[1]
    assert encoded.states.shape[1] == encoded.mask.shape[1] == TOKENS + length
    assert encoded.mask[:, :TOKENS].all()
    for row, count in enumerate(batch.attention_mask.sum(1)):
        mean = encoded.states[row, TOKENS : TOKENS + int(count)].mean(0)
        torch.testing.assert_close(encoded.condition.pooled[row], mean, rtol=1e-5, atol=1e-6)


def test_padding_changes_nothing():
    method = made()
    with torch.no_grad():
        short, long = batch_of([0] * 4, "cola"), batch_of([0] * 4, "cola", padding=16)
        expected, found = method.logits(short), method.logits(long)
        torch.testing.assert_close(found[:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(method(long), method(short), rtol=1e-5, atol=1e-6)


def test_gradients_reach_the_prompt_alone():
    method = made()
    method(batch_of([0] * 3, "cola")).backward()
    assert [name for name, p in method.named_parameters() if p.grad is not None] == [EMBEDDING]
    assert list(method.trained()) == [EMBEDDING]
    assert method.soft.embedding.weight.grad.any(1).all()


def test_without_it_the_backbone_is_as_it_was():
    backbone, batch = small_t5(), batch_of([0] * 3, "cola")
    model = backbone.model.eval()

    @torch.no_grad()
    def run():
        return model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets).logits

    before, state = run(), copy.deepcopy(model.state_dict())
    method = made(backbone=backbone)
    with torch.no_grad():
        assert not torch.allclose(method.logits(batch), before, atol=1e-3)
    method.remove()
    assert torch.equal(run(), before)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


# --- SPoT -------------------------------------------------------------------------------------------------------


def test_spot_begins_with_the_prompt_of_its_source():
    source, target = made(seed=3), made(Spot, seed=4)
    target.take(SOURCE, {name: p.detach() for name, p in source.trained().items()})
    assert torch.equal(target.own(), source.own())
    target(batch_of([0] * 3, "cola")).backward()
    assert target.soft.embedding.weight.grad.any()
    again = made(Spot, seed=5)
    again.take(START, {name: p.detach() for name, p in target.trained().items()})
    assert torch.equal(again.own(), source.own())
    with pytest.raises(InputError, match="the source task's prompt"):
        target.take(SOURCE, {EMBEDDING: torch.zeros(TOKENS + 1, HIDDEN)})


# --- who builds on which run ------------------------------------------------------------------------------------


def needs(spec):
    return method_class(spec.kind).needs(with_options(spec), [])


@pytest.mark.parametrize("profile", ["paper", "demo", "lab"])
def test_what_is_built_on_is_the_run_of_the_recipe(profile):
    """One run for all who need it: the prompt's own recipe at the same seed gives the very same spec."""
    found = {name: needs(spec_of(name, profile)) for name in PROMPT_METHODS}
    assert found["prompt"] == {}
    assert list(found["spot"]) == ["source"]
    assert [role.split()[1] for role in found["attempt"]] == ["mnli", "qnli", "qqp", "sst2"]
    assert len(found["mpt-source"]) == 8
    for name in ("spot", "attempt", "mpt-source"):
        for role, one in found[name].items():
            task = role.split()[-1] if " " in role else "mnli"
            own = with_options(spec_of("prompt", profile, task=task))
            assert one == own, f"{name}: {role}"
    assert found["mpt"] == {"source": with_options(spec_of("mpt-source", profile))}


@pytest.mark.parametrize("name", ["spot", "attempt", "mpt"])
def test_few_shot_runs_build_on_the_same_runs(name):
    single = spec_of(name)
    changes = {"updates": 3, "batch_size": 4, "schedule": "constant", "warmup": 0, "selection": "last"}
    shot = few_shot_spec(single, Pair("cb", "en"), 4, 1, changes)
    cut = single.model_copy(update={"data": single.data.model_copy(update={"train_examples": 100})})
    assert needs(shot) == needs(cut) == needs(single)
    assert needs(single.model_copy(update={"seed": 9})) != needs(single)


def test_recipes_have_the_published_numbers():
    spec = spec_of("prompt")
    training = spec.training
    assert PromptOptions(**spec.options) == PromptOptions(tokens=100, sample_from=5000)
    assert (training.lr, training.batch_size, training.epochs) == (0.3, 32, 20)
    assert (training.weight_decay, training.warmup, spec.data.max_length) == (1e-5, 500, 256)
    for name in set(PROMPT_METHODS) & set(recipe_names("methods")):
        assert load("methods", name).few_shot_from == "nothing"


def test_options_are_checked():
    assert SpotOptions().source == "mnli"
    with pytest.raises(ValueError, match="exactly one"):
        StageTraining(updates=3, epochs=1)
    with pytest.raises(ValueError, match="no task is called mnlii"):
        SpotOptions(source="mnlii")
    with pytest.raises(InputError, match="options of spot"):
        with_options(spec_of("spot", assignments=["options.source=nothing"]))
