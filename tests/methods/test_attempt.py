"""ATTEMPT: its attention against a loop, what is frozen, and source prompts that are not there."""

import copy
import math

import pytest
import torch
from small_t5 import HIDDEN, at_base_shape, batch_of, small_t5

from hxbench.errors import InputError
from hxbench.methods.attempt import Attempt, AttemptOptions
from hxbench.methods.method import Setup
from hxbench.methods.prompt import EMBEDDING
from hxbench.spec.recipe import resolve
from hxbench.spec.run_spec import START

TOKENS, SOURCES = 5, ("mnli", "sst2")


def made(backbone=None, *, seed=1, taken=SOURCES, **options):
    """A method whose prompts and attention are far from zero."""
    torch.manual_seed(seed)
    own = AttemptOptions(tokens=TOKENS, sample_from=9, sources=SOURCES, attention=6, **options)
    method = Attempt(Setup(backbone or small_t5(), ("cola",)), own)
    method.freeze()
    with torch.no_grad():
        for parameter in method.trained().values():
            parameter.normal_()
    for task in taken:
        method.take(f"source {task}", {EMBEDDING: torch.randn(TOKENS, HIDDEN)})
    return method.eval()


def test_counts_at_the_shape_of_t5_base():
    method = at_base_shape(
        resolve("attempt", setting="single", task="cb", profile="paper", backbone_name="t5-base")
    )
    assert method.counted() == 231_936
    assert method.part_sizes() == {"prompt": 76_800, "attention": 2 * 768 * 100 + 2 * 768, "source_prompt": 76_800}
    assert round(method.attention.temperature) in (2087, 2088)
    assert set(method.sources) == {"mnli", "qnli", "qqp", "sst2"}


def slow_prompt(method, pieces):
    """The prompt of one text, given the embeddings of its real pieces [length, hidden]."""
    attention = method.attention
    highest = torch.stack([max(column) for column in pieces.T])
    inner = attention.down.weight @ highest
    query = attention.up.weight @ (inner / (1 + torch.exp(-inner)))
    query = (query - query.mean()) / (((query - query.mean()) ** 2).mean() + 1e-5).sqrt()
    query = query * attention.norm.weight + attention.norm.bias
    target = method.soft.embedding.weight
    prompts = [*method.sources.values(), target]
    scores = [float(query @ prompt.max(0).values) / attention.temperature for prompt in prompts]
    shares = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
    return sum(share * prompt for share, prompt in zip(shares, prompts, strict=True)) + target


@pytest.mark.parametrize("padding", [0, 16])
def test_the_prompt_of_a_text_is_that_of_the_slow_version(padding):
    method, batch = made(temperature=2.0), batch_of([0] * 4, "cola", padding=padding)
    with torch.no_grad():
        embedded = method.model.get_input_embeddings()(batch.input_ids)
        found = method.prompt(embedded, batch.attention_mask, method.condition(batch))
        for row, length in enumerate(batch.attention_mask.sum(1)):
            expected = slow_prompt(method, embedded[row, : int(length)])
            torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[0], found[1], atol=1e-3), "every text has its own"


def test_padding_changes_nothing():
    method = made(temperature=2.0)
    with torch.no_grad():
        short, long = batch_of([0] * 4, "cola"), batch_of([0] * 4, "cola", padding=16)
        expected, found = method.logits(short), method.logits(long)
    torch.testing.assert_close(found[:, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_own_prompt_and_the_attention_and_no_source():
    method = made(temperature=2.0)
    method(batch_of([0] * 4, "cola")).backward()
    reached = {name for name, p in method.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == set(method.trained())
    assert {name.split(".")[0] for name in reached} == {"soft", "attention"}


def test_it_comes_back_with_its_sources():
    method, batch = made(), batch_of([0] * 3, "cola")
    other = made(seed=2, taken=())
    for task in SOURCES:
        other.take(f"source {task}", {EMBEDDING: method.sources[task].detach()})
    other.take(START, {name: p.detach() for name, p in method.trained().items()})
    with torch.no_grad():
        assert torch.equal(other.logits(batch), method.logits(batch))


def test_a_source_that_was_not_taken_is_missed():
    with pytest.raises(InputError, match="the source prompt of sst2 is missing"):
        made(taken=["mnli"])(batch_of([0], "cola"))
    with pytest.raises(InputError, match="the prompt of mnli"):
        made().take("source mnli", {EMBEDDING: torch.zeros(TOKENS, HIDDEN + 1)})
    with pytest.raises(ValueError, match="sources"):
        AttemptOptions(sources=())


def test_without_it_the_backbone_is_as_it_was():
    backbone, batch = small_t5(), batch_of([0] * 3, "cola")
    before = copy.deepcopy(backbone.model.state_dict())
    method = made(backbone)
    method(batch).backward()
    method.remove()
    assert all(torch.equal(value, before[name]) for name, value in backbone.model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in backbone.model.modules())
