"""What the methods that answer in text have in common: an encoder and a decoder, told apart by the condition.

A batch may hold several tasks, so a condition has a task for every row, and weights may differ from row to row.
The weights of the encoder's sites are asked for first, those of the decoder's when the encoder has read the texts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.encoding.text_batch import IGNORED, TextBatch
from hxbench.methods.method import Method
from hxbench.spec import Closed

Stack = Literal["encoder", "decoder"]
FEW_PIECES = 16  # to write no more than these, reading them again costs less than keeping keys and values


class TextCondition(NamedTuple):
    """What a method is told about the rows of a batch."""

    stack: Stack
    tasks: Tensor  # [batch], places in the method's list of tasks
    pooled: Tensor | None  # [batch, hidden], what the encoder made of the texts; None for its own sites
    task: int | None = None  # the one task of all rows, where it is known without asking the device


class Encoded(NamedTuple):
    """Texts as the encoder leaves them; virtual tokens stand before the pieces."""

    states: Tensor  # [batch, virtual + length, hidden]
    mask: Tensor  # [batch, virtual + length]
    pooled: Tensor  # [batch, hidden], the mean over the real pieces
    tasks: Tensor  # [batch]
    task: int | None = None  # the one task of all rows, as in `TextCondition`


@dataclass(frozen=True)
class Objective:
    """How the cross-entropy of the target pieces becomes a loss."""

    label_smoothing: float = 0.0
    token_loss: Literal["mean", "sum"] = "mean"


class TextToText(Method):
    """A method on an encoder and a decoder."""

    def __init__(
        self,
        backbone: Backbone,
        *,
        tasks: Sequence[str],
        options: Closed,
        new_task: str | None = None,
        objective: Objective | None = None,
    ) -> None:
        """Build on `backbone` for `tasks`, which a batch gives by their place.

        `new_task` is one that the method has no parameters for and is to be tuned to; its place is the last.
        """
        super().__init__(backbone, options)
        self.tasks, self.new_task = tuple(tasks), new_task
        known = self.tasks if new_task is None else (*self.tasks, new_task)
        self.places = {task: place for place, task in enumerate(known)}  # of the tasks in `TextBatch.tasks`
        self.objective = objective or Objective()

    def adapter_weights(self, condition: TextCondition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of every site of one stack; none at all leaves the backbone as it is."""
        return {}

    def prompt(self, embedded: Tensor, batch: TextBatch) -> Tensor | None:
        """Return virtual tokens for every row, [batch, virtual, hidden]; `embedded` are the pieces, likewise."""
        return None

    def extra_loss(self, encoded: Encoded) -> Tensor | None:
        """Return what is added to the cross-entropy of the rows at hand, a mean over them."""
        return None

    def meet(self, encoded: Iterable[Encoded]) -> dict[str, Any]:
        """Be shown the examples of a new task before it is tuned to them; return what is worth writing down."""
        return {}

    def encode(self, batch: TextBatch) -> Encoded:
        """Return the texts as the encoder leaves them: the one place that knows where virtual tokens stand."""
        model: Any = self.model
        embedded, mask = model.get_input_embeddings()(batch.input_ids), batch.attention_mask
        virtual = 0
        if (prompt := self.prompt(embedded, batch)) is not None:
            virtual = prompt.shape[1]
            embedded = torch.cat([prompt.to(embedded.dtype), embedded], dim=1)
            mask = torch.cat([mask.new_ones(len(mask), virtual), mask], dim=1)
        task = self.places.get(batch.task)
        with self.sites.using(self.adapter_weights(TextCondition("encoder", batch.tasks, None, task))):
            states = model.get_encoder()(inputs_embeds=embedded, attention_mask=_seen(mask)).last_hidden_state
        real = batch.attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states[:, virtual:] * real).sum(1) / real.sum(1)
        return Encoded(states, mask, pooled, batch.tasks, task)

    def decode(self, encoded: Encoded, decoder_ids: Tensor) -> Tensor:
        """Return the logits behind every piece of `decoder_ids` [batch, length], [batch, length, vocabulary]."""
        with self.sites.using(self._decoder_weights(encoded)):
            return self._decoded(encoded, decoder_ids)

    def _decoder_weights(self, encoded: Encoded) -> Mapping[SiteKey, SiteWeights]:
        return self.adapter_weights(TextCondition("decoder", encoded.tasks, encoded.pooled, encoded.task))

    def _decoded(self, encoded: Encoded, decoder_ids: Tensor) -> Tensor:
        from transformers.modeling_outputs import BaseModelOutput

        return self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded.states),
            attention_mask=_seen(encoded.mask),
            decoder_input_ids=decoder_ids,
            use_cache=False,
        ).logits

    def logits(self, batch: TextBatch) -> Tensor:
        """Return the logits of the target pieces, [batch, target length, vocabulary]."""
        return self.decode(self.encode(batch), self.shifted(batch.targets))

    def shifted(self, targets: Tensor) -> Tensor:
        """Return what the decoder reads to write `targets`: the start, then all but their last piece."""
        config: Any = self.model.config
        start = targets.new_full((len(targets), 1), config.decoder_start_token_id)
        shifted = torch.cat([start, targets[:, :-1]], dim=1)
        return shifted.masked_fill(shifted == IGNORED, config.pad_token_id)

    def forward(self, batch: TextBatch) -> Tensor:
        """Return this process's share of the loss of the global batch."""
        encoded = self.encode(batch)
        loss = self.cross_entropy(self.decode(encoded, self.shifted(batch.targets)), batch)
        if (extra := self.extra_loss(encoded)) is not None:
            own = (batch.targets[:, 0] != IGNORED).sum()  # a row that only goes along has no targets
            loss = loss + extra * own / batch.rows
        return loss

    def cross_entropy(self, logits: Tensor, batch: TextBatch) -> Tensor:
        """Return this process's share of the cross-entropy, given the logits of its target pieces."""
        loss = functional.cross_entropy(
            logits.float().flatten(0, 1),
            batch.targets.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self.objective.label_smoothing,
        )
        return loss / batch.count if self.objective.token_loss == "mean" else loss

    @torch.no_grad()
    def generate(self, batch: TextBatch, longest: int, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return what the model writes, [batch, at most `longest`], the end mark and what is none of it behind.

        Greedy for one beam; of more, the best. `longest` and `shortest` count the end mark.
        """
        encoded = self.encode(batch)
        if beams == 1 and shortest <= 1 and longest <= FEW_PIECES:
            with self.sites.using(self._decoder_weights(encoded)):
                return self._greedy(encoded, longest)
        return self._beams(encoded, longest, shortest, beams)

    def _greedy(self, encoded: Encoded, longest: int) -> Tensor:
        config: Any = self.model.config
        ids = encoded.tasks.new_full((len(encoded.tasks), 1), config.decoder_start_token_id)
        ended = torch.zeros_like(encoded.tasks, dtype=torch.bool)
        for _ in range(longest):
            following = self._decoded(encoded, ids)[:, -1].argmax(-1).masked_fill(ended, config.pad_token_id)
            ids = torch.cat([ids, following[:, None]], dim=1)
            ended |= following == config.eos_token_id
            if ended.all():
                break
        return ids[:, 1:]

    def _beams(self, encoded: Encoded, longest: int, shortest: int, beams: int) -> Tensor:
        from transformers.modeling_outputs import BaseModelOutput

        # the beams of a row stand next to each other, so each takes the weights of its row
        tasks, pooled = (value.repeat_interleave(beams, 0) for value in (encoded.tasks, encoded.pooled))
        model: Any = self.model
        with self.sites.using(self.adapter_weights(TextCondition("decoder", tasks, pooled, encoded.task))):
            ids = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded.states),
                attention_mask=encoded.mask,
                num_beams=beams,
                do_sample=False,
                max_new_tokens=longest,
                min_new_tokens=max(shortest - 1, 0),  # which does not count the end mark
            )
        return ids[:, 1:]


def _seen(mask: Tensor) -> Tensor | None:
    """Return a mask as the backbone gets it: it would look into one, which a meta tensor does not allow."""
    return None if mask.is_meta else mask
