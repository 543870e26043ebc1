"""Heads on what an encoder makes of the first token: a task's own, or one that all tasks share.

The latter has three outputs, of which a task has its own, against a map written out by hand.
"""

import numpy as np
import pytest
import torch
from tiny_families import family_batch, head_of, rows, tiny, tuned

from hxbench.answering.classes import unified_order
from hxbench.errors import InputError
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import collate

# unified label → class id, by task: as section 9 of the sheet has them
MEANS = {"sst2": {0: 0, 1: 1}, "rte": {1: 0, 0: 1}, "mnli": {1: 0, 2: 1, 0: 2}, "mrpc": {0: 0, 1: 1}}


def made(task, *, unified=True, head="first"):
    method = tuned("pet-bitfit", tiny("bert"), shaken=False, tasks=(task,), unified=unified, head=head)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(3)
        head_of(method).classifier.weight.normal_()
        head_of(method).classifier.bias.normal_()
    return method


def outputs(method, batch):
    """Return the head's three outputs for every row, read alone: [rows, 3]."""
    with torch.no_grad():
        states = [
            method.model.bert(inputs_embeds=method.model.get_input_embeddings()(ids)).last_hidden_state[0, 0]
            for ids, _ in rows(batch)
        ]
        return torch.stack([head_of(method)(state) for state in states])


@pytest.mark.parametrize("task", MEANS)
@pytest.mark.parametrize("trained_on", ["sst2", "mnli"])
def test_every_task_chooses_among_its_own_labels(task, trained_on):
    method, batch = made(trained_on), family_batch("bert", (5, 9, 3, 12, 7, 8, 4, 6), task=task)
    assert head_of(method).classifier.out_features == 3
    chosen = method.generate(batch)
    expected = []
    for row in outputs(method, batch):
        best = max(MEANS[task], key=lambda label: float(row[label]))
        expected.append([MEANS[task][best]])
    assert chosen.tolist() == expected
    assert len({one for [one] in expected}) > 1


@pytest.mark.parametrize("task", MEANS)
def test_all_three_outputs_are_in_the_loss(task):
    method, batch = made(task), family_batch("bert", task=task)
    label_of = {class_id: label for label, class_id in MEANS[task].items()}
    losses = [
        -torch.log_softmax(row, -1)[label_of[int(target)]]
        for row, target in zip(outputs(method, batch), batch.targets[:, 0], strict=True)
    ]
    torch.testing.assert_close(method(batch), torch.stack(losses).mean(), rtol=1e-4, atol=1e-5)
    method(batch).backward()
    assert head_of(method).classifier.weight.grad.any(1).all(), (
        "also the one that a task of two classes has no use for"
    )


def test_the_order_is_that_of_the_class_ids():
    assert {task: unified_order(task_of(task)) for task in MEANS} == {
        "sst2": [0, 1, 2], "rte": [1, 0, 2], "mnli": [1, 2, 0], "mrpc": [0, 1, 2],
    }  # fmt: skip


def test_without_unified_labels_a_head_is_as_wide_as_its_task():
    assert made("sst2", unified=False).answering.heads["sst2"].classifier.out_features == 2
    assert made("mnli", unified=False).answering.heads["mnli"].classifier.out_features == 3
    batch = family_batch("bert", task="rte")
    method = made("rte", unified=False)
    found = outputs(method, batch)
    torch.testing.assert_close(method.logits(batch)[:, 0], found, rtol=1e-4, atol=1e-5)
    assert method.generate(batch)[:, 0].tolist() == found.argmax(-1).tolist()


def test_a_task_without_unified_labels_cannot_share_the_head():
    with pytest.raises(InputError, match="CoLA has no classes in PET scaling"):
        made("cola")


# --- a head for each task ---------------------------------------------------------------------------------------


def first(method, batch):
    """Return what the encoder makes of the first token of every row, [batch, hidden]."""
    encoded = method.encode(batch)
    return encoded.own(encoded.states)[:, 0]


def test_a_classifier_reads_one_tasks_classes():
    method = tuned("pet-lora", tiny("bert"), tasks=("mnli",))
    batch = family_batch("bert", task="mnli")
    assert method.logits(batch).shape == (4, 1, 3)
    assert torch.equal(method.generate(batch, 9), method.logits(batch).argmax(-1))
    with pytest.raises(InputError, match="XSUM has no classes to choose among"):
        tuned("pet-lora", tiny("bert"), tasks=("xsum",))
    with pytest.raises(InputError, match="150 virtual tokens and 16 tokens of text are more than the 160 pos"):
        tuned("pet-prompt", tiny("bert"), tokens=150).logits(batch)


@torch.no_grad()
def test_the_pooled_head_has_a_layer_of_its_own():
    method = tuned("pet-bitfit", tiny("bert"), head="pooled")
    batch = family_batch("bert")
    fed = torch.tanh(method.answering.pooler[0](first(method, batch)))
    expected = head_of(method).classifier(fed)
    torch.testing.assert_close(method.logits(batch)[:, 0], expected)
    assert method.part_sizes()["heads"] == 16 * 16 + 16 + 2 * 16 + 2


@torch.no_grad()
def test_the_second_text_of_a_pair_is_another_segment():
    class Tokenizer:
        sep_token_id = 2

    backbone = tiny("bert")
    backbone.tokenizer = Tokenizer()
    method, batch = tuned("pet-prompt", backbone), family_batch("bert")
    batch.input_ids[1, 3] = batch.input_ids[1, 8] = 2  # nine pieces
    source = batch.input_ids[1, :9][None]
    words = torch.cat([method.own()[None], backbone.model.get_input_embeddings()(source)], 1)
    kinds = torch.tensor([[0] * 4 + [0] * 4 + [1] * 5])
    states = backbone.body(inputs_embeds=words, token_type_ids=kinds).last_hidden_state
    torch.testing.assert_close(first(method, batch)[1], states[0, 4], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_several_tasks_have_a_head_each():
    method = tuned("pet-bitfit", tiny("bert"), tasks=("rte", "mnli"))
    for task, classes in (("rte", 2), ("mnli", 3)):
        batch = family_batch("bert", task=task)
        expected = method.answering.heads[task].classifier(first(method, batch))
        assert expected.shape == (4, classes)
        torch.testing.assert_close(method.logits(batch)[:, 0], expected)


@torch.no_grad()
@pytest.mark.parametrize("unified", [False, True])
def test_the_loss_of_a_mixed_batch_is_that_of_its_tasks(unified):
    """Whatever the outputs of the heads: with unified labels all three are in the loss of each task."""
    method = tuned("pet-bitfit", tiny("bert"), tasks=("rte", "mnli"), unified=unified)
    texts = [np.arange(3, 3 + n) for n in (5, 9, 4, 7)]
    labels, places = [np.array([n]) for n in (1, 2, 0, 0)], [0, 1, 0, 1]
    mixed = collate(texts, labels, tasks=places, padding=0)
    expected = 0.0
    for place, task in enumerate(("rte", "mnli")):
        mine = [n for n, other in enumerate(places) if other == place]
        alone = collate(
            [texts[n] for n in mine], [labels[n] for n in mine], tasks=[place] * 2, padding=0, task=task
        )
        expected += method(alone) * alone.count
    torch.testing.assert_close(method(mixed) * mixed.count, expected, rtol=1e-5, atol=1e-5)
