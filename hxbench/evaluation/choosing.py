"""Choosing among a task's labels by their likelihood, next to what a model writes.

By the text of PET scaling a model that writes scores 0 by guessing; its Figure 7 has scores that only a choice
among labels could have given. With both rules each can be held against what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hxbench.encoding.batch import Batch
from hxbench.encoding.pieces import pieces_of
from hxbench.methods.method import Method


def spelled(tokenizer: Any, labels: Sequence[str]) -> dict[str, list[int]]:
    """Return the pieces of each label, end mark included, as a model would have to write it."""
    return {
        label: [*ids, tokenizer.eos_token_id]
        for label, ids in zip(labels, pieces_of(tokenizer, list(labels)), strict=True)
    }


@torch.no_grad()
def choose(method: Method, batch: Batch, labels: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the most likely label of every row, of equally likely ones the first: Σ log p of its pieces."""
    likely = torch.stack([_log_likelihood(method, batch, ids) for ids in labels.values()], dim=1)
    names = list(labels)
    return [names[place] for place in likely.argmax(1).tolist()]


def _log_likelihood(method: Method, batch: Batch, ids: Sequence[int]) -> Tensor:
    """Return the log-likelihood [batch] of the same answer behind every text."""
    targets = batch.targets.new_tensor(ids).expand(len(batch.tasks), -1)
    logits = method.logits(replace(batch, targets=targets, count=targets.numel()))
    return logits.float().log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1).sum(1)
