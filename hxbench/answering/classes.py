"""Answers to whole texts by a head on what an encoder makes of the first token, or a decoder of the last.

A batch's targets are one a row, [batch, 1]: class ids, or numbers in thousandths where a task asks for these.

With unified labels the head is the same for all tasks, so that it can be applied to another one as it is. How the
paper lets tasks of two and of three classes share a head is not stated (PET scaling, appendix E); its random line
of BERT, 100 by the number of labels, holds where a task chooses among its own. So here every such head has three
outputs, for 0, 1 and 2, all of them in the loss; an answer is the most probable of the labels that the task has.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hxbench.answering.answer import Answered, Encoded
from hxbench.answering.heads import HeadAnswering
from hxbench.backbones.backbone import Backbone
from hxbench.modules.heads import Head
from hxbench.tasks import UNIFIED_LABELS, Task, unified_label
from hxbench.tasks.encoding.batch import Batch

if TYPE_CHECKING:
    from hxbench.methods.method import Method


def unified_order(task: Task) -> list[int]:
    """Return the unified labels, those of the task's classes by their ids first."""
    own = [unified_label(task, label) for label in range(len(task.labels))]
    return [*own, *(label for label in range(UNIFIED_LABELS) if label not in own)]


class ClassHeads(HeadAnswering):
    """A head for each task, or one for all where labels are unified: logits of classes, or one number."""

    name = "class"
    stacks = ("encoder", "decoder")
    types = ("classification", "regression")

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], options: Any, *, unified: bool = False) -> None:
        """Build the heads: linear on one token's state, or on a new tanh layer over that (`head: pooled`).

        BERT's own pooler is not in the masked language models that backbones are loaded as. A `unified` head has
        an output for each unified label, whatever the task.
        """
        super().__init__(backbone, tasks, options)
        self.unified, hidden = unified, backbone.hidden_size
        sizes = {task.name: len(unified_order(task) if unified else task.labels) or 1 for task in tasks}
        self.heads = nn.ModuleDict({name: Head(hidden, size) for name, size in sizes.items()})
        pooled = getattr(options, "head", "first") == "pooled"
        self.pooler = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh()) if pooled else None

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        pooler = [] if self.pooler is None else list(self.pooler.parameters())
        return {"heads": [*pooler, *self.heads.parameters()]}

    def segments(self, batch: Batch) -> Tensor | None:
        """Return which of two texts each token belongs to, [batch, length]: the first separator ends the first."""
        separator = getattr(self.backbone.tokenizer, "sep_token_id", None)
        if separator is None or getattr(self.backbone.model.config, "type_vocab_size", 0) < 2:
            return None
        ends = (batch.input_ids == separator).long()
        return ((ends.cumsum(1) - ends) > 0).long() * batch.attention_mask

    def classes(self, name: str) -> int:
        """Return how many classes of a task are in its loss: of a unified head all that it has outputs for."""
        return UNIFIED_LABELS if self.unified else super().classes(name)

    def head_logits(self, hidden: Tensor, name: str) -> Tensor:
        """Return the logits [n, classes] of a task, its classes by id and a unified head's others behind."""
        logits: Tensor = self.heads[name if name in self.heads else next(iter(self.heads))](hidden)
        return logits[:, unified_order(self.task(name))] if self.unified else logits

    def answer(self, method: "Method", batch: Batch) -> Answered:
        """Return the logits of the task's classes by id, [batch, 1, classes], or its number, [batch, 1, 1]."""
        encoded = self.encode(method, batch)
        state = self.state(encoded, batch)
        state = state if self.pooler is None else self.pooler(state)
        return Answered(self.logits(method, state, batch, batch.tasks).unsqueeze(1), encoded)

    def state(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return the state [batch, hidden] of every row's one token that may know the whole text.

        An encoder has a mark for that at the beginning. Of a decoder it is the last token, wherever padding is.
        """
        states = encoded.own(encoded.states)
        if self.backbone.family.stacks != "decoder":
            return states[:, 0]
        places = torch.arange(states.shape[1], device=states.device)
        last = (batch.attention_mask * places).argmax(1)
        return states.gather(1, last[:, None, None].expand(-1, -1, states.shape[2]))[:, 0]

    def learn(self, method: "Method", batch: Batch) -> tuple[Tensor, Answered]:
        """Return this process's share of the loss, [], and the answer."""
        answered = method.answer(batch)
        return self.loss(method, answered.logits[:, 0], batch.targets[:, 0], batch, batch.tasks), answered

    @torch.no_grad()
    def generate(
        self, method: "Method", batch: Batch, longest: int, *, shortest: int = 0, beams: int = 1
    ) -> Tensor:
        """Return the id of the most probable class of every row, or its number in thousandths, [batch, 1]."""
        return self.chosen(method.answer(batch).logits[:, 0], batch.task).unsqueeze(1)
