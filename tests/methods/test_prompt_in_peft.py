"""Prompts and MPT as `peft` has them: the same start, answers, gradients and steps; and what `peft` has not."""

import dataclasses
import inspect

import peft as library
import pytest
import torch
from tiny_decoders import bare_decoder
from tiny_families import SIZE, family_batch, tiny, tuned

from hxbench.answering.causal import joined

TOKENS, TASKS = 3, ("rte", "sst2")
KINDS = {"prompt": library.PromptTuningConfig, "mpt": library.MultitaskPromptTuningConfig}
CALLED = {"bert": "FEATURE_EXTRACTION", "t5": "SEQ_2_SEQ_LM", "bloom": "CAUSAL_LM"}


def reference(kind, family, **more):
    """The library's own model around the stock one, with every token of the vocabulary to begin from."""
    stock = tiny(family).model if family in CALLED else bare_decoder(family).model
    more |= {"num_tasks": len(TASKS)} if kind == "mpt" else {}
    config = KINDS[kind](
        task_type=CALLED.get(family, "CAUSAL_LM"), num_virtual_tokens=TOKENS, num_transformer_submodules=1,
        prompt_tuning_init="SAMPLE_VOCAB", **more,
    )  # fmt: skip
    return library.get_peft_model(stock.bert if family == "bert" else stock, config).eval()


def batch_for(family, lengths=(5, 5, 5, 5), targets=(2, 2, 2, 2)):
    return family_batch(family if family in CALLED else "bloom", lengths, targets, tasks=[0, 1, 1, 0])


def their_logits(other, family, kind, batch, head):
    """The logits of the targets as the library's model gives them; `head` is an encoder's, of one task."""
    tasks = {"task_ids": batch.tasks} if kind == "mpt" else {}
    ids, mask = batch.input_ids, batch.attention_mask
    if family == "t5":
        return other(input_ids=ids, attention_mask=mask, labels=batch.targets, **tasks).logits
    if family == "bert":  # the library forgets tasks there, and puts its head on the first virtual token
        words = torch.cat([other.get_prompt(len(ids), **tasks), other.word_embeddings(ids)], 1)
        states = other.base_model(
            inputs_embeds=words, attention_mask=torch.nn.functional.pad(mask, (TOKENS, 0), value=1)
        )
        return head(states.last_hidden_state[:, TOKENS])[:, None]
    whole = joined((ids, mask), (batch.targets, batch.targets >= 0), padding=0)
    logits = other(input_ids=whole.ids, attention_mask=whole.mask, **tasks).logits
    return logits[:, -batch.targets.shape[1] - 1 : -1]


@pytest.mark.parametrize("family", CALLED)
@pytest.mark.parametrize("kind", KINDS)
def test_start_answers_gradients_and_steps_are_those_of_peft(kind, family):
    method = tuned(kind, tiny(family), shaken=False, tasks=TASKS[: 2 if kind == "mpt" else 1],
                   tokens=TOKENS, sample_from=SIZE)  # fmt: skip
    bare = tuned("pet-ft", tiny(family), shaken=False, tasks=method.tasks)  # draws the same heads first
    other = reference(kind, family)
    batch = batch_for(family)
    head = bare.answering.heads["rte"] if family == "bert" else None
    encoder = other.prompt_encoder["default"]
    theirs = {f"soft.{name}": p for name, p in encoder.named_parameters()}
    theirs |= {f"answering.heads.rte.{name}": p for name, p in head.named_parameters()} if head else {}
    own = dict(method.named_parameters())
    assert all(torch.equal(own[name], p) for name, p in theirs.items()), "they begin alike"
    steps = [torch.optim.SGD(some, lr=0.5) for some in (method.trained().values(), theirs.values())]
    for _ in range(2):
        wanted = their_logits(other, family, kind, batch, head)
        found = method.logits(batch)
        torch.testing.assert_close(found.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-4)
        loss = torch.nn.functional.cross_entropy(wanted.flatten(0, 1), batch.targets.flatten())
        for optimiser, one in zip(steps, (method(batch), loss), strict=True):
            optimiser.zero_grad()
            one.backward()
        for name, p in theirs.items():
            torch.testing.assert_close(own[name].grad, p.grad, rtol=1e-4, atol=1e-6)
        for optimiser in steps:
            optimiser.step()
    assert all(torch.allclose(own[name], p, rtol=1e-4, atol=1e-5) for name, p in theirs.items())
    assert set(theirs) <= {name for name, p in own.items() if p.requires_grad}


# --- what `peft` has not: own code stays for it -----------------------------------------------------------------


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_padding_on_the_left_moves_positions_behind_peft_s_prompts_and_not_behind_ours(family):
    method, other = (
        tuned("prompt", bare_decoder(family), tokens=TOKENS, sample_from=SIZE),
        reference("prompt", family),
    )
    short, both = batch_for(family, (8,), (2,)), batch_for(family, (8, 9), (2, 2))
    with torch.no_grad():
        other.prompt_encoder["default"].embedding.weight.copy_(method.own())
        alone, padded = (their_logits(other, family, "prompt", batch, None)[0] for batch in (short, both))
        ours = [method.logits(batch)[0] for batch in (short, both)]
    torch.testing.assert_close(ours[0], alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours[1], alone, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(padded, alone, atol=1e-2)


def test_peft_s_prompts_begin_from_any_word_and_know_no_text():
    ways = {one.value for one in library.PromptTuningInit}
    assert ways == {"TEXT", "SAMPLE_VOCAB", "RANDOM"}, "no words in their order, no N(0, std²)"
    known = set(inspect.signature(library.PeftModel.get_prompt).parameters)
    assert known <= {"self", "batch_size", "task_ids", "max_cache_len"}, "ATTEMPT's depends on the text"
    assert "sample_from" not in {one.name for one in dataclasses.fields(library.PromptTuningConfig)}
