"""How BERT answers: a head on what it makes of the first piece chooses among the classes of the one task.

A batch's targets are class ids, one a row: [batch, 1].

With unified labels the head is the same for all tasks, so that it can be applied to another one as it is. How the
paper lets tasks of two and of three classes share a head is not stated (PET scaling, appendix E); its random line
of BERT, 100 by the number of labels, holds where a task chooses among its own. So here every head has three
outputs, for 0, 1 and 2, all of them in the loss; an answer is the most probable of the labels that the task has.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from hxbench.encoding.text_batch import TextBatch
from hxbench.errors import InputError
from hxbench.methods.text_method import TextCondition, TextMethod, prompted, seen
from hxbench.modules.heads import TaggingHead
from hxbench.tasks import TEXT_TASKS, UNIFIED_LABELS, TextTask, text_task, unified_label

Head = Literal["first", "pooled"]


def require_classes(task: TextTask) -> int:
    """Return the number of classes of a task; `InputError` for one that is answered in numbers or in text."""
    if task.kind != "classification":
        raise InputError(
            f"{task.title} has no classes to choose among: an encoder alone, such as BERT, cannot answer it."
        )
    return len(task.labels)


def unified_order(task: TextTask) -> list[int]:
    """Return the unified labels, those of the task's classes by their ids first."""
    own = [unified_label(task, label) for label in range(len(task.labels))]
    return [*own, *(label for label in range(UNIFIED_LABELS) if label not in own)]


class Classifier(TextMethod):
    """A method on an encoder alone, of one task with classes."""

    stacks = ("encoder",)

    def __init__(self, *arguments: Any, head: Head = "first", unified: bool = False, **others: Any) -> None:
        """Build the head: linear on the first piece's state, or on a new tanh layer over that (`pooled`).

        BERT's own pooler is not in the masked language models that backbones are loaded as. A `unified` head has
        an output for each unified label, whatever the task.
        """
        super().__init__(*arguments, **others)
        if len(self.places) != 1:
            raise InputError(f"a classifier is of one task, not of {', '.join(self.places)}.")
        classes, hidden = require_classes(text_task(*self.places)), self.backbone.hidden_size
        self.unified = unified
        if unified:
            classes = len(unified_order(text_task(*self.places)))
        self.head = TaggingHead(hidden, classes)
        self.pooler = nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh()) if head == "pooled" else None

    def answering_parts(self) -> dict[str, Any]:
        """The head, which is always trained: before that it knows nothing of the classes."""
        pooler = [] if self.pooler is None else list(self.pooler.parameters())
        return {"head": [*pooler, *self.head.parameters()]}

    def first(self, batch: TextBatch) -> Tensor:
        """Return what the encoder makes of the first piece of every row, [batch, hidden]."""
        body: Any = self.body
        embedded = body.get_input_embeddings()(batch.input_ids)
        text = prompted(embedded, batch.attention_mask, self.prompt(embedded, batch))
        limit = self.model.config.max_position_embeddings  # type: ignore[union-attr]
        if text.embedded.shape[1] > limit:  # type: ignore[operator]
            raise InputError(
                f"{text.virtual} virtual tokens and {batch.input_ids.shape[1]} pieces are more than the {limit} "
                "positions of the backbone."
            )
        condition = TextCondition("encoder", batch.tasks, None, self.places.get(batch.task))
        with self.sites.using(self.adapter_weights(condition)):
            states = body(
                inputs_embeds=text.embedded,
                attention_mask=seen(text.mask),
                token_type_ids=self._segments(batch, text.virtual),
            ).last_hidden_state
        return text.own(states)[:, 0]

    def _segments(self, batch: TextBatch, virtual: int) -> Tensor | None:
        """Return which of two texts a piece is of: the second begins behind the first separator."""
        separator = getattr(self.backbone.tokenizer, "sep_token_id", None)
        if separator is None or self.model.config.type_vocab_size < 2:  # type: ignore[union-attr, operator]
            return None
        ends = (batch.input_ids == separator).long()
        second = ((ends.cumsum(1) - ends) > 0).long() * batch.attention_mask
        return nn.functional.pad(second, (virtual, 0))

    def _task(self, batch: TextBatch) -> TextTask:
        """Return the task of a batch, which with a unified head may be another than the head was trained on."""
        return TEXT_TASKS.get(batch.task) or text_task(*self.places)

    def logits(self, batch: TextBatch) -> Tensor:
        """Return the logits of the task's classes by id, [batch, 1, classes]; a unified head's others behind."""
        first = self.first(batch)
        logits = self.head(first if self.pooler is None else self.pooler(first))
        return (logits[:, unified_order(self._task(batch))] if self.unified else logits).unsqueeze(1)

    @torch.no_grad()
    def generate(self, batch: TextBatch, longest: int = 1, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return the id of the most probable class of every row, [batch, 1]."""
        logits = self.logits(batch)
        return (logits[..., : len(self._task(batch).labels)] if self.unified else logits).argmax(-1)
