"""The contrastive losses of PHA against loops over pairs, in the paper's form and in the code's; odd batches."""

import math

import pytest
import torch

from hxbench.modules.contrastive import cosines, instance_loss, prototype_loss

TASKS = [0, 2, 0, 1, 2, 0, 3, 1]  # task 3 has nobody beside it


def vectors(count=8, size=5, seed=0):
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))


def averaged(losses, tasks, average):
    """`losses` by row; rows that are left out are not in it."""
    if average == "examples":
        return sum(losses.values()) / len(losses)
    means = []
    for task in sorted({tasks[row] for row in losses}):
        own = [loss for row, loss in losses.items() if tasks[row] == task]
        means.append(sum(own) / len(own))
    return sum(means) / len(means)


def slow_instance_loss(rows, tasks, temperature, denominator, average):
    losses = {}
    for i, anchor in enumerate(rows):
        partners = [j for j in range(len(rows)) if j != i and tasks[j] == tasks[i]]
        strangers = [j for j in range(len(rows)) if tasks[j] != tasks[i]]
        if not partners or not strangers:
            continue
        below = strangers if denominator == "negatives" else strangers + partners
        total = sum(math.exp(cosine(anchor, rows[j]) / temperature) for j in below)
        terms = [-math.log(math.exp(cosine(anchor, rows[j]) / temperature) / total) for j in partners]
        losses[i] = sum(terms) / len(terms)
    return averaged(losses, tasks, average)


def slow_prototype_loss(rows, prototypes, tasks, temperature, average):
    losses = {}
    for i, row in enumerate(rows):
        exps = [math.exp(cosine(row, k) / temperature) for k in prototypes]
        own = exps[tasks[i]]
        losses[i] = -math.log(own / (sum(exps) - own))
    return averaged(losses, tasks, average)


@pytest.mark.parametrize("average", ["tasks", "examples"])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
@pytest.mark.parametrize("denominator", ["negatives", "others"])
def test_the_instance_loss_is_that_of_the_loops(denominator, temperature, average):
    rows = vectors()
    found = instance_loss(
        rows, torch.tensor(TASKS), temperature=temperature, denominator=denominator, average=average
    )
    expected = slow_instance_loss(rows.tolist(), TASKS, temperature, denominator, average)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("average", ["tasks", "examples"])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_the_prototype_loss_is_that_of_the_loops(temperature, average):
    rows, prototypes = vectors(), vectors(5, seed=1)  # one of a task that is not in the batch
    found = prototype_loss(rows, prototypes, torch.tensor(TASKS), temperature=temperature, average=average)
    expected = slow_prototype_loss(rows.tolist(), prototypes.tolist(), TASKS, temperature, average)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_forms_differ():
    rows, tasks = vectors(), torch.tensor(TASKS)
    forms = [
        instance_loss(rows, tasks),
        instance_loss(rows, tasks, denominator="others"),
        instance_loss(rows, tasks, average="examples"),
        instance_loss(rows, tasks, temperature=0.1),
    ]
    assert len({round(float(loss), 4) for loss in forms}) == 4


def test_lengths_do_not_matter_and_half_precision_is_widened():
    rows, tasks = vectors(), torch.tensor(TASKS)
    stretched = rows * torch.arange(1, len(rows) + 1)[:, None]
    torch.testing.assert_close(instance_loss(stretched, tasks), instance_loss(rows, tasks))
    assert cosines(rows.bfloat16(), rows.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("denominator", ["negatives", "others"])
@pytest.mark.parametrize("tasks", [[1, 1, 1], [0, 1, 2], [0]], ids=["one task", "nobody alike", "one row"])
def test_without_a_pair_to_compare_the_loss_is_nothing(tasks, denominator):
    rows = vectors(len(tasks)).requires_grad_()
    loss = instance_loss(rows, torch.tensor(tasks), denominator=denominator)
    loss.backward()
    assert loss.item() == 0
    assert not rows.grad.any(), "zeros, not NaN"


def test_rows_that_are_left_out_still_count_as_strangers():
    rows = vectors().requires_grad_()
    instance_loss(rows, torch.tensor(TASKS)).backward()
    assert rows.grad.isfinite().all()
    assert rows.grad[TASKS.index(3)].any()


def test_a_single_prototype_has_no_loss():
    rows = vectors().requires_grad_()
    prototypes = vectors(1, seed=1).requires_grad_()
    loss = prototype_loss(rows, prototypes, torch.zeros(len(TASKS), dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert not rows.grad.any()
    assert not prototypes.grad.any()


def test_what_belongs_together_costs_less():
    tasks = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
    assert instance_loss(apart, tasks) < instance_loss(apart[[0, 2, 1, 3]], tasks)
    prototypes = torch.eye(2)
    close = prototype_loss(apart, prototypes, tasks)
    assert close < prototype_loss(apart, prototypes.flip(0), tasks)
    assert close < 0, "its own prototype is not in the denominator"
