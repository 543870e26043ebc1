"""Answers to single tokens: a head a task on the states of those that carry a target, and a masked-LM head."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hxbench.answering.answer import Answered, Encoded
from hxbench.answering.heads import HeadAnswering
from hxbench.answering.stack import StackAnswering
from hxbench.backbones.backbone import Backbone
from hxbench.modules.heads import Head, OutputRows
from hxbench.tasks import Task
from hxbench.tasks.encoding.batch import Batch

if TYPE_CHECKING:
    from hxbench.methods.method import Method


def target_states(encoded: Encoded, batch: Batch) -> Tensor:
    """Return the states of the tokens that carry a target, [targets, hidden]."""
    assert batch.positions is not None
    return encoded.own(encoded.states).flatten(0, 1)[batch.positions]


class TokenHeads(HeadAnswering):
    """A linear head for each task that tags words (Hyper-X, section 3).

    A decoder has not seen what comes behind a token: its words carry labels at their last
    (`DataSpec.label_token`).
    """

    name = "token"
    stacks = ("encoder", "decoder")
    types = ("tagging",)

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], options: Any) -> None:
        super().__init__(backbone, tasks, options)
        self.heads = nn.ModuleDict({task.name: Head(backbone.hidden_size, len(task.labels)) for task in tasks})

    def answer(self, method: "Method", batch: Batch) -> Answered:
        """Return the logits at the targets in fp32, [targets, labels]."""
        encoded = self.encode(method, batch)
        logits = self.logits(method, target_states(encoded, batch), batch, self._tasks(batch))
        return Answered(logits.float(), encoded)

    def _tasks(self, batch: Batch) -> Tensor:
        assert batch.positions is not None
        return batch.tasks[batch.positions // batch.input_ids.shape[1]]

    def learn(self, method: "Method", batch: Batch) -> tuple[Tensor, Answered]:
        """Return this process's share of the cross-entropy over the targets, [], and the answer."""
        answered = method.answer(batch)
        return self.loss(method, answered.logits, batch.targets, batch, self._tasks(batch)), answered

    @torch.no_grad()
    def generate(
        self, method: "Method", batch: Batch, longest: int, *, shortest: int = 0, beams: int = 1
    ) -> Tensor:
        """Return the id of the most probable label of every token with a target, [targets]."""
        return self.chosen(method.answer(batch).logits, batch.task)


class MaskedLM(StackAnswering):
    """Masked language modelling by the backbone's own head, of which a method says what is trained."""

    name = "masked-lm"
    stacks = ("encoder",)
    types = ("masked-lm",)

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], options: Any) -> None:
        super().__init__(backbone, tasks, options)
        self._rows: OutputRows | None = None

    def choose_among(self, tokens: Tensor) -> None:
        """Choose among some tokens alone, ascending ids [tokens]: all targets to come are among them."""
        self._rows = OutputRows(self.backbone.output, tokens)

    def answer(self, method: "Method", batch: Batch) -> Answered:
        """Return the logits at the masked tokens in fp32: [targets, vocabulary], or of what it chooses among."""
        encoded = self.encode(method, batch)
        with self._rows.in_place() if self._rows else nullcontext():
            return Answered(self.backbone.mlm_head(target_states(encoded, batch)).float(), encoded)

    def learn(self, method: "Method", batch: Batch) -> tuple[Tensor, Answered]:
        """Return this process's share of the cross-entropy over the masked tokens, [], and the answer."""
        answered = method.answer(batch)
        targets = self._rows.places(batch.targets) if self._rows else batch.targets
        return method.objective.share_of_loss(answered.logits, targets, batch.count), answered
