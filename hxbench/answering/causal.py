"""Answers in text by a decoder alone: source and target are one sequence, padded on the left."""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from hxbench.answering.answer import Answered, Answering, Encoded, Objective, log_likelihood
from hxbench.answering.stack import Stack
from hxbench.backbones.backbone import Backbone, name_of_cache
from hxbench.errors import InputError
from hxbench.tasks import Task
from hxbench.tasks.encoding.batch import IGNORED, Batch

if TYPE_CHECKING:
    from hxbench.methods.method import Method


class Joined(NamedTuple):
    """Parts of every row in one sequence, padding on the left."""

    ids: Tensor  # [batch, length]
    mask: Tensor  # [batch, length]
    first: Tensor  # [batch, length], 1 where a token is of the first part


def joined(*parts: tuple[Tensor, Tensor], padding: int) -> Joined:
    """Return (ids, mask) pairs, each [batch, some length] and padded anywhere, as one sequence a row.

    The real tokens of a row keep their order, those of an earlier part come first.
    """
    ids = torch.cat([ids for ids, _ in parts], dim=1)
    mask = torch.cat([mask.long() for _, mask in parts], dim=1)
    first = torch.cat([mask.long() * (number == 0) for number, (_, mask) in enumerate(parts)], dim=1)
    order = mask.argsort(dim=1, stable=True)  # padding first
    mask = mask.gather(1, order)
    return Joined(ids.gather(1, order).masked_fill(mask == 0, padding), mask, first.gather(1, order))


def _branch(cache: Any) -> Any:
    """Return a cache that begins with the keys and values of another, which does not grow with it.

    A layer of it puts new tensors in the place of those it had, so that nothing has to be copied.
    """
    branch = copy(cache)
    branch.layers = [copy(layer) for layer in cache.layers]
    return branch


class CausalText(Answering):
    """The decoder writes the targets behind the sources.

    Positions go by the real tokens before one, so that padding on the left moves nothing.
    """

    name = "causal"
    stacks = ("decoder",)
    types = ("classification", "regression", "generation")

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], options: Any) -> None:
        super().__init__(backbone, tasks, options)
        # the published code of PET scaling has the loss over the whole sequence
        self.whole = getattr(options, "loss", "target") == "whole"

    def _sources(self, method: "Method", batch: Batch) -> tuple[Stack, Joined]:
        """Return what reads the sources alone, and the sources."""
        source = joined((batch.input_ids, batch.attention_mask), padding=self.backbone.padding)
        return Stack(method, self.backbone, batch, source.first), source

    def encode(self, method: "Method", batch: Batch) -> Encoded:
        stack, source = self._sources(method, batch)
        return stack.read(source.ids, source.mask)[0]

    def sequence(self, batch: Batch) -> Joined:
        """Return source and target of every row as the one sequence that is learned from."""
        target = (batch.targets, batch.targets != IGNORED)
        return joined((batch.input_ids, batch.attention_mask), target, padding=self.backbone.padding)

    def _read(self, method: "Method", batch: Batch) -> tuple[Joined, Encoded]:
        sequence = self.sequence(batch)
        encoded, _ = Stack(method, self.backbone, batch, sequence.first).read(sequence.ids, sequence.mask)
        return sequence, encoded

    def answer(self, method: "Method", batch: Batch) -> Answered:
        """Return the logits of the targets, [batch, target length, vocabulary]."""
        _, encoded = self._read(method, batch)
        states = encoded.own(encoded.states)
        # the states before a row's targets, which are its last ones: the head is most of a short pass
        count = (batch.targets != IGNORED).sum(1, keepdim=True)
        step = torch.arange(batch.targets.shape[1], device=states.device)
        before = (states.shape[1] - count + step - 1).clamp(0, states.shape[1] - 1)
        chosen = states.gather(1, before.unsqueeze(-1).expand(-1, -1, states.shape[2]))
        return Answered(self.backbone.mlm_head(chosen), encoded)

    def learn(self, method: "Method", batch: Batch) -> tuple[Tensor, Answered]:
        """Return this process's share of the loss, [], of the targets or of the whole sequence, and the answer.

        The first token of a sequence is never learned: nothing comes before it.
        """
        if not self.whole:
            return super().learn(method, batch)
        sequence, encoded = self._read(method, batch)
        first = sequence.mask.cumsum(1) <= 1  # padding, and the first token
        along = batch.targets[:, :1] == IGNORED  # a row that only goes along
        labels = sequence.ids.masked_fill(first | along, IGNORED)[:, 1:]
        logits = self.backbone.mlm_head(encoded.own(encoded.states)[:, :-1])
        return method.objective.share_of_loss(logits, labels, batch.tokens - batch.rows), Answered(logits, encoded)

    def learns_targets(self, objective: Objective) -> bool:
        """Return whether the loss is over the targets: that of a whole sequence hides what is not learned."""
        return super().learns_targets(objective) and not self.whole

    @torch.no_grad()
    def likelihoods(self, method: "Method", batch: Batch, answers: Sequence[Sequence[int]]) -> Tensor:
        """Return log p of every answer behind every text, [batch, answers]; a text is read once, into a cache."""
        stack, source = self._sources(method, batch)
        longest = max(map(len, answers))
        encoded, output = stack.read(source.ids, source.mask, written=longest - 1, use_cache=True)
        body: Any = self.backbone.body
        found, kept = [], name_of_cache()
        for ids in answers:
            targets = batch.tasks.new_tensor(ids).expand(len(batch.tasks), -1)
            states = encoded.states[:, -1:]
            if len(ids) > 1:
                more, cache = body.get_input_embeddings()(targets[:, :-1]), _branch(getattr(output, kept))
                behind = copy(stack).read_on(more, use_cache=True, **{kept: cache})
                states = torch.cat([states, behind.last_hidden_state], dim=1)
            found.append(log_likelihood(self.backbone.mlm_head(states), targets))
        return torch.stack(found, dim=1)

    @torch.no_grad()
    def generate(
        self, method: "Method", batch: Batch, longest: int, *, shortest: int = 0, beams: int = 1
    ) -> Tensor:
        """Return what the model writes behind the sources, greedily, [batch, at most `longest`]."""
        if beams != 1:
            raise InputError(f"a causal backbone answers greedily here: training.beams must be 1, not {beams}.")
        stack, source = self._sources(method, batch)
        encoded, output = stack.read(source.ids, source.mask, written=longest - 1, use_cache=True)
        body: Any = self.backbone.body
        embed, states, kept = body.get_input_embeddings(), encoded.states, name_of_cache()
        written: list[Tensor] = []
        ended = torch.zeros_like(batch.tasks, dtype=torch.bool)
        while True:
            logits = self.backbone.mlm_head(states[:, -1])
            if len(written) + 1 < shortest:
                logits[:, self.backbone.end] = -torch.inf
            written.append(logits.argmax(-1).masked_fill(ended, self.backbone.padding))
            ended |= written[-1] == self.backbone.end
            if len(written) == longest or bool(ended.all()):
                return torch.stack(written, dim=1)
            more = embed(written[-1].unsqueeze(1))
            output = stack.read_on(more, use_cache=True, **{kept: getattr(output, kept)})
            states = output.last_hidden_state
