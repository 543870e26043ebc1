"""Reading with one stack, an encoder's or a decoder's.

A method whose upper half depends on the text gets what the lower half made of it: the states that go into the
middle layer, averaged over the tokens of the text.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from hxbench.answering.answer import (
    Answering,
    Condition,
    Encoded,
    Prompted,
    mean_over,
    prompted,
    require_length,
    seen,
)
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.tasks.encoding.batch import Batch

if TYPE_CHECKING:
    from hxbench.methods.method import Method


class Stack:
    """Reads sequences of one batch with a method's weights in their sites, step by step where answers are written.

    `text` [batch, length] is 1 where a token is one of the text that the answering side may know.
    """

    def __init__(self, method: "Method", backbone: Backbone, batch: Batch, text: Tensor) -> None:
        self.method, self.backbone, self.text = method, backbone, text
        self.condition: Condition = method.condition(batch)
        self.weights: Mapping[SiteKey, SiteWeights] = {}
        self.mask = text  # [batch, virtual + length], as the body gets it
        self._order: Tensor | None = None  # [batch, virtual + length], in which the body reads

    def read(
        self, ids: Tensor, mask: Tensor, *, segments: Tensor | None = None, written: int = 0, **more: Any
    ) -> tuple[Encoded, Any]:
        """Return sequences [batch, length] as the last layer leaves them, and all that the body put out.

        Behind them at most `written` more tokens are read on. Raises `InputError` where that is more than the
        backbone has positions for.
        """
        if self.backbone.family.stacks == "decoder":
            more.setdefault("use_cache", False)  # which it keeps by itself, for answers that are written
        body: Any = self.backbone.body
        embedded = body.get_input_embeddings()(ids)
        read = prompted(embedded, mask, self.method.prompt(embedded, self.text, self.condition))
        require_length(self.backbone, read, written)
        if segments is not None:
            more["token_type_ids"] = nn.functional.pad(segments, (read.virtual, 0))
        self._order = self._padding_first(read)
        self.mask = read.mask if self._order is None else read.mask.gather(1, self._order)
        embedded = read.embedded if self._order is None else _gathered(read.embedded, self._order)
        with self._acting(read.virtual):
            output = body(inputs_embeds=embedded, **self._around(self.mask), **more)
        states = self._as_asked(output.last_hidden_state)
        return Encoded(states, read.mask, read.virtual, self.condition), output

    def _padding_first(self, read: Prompted) -> Tensor | None:
        """Return the order [batch, virtual + length] that puts padding before virtual tokens too; None as it is.

        A layer that looks back no further than a window counts what is between, padding included.
        """
        family = self.backbone.family
        if not (read.virtual and family.counts_positions and family.padding == "left") or read.mask.is_meta:
            return None
        return read.mask.argsort(dim=1, stable=True)

    def _as_asked(self, states: Tensor) -> Tensor:
        """Return states [batch, virtual + length, hidden] of the body with those of virtual tokens first."""
        return states if self._order is None else _gathered(states, self._order.argsort(dim=1))

    @contextmanager
    def _acting(self, virtual: int) -> Iterator[None]:
        """Let the method's weights act; those of the upper half may only be known at the middle layer."""
        if not self.method.reads_first:
            self.weights = self.method.weights_of(self.condition)
            with self.method.sites.using(self.weights):
                yield
            return
        weights = dict(self.method.weights(self.condition._replace(side="reading")))

        def pool(_module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Any]) -> None:
            states = inputs[0] if inputs else named["hidden_states"]
            pooled = mean_over(self._as_asked(states)[:, virtual:], self.text)
            self.condition = self.condition._replace(side="answering", pooled=pooled)
            weights.update(self.method.weights(self.condition))

        self.weights = weights
        layers = self.backbone.stacks[0].layers
        handle = layers[len(layers) // 2].register_forward_pre_hook(pool, with_kwargs=True)
        try:
            with self.method.sites.using(weights):
                yield
        finally:
            handle.remove()

    def _around(self, mask: Tensor) -> dict[str, Any]:
        """Return what the body gets beside embedded texts, given their mask [batch, length].

        Where a family does not count positions by the mask, padding on the left would move them.
        """
        if not self.backbone.family.counts_positions:
            return {"attention_mask": seen(mask)}
        if mask.is_meta:  # without a mask the library looks into positions: not into a mask of four dimensions
            return {"attention_mask": mask.bool()[:, None, None].expand(-1, 1, mask.shape[1], -1)}
        return {"attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}

    def read_on(self, embedded: Tensor, **cache: Any) -> Any:
        """Return the body's output for more tokens [batch, tokens, hidden] of every row, with the same weights."""
        rows, tokens, _ = embedded.shape
        self.mask = torch.cat([self.mask, self.mask.new_ones(rows, tokens)], dim=1)
        around = self._around(self.mask)
        if "position_ids" in around:
            around["position_ids"] = around["position_ids"][:, -tokens:]
        with self.method.sites.using(self.weights):
            return self.backbone.body(inputs_embeds=embedded, **around, **cache)


def _gathered(states: Tensor, order: Tensor) -> Tensor:
    """Return states [batch, length, hidden] in an order [batch, length]."""
    return states.gather(1, order.unsqueeze(-1).expand_as(states))


class StackAnswering(Answering):
    """What reads texts with one stack, and answers when that has read them."""

    def encode(self, method: "Method", batch: Batch) -> Encoded:
        stack = Stack(method, self.backbone, batch, batch.attention_mask)
        encoded, _ = stack.read(batch.input_ids, batch.attention_mask, segments=self.segments(batch))
        return encoded

    def segments(self, batch: Batch) -> Tensor | None:
        """Return which of two texts each token belongs to, [batch, length]; None where a backbone is not told."""
        return None
