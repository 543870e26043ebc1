"""A head that all tasks share: three outputs, of which a task has its own, against a map written out by hand."""

import pytest
import torch
from tiny_families import family_batch, rows, tiny

from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.classifier import unified_order
from hxbench.tasks import task_of

# unified label → class id, by task: as section 9 of the sheet has them
MEANS = {"sst2": {0: 0, 1: 1}, "rte": {1: 0, 0: 1}, "mnli": {1: 0, 2: 1, 0: 2}, "mrpc": {0: 0, 1: 1}}


def made(task, *, unified=True, head="first"):
    kind = method_class("pet-bitfit")
    method = kind.on(tiny("bert"), tasks=(task,), options=kind.Options(head=head), unified=unified).eval()
    method.freeze()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(3)
        method.head.classifier.weight.normal_()
        method.head.classifier.bias.normal_()
    return method


def outputs(method, batch):
    """Return the head's three outputs for every row, read alone: [rows, 3]."""
    with torch.no_grad():
        states = [
            method.model.bert(inputs_embeds=method.model.get_input_embeddings()(ids)).last_hidden_state[0, 0]
            for ids, _ in rows(batch)
        ]
        return torch.stack([method.head(state) for state in states])


@pytest.mark.parametrize("task", MEANS)
@pytest.mark.parametrize("trained_on", ["sst2", "mnli"])
def test_every_task_chooses_among_its_own_labels(task, trained_on):
    method, batch = made(trained_on), family_batch("bert", (5, 9, 3, 12, 7, 8, 4, 6), task=task)
    assert method.head.classifier.out_features == 3
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
    assert method.head.classifier.weight.grad.any(1).all(), (
        "also the one that a task of two classes has no use for"
    )


def test_the_order_is_that_of_the_class_ids():
    assert {task: unified_order(task_of(task)) for task in MEANS} == {
        "sst2": [0, 1, 2], "rte": [1, 0, 2], "mnli": [1, 2, 0], "mrpc": [0, 1, 2],
    }  # fmt: skip


def test_without_unified_labels_a_head_is_as_wide_as_its_task():
    assert made("sst2", unified=False).head.classifier.out_features == 2
    assert made("mnli", unified=False).head.classifier.out_features == 3
    batch = family_batch("bert", task="rte")
    method = made("rte", unified=False)
    found = outputs(method, batch)
    torch.testing.assert_close(method.logits(batch)[:, 0], found, rtol=1e-4, atol=1e-5)
    assert method.generate(batch)[:, 0].tolist() == found.argmax(-1).tolist()


def test_a_task_without_unified_labels_cannot_share_the_head():
    with pytest.raises(InputError, match="CoLA has no classes in PET scaling"):
        made("cola")
