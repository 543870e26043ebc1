"""The two contrastive losses of PHA, each in the paper's form and in that of the published code (PHA, section 4).

Both draw on cosine similarities over a temperature. What differs is what a similarity is compared with, and over
what the losses of the examples are averaged.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Denominator = Literal["negatives", "others"]
Average = Literal["tasks", "examples"]


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine similarity of every row of `one` [n, size] and of `other` [m, size], [n, m] in fp32."""
    return functional.normalize(one.float(), dim=-1) @ functional.normalize(other.float(), dim=-1).T


def instance_loss(
    instances: Tensor,
    tasks: Tensor,
    *,
    temperature: float = 1.0,
    denominator: Denominator = "negatives",
    average: Average = "tasks",
) -> Tensor:
    """Return what draws examples of one task together, a scalar (PHA, eq. 3 and 4).

    `instances` are [batch, size], `tasks` [batch]. An example's loss is the mean, over the others of its task, of
    -log(exp(similarity) / sum of exp over the examples of other tasks); in the code's form (`others`) the sum is
    over everyone else. The losses are averaged within each task and then over the tasks, in the code over all
    examples at once. An example that has nobody of its own task or nobody of another beside it is left out (the
    code leaves out only the former), so that a batch of one task has loss 0.
    """
    similarity = cosines(instances, instances) / temperature
    same = tasks[:, None] == tasks
    itself = torch.eye(len(tasks), dtype=torch.bool, device=tasks.device)
    partners, strangers = same & ~itself, ~same
    below = _log_sum(similarity, strangers if denominator == "negatives" else ~itself)
    pulled = (similarity * partners).sum(1) / partners.sum(1).clamp(min=1)
    return _mean(below - pulled, partners.any(1) & strangers.any(1), same, average)


def prototype_loss(
    instances: Tensor, prototypes: Tensor, tasks: Tensor, *, temperature: float = 1.0, average: Average = "tasks"
) -> Tensor:
    """Return what draws examples to their task's prototype and away from the others, a scalar (PHA, eq. 5 and 6).

    `instances` are [batch, size], `prototypes` [tasks, size], `tasks` [batch]. An example's loss is
    -log(exp(similarity to its own) / sum of exp over the other prototypes), which may be negative; the code has
    the same sum. Averages are as in `instance_loss`. With a single prototype there is nothing to compare it with:
    the loss is 0.
    """
    similarity = cosines(instances, prototypes) / temperature
    own = functional.one_hot(tasks, len(prototypes)).bool()
    counted = own.any(1) if len(prototypes) > 1 else torch.zeros_like(tasks, dtype=torch.bool)
    loss = _log_sum(similarity, ~own) - (similarity * own).sum(1)
    return _mean(loss, counted, tasks[:, None] == tasks, average)


def _log_sum(similarity: Tensor, counted: Tensor) -> Tensor:
    # not minus infinity: a row that counts nobody is left out later, but the gradient of its sum must be a number
    return similarity.masked_fill(~counted, torch.finfo(similarity.dtype).min).logsumexp(1)


def _mean(losses: Tensor, counted: Tensor, same: Tensor, average: Average) -> Tensor:
    """Return the mean over counted rows, or over tasks of the means in each; 0 when there are none.

    By masks alone, so that no device is asked what a batch holds.
    """
    # a task is counted as a whole or not at all
    alike = same.sum(1) if average == "tasks" else torch.ones_like(counted)
    weights = counted / alike
    return (torch.where(counted, losses, 0.0) * weights).sum() / weights.sum().clamp(min=1)
