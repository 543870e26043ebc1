"""Choosing among a task's labels by how likely the model finds each, in the place of writing or beside it.

By the text of PET scaling a model that writes scores 0 by guessing; its Figure 7 has scores that only a choice
among labels could have given. With either way to answer each can be held against what it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.spec.run_spec import Choice
from hxbench.tasks import Task
from hxbench.tasks.encoding.batch import Batch
from hxbench.tasks.encoding.templates import Wording, label_texts
from hxbench.tasks.encoding.tokenizing import tokens_of


@dataclass(frozen=True)
class Labels:
    """The labels of a task that writes nothing, or not only: what they are called, and their tokens."""

    texts: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]  # as the model would have to write each, end mark included
    normalised: bool = False  # by the mean over a label's tokens, and not by their sum

    @classmethod
    def of(cls, tokenizer: Any, texts: Sequence[str], *, normalised: bool = False) -> Self:
        """Return labels by their texts; `InputError` for two that have the same tokens."""
        tokens = tuple((*ids, tokenizer.eos_token_id) for ids in tokens_of(tokenizer, list(texts)))
        for place, ids in enumerate(tokens):
            if (first := tokens.index(ids)) < place:
                raise InputError(
                    f"the backbone's tokenizer cannot tell these labels apart: {texts[first]}, {texts[place]}."
                )
        return cls(tuple(texts), tokens, normalised)

    @torch.no_grad()
    def scores(self, method: Method, batch: Batch) -> Tensor:
        """Return what the labels are chosen by, [batch, labels]: log p of their tokens, the sum or the mean."""
        found = method.likelihoods(batch, self.tokens)
        return found / found.new_tensor(list(map(len, self.tokens))) if self.normalised else found

    def chosen(self, method: Method, batch: Batch) -> list[str]:
        """Return the label with the greatest score of every row, of equal ones the first."""
        return [self.texts[place] for place in self.scores(method, batch).argmax(1).tolist()]

    def probabilities(self, method: Method, batch: Batch) -> list[list[float]]:
        """Return the share of every label among all of them, for every row: the softmax over their scores."""
        shares: list[list[float]] = self.scores(method, batch).double().softmax(1).tolist()
        return shares


def labels_of(tokenizer: Any, task: Task, score_step: float, wording: Wording, choose: Choice) -> Labels | None:
    """Return what a run chooses among on a task; None where it does not choose, or the task has no labels."""
    texts = label_texts(task, score_step, wording) if choose else ()
    return Labels.of(tokenizer, texts, normalised=choose == "normalised") if texts else None
