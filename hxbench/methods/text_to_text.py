"""What the methods that answer in text have in common: an encoder and a decoder, told apart by the condition.

A batch may hold several tasks, so a condition has a task for every row, and weights may differ from row to row.
The weights of the encoder's sites are asked for first, those of the decoder's when the encoder has read the texts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.encoding.text_batch import IGNORED, TextBatch
from hxbench.methods.text_method import TextCondition, TextMethod, prompted, seen

FEW_PIECES = 16  # to write no more than these, reading them again costs less than keeping keys and values


class Encoded(NamedTuple):
    """Texts as the encoder leaves them; virtual tokens stand before the pieces."""

    states: Tensor  # [batch, virtual + length, hidden]
    mask: Tensor  # [batch, virtual + length]
    pooled: Tensor  # [batch, hidden], the mean over the real pieces
    tasks: Tensor  # [batch]
    task: int | None = None  # the one task of all rows, as in `TextCondition`


class TextToText(TextMethod):
    """A method on an encoder and a decoder."""

    stacks = ("encoder-decoder",)

    def extra_loss(self, encoded: Encoded) -> Tensor | None:
        """Return what is added to the cross-entropy of the rows at hand, a mean over them."""
        return None

    def meet(self, encoded: Iterable[Encoded]) -> dict[str, Any]:
        """Be shown the examples of a new task before it is tuned to them; return what is worth writing down."""
        return {}

    def encode(self, batch: TextBatch) -> Encoded:
        """Return the texts as the encoder leaves them."""
        model: Any = self.model
        embedded = model.get_input_embeddings()(batch.input_ids)
        text = prompted(embedded, batch.attention_mask, self.prompt(embedded, batch))
        task = self.places.get(batch.task)
        with self.sites.using(self.adapter_weights(TextCondition("encoder", batch.tasks, None, task))):
            encoder = model.get_encoder()
            states = encoder(inputs_embeds=text.embedded, attention_mask=seen(text.mask)).last_hidden_state
        real = batch.attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (text.own(states) * real).sum(1) / real.sum(1)
        return Encoded(states, text.mask, pooled, batch.tasks, task)

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
            attention_mask=seen(encoded.mask),
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

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the loss of a method that adds nothing to it."""
        return super().cross_entropy_in(loss) if type(self).extra_loss is TextToText.extra_loss else None

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
