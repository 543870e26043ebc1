"""How a decoder alone answers, such as BLOOM: source and target are one sequence, padded on the left.

It writes the second part of that.
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from hxbench.encoding.text_batch import IGNORED, TextBatch
from hxbench.errors import InputError
from hxbench.methods.text_method import Prompted, TextCondition, TextMethod, prompted, seen

LossOver = Literal["target", "whole"]


class Joined(NamedTuple):
    """Source and target of every row in one sequence, padding on the left."""

    ids: Tensor  # [batch, length]
    mask: Tensor  # [batch, length]


def joined(*parts: tuple[Tensor, Tensor], padding: int) -> Joined:
    """Return (ids, mask) pairs, each [batch, some length] and padded anywhere, as one sequence a row.

    The real pieces of a row keep their order, those of an earlier part come first.
    """
    ids = torch.cat([ids for ids, _ in parts], dim=1)
    mask = torch.cat([mask.long() for _, mask in parts], dim=1)
    order = mask.argsort(dim=1, stable=True)  # padding first
    mask = mask.gather(1, order)
    return Joined(ids.gather(1, order).masked_fill(mask == 0, padding), mask)


class CausalText(TextMethod):
    """A method on a decoder alone."""

    stacks = ("decoder",)
    loss_over: LossOver = "target"  # the published code of PET scaling has the whole sequence

    def states(self, sequence: Joined, batch: TextBatch, **cache: Any) -> tuple[Tensor, Prompted, Any]:
        """Return the last states of the pieces [batch, length, hidden], what was read, and all of the output.

        ALiBi goes by the real pieces before one, so that padding on the left moves nothing; a family without it is
        told the positions.
        """
        body: Any = self.body
        embedded = body.get_input_embeddings()(sequence.ids)
        text = prompted(embedded, sequence.mask, self.prompt(embedded, batch))
        with self.sites.using(self._weights(batch)):
            output = body(inputs_embeds=text.embedded, **self._around(text.mask), **cache)
        return text.own(output.last_hidden_state), text, output

    def _around(self, mask: Tensor) -> dict[str, Any]:
        """Return what the backbone gets beside the embedded text, given its mask [batch, length]."""
        if not self.backbone.family.counts_positions:
            return {"attention_mask": seen(mask)}
        if (
            mask.is_meta
        ):  # without a mask the library looks into positions instead: not into one of four dimensions
            return {"attention_mask": mask.bool()[:, None, None].expand(-1, 1, mask.shape[1], -1)}
        return {"attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}

    def _weights(self, batch: TextBatch) -> Any:
        return self.adapter_weights(TextCondition("decoder", batch.tasks, None, self.places.get(batch.task)))

    def sequence(self, batch: TextBatch) -> Joined:
        """Return source and target of every row as the one sequence that is learned from."""
        return joined(
            (batch.input_ids, batch.attention_mask),
            (batch.targets, batch.targets != IGNORED),
            padding=self._config.pad_token_id,
        )

    def logits(self, batch: TextBatch) -> Tensor:
        """Return the logits of the target pieces, [batch, target length, vocabulary]."""
        states, _, _ = self.states(self.sequence(batch), batch, use_cache=False)
        # the states before a row's target pieces, which are its last ones: the head is most of a short pass
        count = (batch.targets != IGNORED).sum(1, keepdim=True)
        step = torch.arange(batch.targets.shape[1], device=states.device)
        before = (states.shape[1] - count + step - 1).clamp(0, states.shape[1] - 1)
        chosen = states.gather(1, before.unsqueeze(-1).expand(-1, -1, states.shape[2]))
        return self.backbone.mlm_head(chosen)

    def forward(self, batch: TextBatch) -> Tensor:
        """Return this process's share of the loss, over the target pieces or over the whole sequence.

        The first piece of a sequence is never learned: nothing comes before it.
        """
        if self.loss_over == "target":
            return super().forward(batch)
        sequence = self.sequence(batch)
        states, _, _ = self.states(sequence, batch, use_cache=False)
        first = sequence.mask.cumsum(1) <= 1  # padding, and the first piece
        along = batch.targets[:, :1] == IGNORED  # a row that only goes along
        labels = sequence.ids.masked_fill(first | along, IGNORED)[:, 1:]
        logits = self.backbone.mlm_head(states[:, :-1])
        return self.share_of_loss(logits, labels, batch.pieces - batch.rows)

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the loss where it is over the targets: that of a whole sequence hides what is not learned."""
        return super().cross_entropy_in(loss) if self.loss_over == "target" else None

    @torch.no_grad()
    def generate(self, batch: TextBatch, longest: int, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return what the model writes behind the sources, greedily, [batch, at most `longest`]."""
        if beams != 1:
            raise InputError(f"a causal backbone answers greedily here: training.beams must be 1, not {beams}.")
        source = joined((batch.input_ids, batch.attention_mask), padding=self._config.pad_token_id)
        states, text, output = self.states(source, batch, use_cache=True)
        embed, mask = self.body.get_input_embeddings(), text.mask  # type: ignore[operator]
        written: list[Tensor] = []
        ended = torch.zeros_like(batch.tasks, dtype=torch.bool)
        with self.sites.using(self._weights(batch)):
            while True:
                logits = self.backbone.mlm_head(states[:, -1])
                if len(written) + 1 < shortest:
                    logits[:, self._config.eos_token_id] = -torch.inf
                written.append(logits.argmax(-1).masked_fill(ended, self._config.pad_token_id))
                ended |= written[-1] == self._config.eos_token_id
                if len(written) == longest or bool(ended.all()):
                    return torch.stack(written, dim=1)
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
                around = self._around(mask)
                if "position_ids" in around:
                    around["position_ids"] = around["position_ids"][:, -1:]
                output = self.body(
                    inputs_embeds=embed(written[-1].unsqueeze(1)),
                    **around,
                    past_key_values=output.past_key_values,
                    use_cache=True,
                )
                states = output.last_hidden_state

    @property
    def _config(self) -> Any:
        return self.model.config
