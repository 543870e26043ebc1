"""What the methods that answer texts have in common, whichever way the family of their backbone answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.encoding.text_batch import IGNORED, TextBatch
from hxbench.methods.method import Method

Stack = Literal["encoder", "decoder"]


class TextCondition(NamedTuple):
    """What a method is told about the rows of a batch."""

    stack: Stack
    tasks: Tensor  # [batch], places in the method's list of tasks
    pooled: Tensor | None  # [batch, hidden], what the encoder made of the texts; None for its own sites
    task: int | None = None  # the one task of all rows, where it is known without asking the device


@dataclass(frozen=True)
class Objective:
    """How the cross-entropy of the target pieces becomes a loss."""

    label_smoothing: float = 0.0
    token_loss: Literal["mean", "sum"] = "mean"


class TextMethod(Method):
    """A method that reads the sources of a `TextBatch` and answers with its targets."""

    transfers: ClassVar[bool] = False  # nothing in it is of one task: it can be applied to others as it is

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

    @classmethod
    def on(cls, backbone: Backbone, *, seed: int = 0, unified: bool = False, **others: Any) -> "TextMethod":
        """Return the method on a backbone, given what `__init__` takes; `seed` is the run's.

        `unified` says that tasks share their labels, which one that writes labels need not be told.
        """
        return cls(backbone, **others)

    def adapter_weights(self, condition: TextCondition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of every site of one stack; none at all leaves the backbone as it is."""
        return {}

    def prompt(self, embedded: Tensor, batch: TextBatch) -> Tensor | None:
        """Return virtual tokens for every row, [batch, virtual, hidden]; `embedded` are the pieces, likewise."""
        return None

    def answering_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what has to be trained for the family to answer at all, by name; no paper counts it."""
        return {}

    def logits(self, batch: TextBatch) -> Tensor:
        """Return the logits of the target pieces, [batch, target length, vocabulary or classes]."""
        raise NotImplementedError

    def forward(self, batch: TextBatch) -> Tensor:
        """Return this process's share of the loss of the global batch."""
        return self.cross_entropy(self.logits(batch), batch)

    def cross_entropy(self, logits: Tensor, batch: TextBatch) -> Tensor:
        """Return this process's share of the cross-entropy, given the logits of its target pieces."""
        return self.share_of_loss(logits, batch.targets, batch.count)

    def share_of_loss(self, logits: Tensor, labels: Tensor, count: int) -> Tensor:
        """Return this process's share of the cross-entropy of `labels`, of which the global batch has `count`.

        Logits are [..., classes] and labels [...], -100 where nothing is learned.
        """
        loss = functional.cross_entropy(
            logits.float().flatten(0, -2),
            labels.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self.objective.label_smoothing,
        )
        return loss / count if self.objective.token_loss == "mean" else loss

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the loss, unless it is of smoothed labels or a sum over the pieces."""
        return loss if self.objective == Objective() else None

    def generate(self, batch: TextBatch, longest: int, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return what the model answers, [batch, at most `longest`], the end mark and what is none of it behind.

        Greedy for one beam; of more, the best. `longest` and `shortest` count the end mark.
        """
        raise NotImplementedError


class Prompted(NamedTuple):
    """Embedded texts behind their virtual tokens; of everything made of them `own` leaves those out again."""

    embedded: Tensor  # [batch, virtual + length, hidden]
    mask: Tensor  # [batch, virtual + length]
    virtual: int

    def own(self, states: Tensor) -> Tensor:
        """Return the states [batch, virtual + length, …] of the texts alone, [batch, length, …]."""
        return states[:, self.virtual :]


def prompted(embedded: Tensor, mask: Tensor, prompt: Tensor | None) -> Prompted:
    """Return texts [batch, length, hidden] with `prompt` [batch, virtual, hidden] before them, padding included.

    The one owner of the offset: whoever reads what a backbone made of the texts asks `own`.
    """
    if prompt is None:
        return Prompted(embedded, mask, 0)
    virtual = prompt.shape[1]
    embedded = torch.cat([prompt.to(embedded.dtype), embedded], dim=1)
    return Prompted(embedded, torch.cat([mask.new_ones(len(mask), virtual), mask], dim=1), virtual)


def seen(mask: Tensor) -> Tensor | None:
    """Return a mask as the backbone gets it: it would look into one, which a meta tensor does not allow."""
    return None if mask.is_meta else mask
