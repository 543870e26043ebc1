"""How BERT answers: a head on what it makes of the first piece chooses among the classes of the one task.

A batch's targets are class ids, one a row: [batch, 1].
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from hxbench.encoding.text_batch import TextBatch
from hxbench.errors import InputError
from hxbench.methods.text_method import TextCondition, TextMethod, prompted, seen
from hxbench.modules.heads import TaggingHead
from hxbench.tasks import TextTask, text_task

Head = Literal["first", "pooled"]


def require_classes(task: TextTask) -> int:
    """Return the number of classes of a task; `InputError` for one that is answered in numbers or in text."""
    if task.kind != "classification":
        raise InputError(
            f"{task.title} has no classes to choose among: an encoder alone, such as BERT, cannot answer it."
        )
    return len(task.labels)


class Classifier(TextMethod):
    """A method on an encoder alone, of one task with classes."""

    stacks = ("encoder",)

    def __init__(self, *arguments: Any, head: Head = "first", **others: Any) -> None:
        """Build the head: linear on the first piece's state, or on a new tanh layer over that (`pooled`).

        BERT's own pooler is not in the masked language models that backbones are loaded as.
        """
        super().__init__(*arguments, **others)
        if len(self.places) != 1:
            raise InputError(f"a classifier is of one task, not of {', '.join(self.places)}.")
        classes, hidden = require_classes(text_task(*self.places)), self.backbone.hidden_size
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

    def logits(self, batch: TextBatch) -> Tensor:
        """Return the logits of the classes, [batch, 1, classes]."""
        first = self.first(batch)
        return self.head(first if self.pooler is None else self.pooler(first)).unsqueeze(1)

    @torch.no_grad()
    def generate(self, batch: TextBatch, longest: int = 1, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return the id of the most probable class of every row, [batch, 1]."""
        return self.logits(batch).argmax(-1)
