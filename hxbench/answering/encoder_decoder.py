"""Answers in text by an encoder and a decoder.

The weights of the encoder's sites are asked for first, those of the decoder's when the encoder has read the texts.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hxbench.answering.answer import (
    Answered,
    Answering,
    Encoded,
    log_likelihood,
    mean_over,
    prompted,
    require_length,
    seen,
)
from hxbench.backbones.backbone import name_of_cache
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.tasks.encoding.batch import IGNORED, Batch

if TYPE_CHECKING:
    from hxbench.methods.method import Method

FEW_TOKENS = 16  # to write no more than these, reading them again costs less than keeping keys and values


class EncoderDecoderText(Answering):
    """The decoder writes the targets."""

    name = "encoder-decoder"
    stacks = ("encoder-decoder",)
    types = ("classification", "regression", "generation")

    def encode(self, method: "Method", batch: Batch) -> Encoded:
        model: Any = self.backbone.model
        embedded = model.get_input_embeddings()(batch.input_ids)
        condition = method.condition(batch)
        prompt = method.prompt(embedded, batch.attention_mask, condition)
        text = prompted(embedded, batch.attention_mask, prompt)
        require_length(self.backbone, text)
        sided = method.sided or method.reads_first
        asked = condition._replace(side="reading") if sided else condition
        weights = method.weights_of(asked)
        with method.sites.using(weights):
            encoder = model.get_encoder()
            states = encoder(inputs_embeds=text.embedded, attention_mask=seen(text.mask)).last_hidden_state
        pooled = mean_over(states[:, text.virtual :], batch.attention_mask)
        condition = condition._replace(pooled=pooled)
        return Encoded(states, text.mask, text.virtual, condition, None if sided else weights)

    def answer(self, method: "Method", batch: Batch) -> Answered:
        encoded = self.encode(method, batch)
        return Answered(self.decode(method, encoded, self.shifted(batch.targets)), encoded)

    def decode(self, method: "Method", encoded: Encoded, decoder_ids: Tensor) -> Tensor:
        """Return the logits behind every token of `decoder_ids` [batch, length], [batch, length, vocabulary]."""
        with method.sites.using(self._weights(method, encoded)):
            return self._decoded(encoded, decoder_ids)

    def _weights(self, method: "Method", encoded: Encoded) -> Mapping[SiteKey, SiteWeights]:
        if encoded.weights is not None:
            return encoded.weights
        return method.weights_of(encoded.condition._replace(side="answering"))

    def _decoded(self, encoded: Encoded, decoder_ids: Tensor) -> Tensor:
        from transformers.modeling_outputs import BaseModelOutput

        more: dict[str, Tensor] = {}
        if (
            decoder_ids.is_meta
        ):  # without a mask the library looks into the ids, not into a mask of four dimensions
            (batch, length), device = decoder_ids.shape, decoder_ids.device
            more["decoder_attention_mask"] = torch.ones(batch, 1, length, length, dtype=torch.bool, device=device)
        return self.backbone.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded.states),
            attention_mask=seen(encoded.mask),
            decoder_input_ids=decoder_ids,
            use_cache=False,
            **more,
        ).logits

    def shifted(self, targets: Tensor) -> Tensor:
        """Return what the decoder reads to write targets [batch, length]: the start, then all but their last."""
        config: Any = self.backbone.model.config
        start = targets.new_full((len(targets), 1), config.decoder_start_token_id)
        shifted = torch.cat([start, targets[:, :-1]], dim=1)
        return shifted.masked_fill(shifted == IGNORED, config.pad_token_id)

    @torch.no_grad()
    def likelihoods(self, method: "Method", batch: Batch, answers: Sequence[Sequence[int]]) -> Tensor:
        """Return log p of every answer behind every text, [batch, answers]; the encoder reads a text once."""
        encoded = self.encode(method, batch)
        found = []
        with method.sites.using(self._weights(method, encoded)):
            for ids in answers:
                targets = batch.tasks.new_tensor(ids).expand(len(batch.tasks), -1)
                found.append(log_likelihood(self._decoded(encoded, self.shifted(targets)), targets))
        return torch.stack(found, dim=1)

    @torch.no_grad()
    def generate(
        self, method: "Method", batch: Batch, longest: int, *, shortest: int = 0, beams: int = 1
    ) -> Tensor:
        """Return what the model writes, [batch, at most `longest`], the end mark and what is none of it behind."""
        encoded = self.encode(method, batch)
        if beams == 1 and shortest <= 1 and longest <= FEW_TOKENS:
            with method.sites.using(self._weights(method, encoded)):
                return self._greedy(encoded, longest)
        return self._beams(method, encoded, longest, shortest, beams)

    def _greedy(self, encoded: Encoded, longest: int) -> Tensor:
        config: Any = self.backbone.model.config
        tasks = encoded.condition.tasks
        ids = tasks.new_full((len(tasks), 1), config.decoder_start_token_id)
        ended = torch.zeros_like(tasks, dtype=torch.bool)
        for _ in range(longest):
            following = self._decoded(encoded, ids)[:, -1].argmax(-1).masked_fill(ended, config.pad_token_id)
            ids = torch.cat([ids, following[:, None]], dim=1)
            ended |= following == config.eos_token_id
            if ended.all():
                break
        return ids[:, 1:]

    def _beams(self, method: "Method", encoded: Encoded, longest: int, shortest: int, beams: int) -> Tensor:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache
        from transformers.modeling_outputs import BaseModelOutput

        condition = encoded.condition
        assert condition.pooled is not None
        # the beams of a row stand next to each other, so each takes the weights of its row
        tasks, pooled = (value.repeat_interleave(beams, 0) for value in (condition.tasks, condition.pooled))
        weights = encoded.weights
        if weights is None:
            weights = method.weights_of(condition._replace(side="answering", tasks=tasks, pooled=pooled))
        model: Any = self.backbone.model
        with method.sites.using(weights):
            ids = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded.states),
                attention_mask=encoded.mask,
                num_beams=beams,
                do_sample=False,
                max_new_tokens=longest,
                min_new_tokens=max(shortest - 1, 0),  # which does not count the end mark
                # grows with the layers: the library's own has as many as the encoder, and a decoder may be deeper
                **{name_of_cache(): EncoderDecoderCache(DynamicCache(), DynamicCache())},
            )
        return ids[:, 1:]
