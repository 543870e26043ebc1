"""What all ways to answer have in common: a text is read under a condition, and its targets get logits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import Side, Stacks
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed, added
from hxbench.errors import InputError
from hxbench.tasks import Task, TaskType
from hxbench.tasks.encoding.batch import IGNORED, Batch
from hxbench.tasks.encoding.classes import Form

if TYPE_CHECKING:
    from hxbench.methods.method import Method


Way = Literal["token", "class", "encoder-decoder", "causal"]  # names of ways to answer


class AnswerOptions(Closed):
    """What a run may choose about the way its backbone answers; ways that have no such choice do not look."""

    answering: Way | None = added(None)  # which way it is; without one it follows from family and tasks
    head: Literal["first", "pooled"] = added("first")  # of a class head: what it is fed
    loss: Literal["target", "whole"] = added("target")  # of a causal text: of which tokens
    dropout_in_backbone: bool = added(True)  # the published code of PET scaling has none under an APET


class Condition(NamedTuple):
    """What a method is told when it is asked for the weights of its sites."""

    task: str  # of the batch; `batch.MIXED` for several
    language: str
    place: int | None  # of that task in the method's list, where all rows have it
    tasks: Tensor  # [batch], the places of the rows' tasks
    side: Side | None = None  # whose sites are asked for; None for all
    pooled: Tensor | None = None  # [batch, hidden], what the reading side made of the texts, for the answering one


@dataclass(frozen=True)
class Objective:
    """How the cross-entropy of the targets becomes a loss."""

    label_smoothing: float = 0.0
    token_loss: Literal["mean", "sum"] = "mean"

    def share_of_loss(self, logits: Tensor, labels: Tensor, count: int) -> Tensor:
        """Return this process's share of the cross-entropy of `labels`, of which the global batch has `count`.

        Logits are [..., classes] and labels [...], -100 where nothing is learned.
        """
        loss = functional.cross_entropy(
            logits.float().flatten(0, -2),
            labels.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self.label_smoothing,
        )
        return loss / count if self.token_loss == "mean" else loss


class Encoded(NamedTuple):
    """Texts as the reading side leaves them; virtual tokens stand before the tokens."""

    states: Tensor  # [batch, virtual + length, hidden]: of the encoder, of one stack those of its last layer
    mask: Tensor  # [batch, virtual + length]
    virtual: int
    condition: Condition  # under which they were read; with `pooled` where that is known
    weights: Mapping[SiteKey, SiteWeights] | None = None  # of all sites, where the method gives them at once

    def own(self, states: Tensor) -> Tensor:
        """Return the states [batch, virtual + length, …] of the texts alone, [batch, length, …]."""
        return states[:, self.virtual :]


class Answered(NamedTuple):
    """The logits of a batch's targets, and what they were made from."""

    logits: Tensor  # [targets, classes] or [batch, target length, classes]
    encoded: Encoded


class Answering(nn.Module):
    """A way to answer; what it needs beside the backbone is its own, and is trained whatever the method."""

    name: ClassVar[str]
    stacks: ClassVar[tuple[Stacks, ...]]
    types: ClassVar[tuple[TaskType, ...]]  # of the tasks that it can be asked
    writes: ClassVar[bool] = True  # or gives labels and numbers by heads of its own

    @classmethod
    def form(cls, stacks: Stacks) -> Form:
        """Return what a backbone of these stacks gets of the examples of tasks of texts."""
        if cls.writes:
            return "written"
        return "marked" if stacks == "encoder" else "chosen"

    def __init__(self, backbone: Backbone, tasks: Sequence[Task], options: Any) -> None:
        super().__init__()
        self.backbone, self.tasks = backbone, {task.name: task for task in tasks}

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what has to be trained to answer at all, by name; no paper counts it."""
        return {}

    def encode(self, method: "Method", batch: Batch) -> Encoded:
        """Return the texts of a batch as the reading side leaves them, [batch, virtual + length, hidden]."""
        raise NotImplementedError

    def answer(self, method: "Method", batch: Batch) -> Answered:
        """Return the logits of the targets, [targets, classes] or [batch, target length, vocabulary]."""
        raise NotImplementedError

    def learn(self, method: "Method", batch: Batch) -> tuple[Tensor, Answered]:
        """Return this process's share of the cross-entropy over the global batch's targets, [], and the answer."""
        answered = method.answer(batch)
        return method.objective.share_of_loss(answered.logits, batch.targets, batch.count), answered

    def learns_targets(self, objective: Objective) -> bool:
        """Return whether the loss is the mean cross-entropy of the targets and nothing else."""
        return objective == Objective()

    def likelihoods(self, method: "Method", batch: Batch, answers: Sequence[Sequence[int]]) -> Tensor:
        """Return log p of the same answers, given by their tokens, behind every text, [batch, answers].

        That of an answer is the sum over its tokens. A text is read once, whatever the number of answers.
        """
        raise NotImplementedError

    def generate(
        self, method: "Method", batch: Batch, longest: int, *, shortest: int = 0, beams: int = 1
    ) -> Tensor:
        """Return what the model answers: ids of labels [targets] or [batch, 1], or of tokens [batch, length].

        Of written answers at most `longest` tokens, the end mark and what is none of it behind; greedy for one
        beam, of more the best. `longest` and `shortest` count the end mark.
        """
        raise NotImplementedError


class Prompted(NamedTuple):
    """Embedded texts behind their virtual tokens."""

    embedded: Tensor  # [batch, virtual + length, hidden]
    mask: Tensor  # [batch, virtual + length]
    virtual: int


def prompted(embedded: Tensor, mask: Tensor, prompt: Tensor | None) -> Prompted:
    """Return texts [batch, length, hidden] with a prompt [batch, virtual, hidden] before them."""
    if prompt is None:
        return Prompted(embedded, mask, 0)
    virtual = prompt.shape[1]
    embedded = torch.cat([prompt.to(embedded.dtype), embedded], dim=1)
    return Prompted(embedded, torch.cat([mask.new_ones(len(mask), virtual), mask], dim=1), virtual)


def require_length(backbone: Backbone, read: Prompted, written: int = 0) -> None:
    """Raise `InputError` for texts that are too long behind their virtual tokens for the backbone's positions.

    `written` tokens of an answer come behind them.
    """
    limit, length = backbone.longest, read.embedded.shape[1]
    if limit is not None and length + written > limit:
        text = f"{length - read.virtual} tokens of text" + (f" and {written} of an answer" if written else "")
        raise InputError(
            f"{read.virtual} virtual tokens and {text} are more than the {limit} positions of the backbone."
        )


def seen(mask: Tensor) -> Tensor | None:
    """Return a mask [batch, length] as the backbone gets it: none on the meta device, as it would look into it."""
    return None if mask.is_meta else mask


def log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """Return Σ log p [batch] of targets [batch, length] under their logits [batch, length, vocabulary]."""
    return logits.float().log_softmax(-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1).sum(1)


def mean_over(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean [batch, hidden] of states [batch, length, hidden] where a mask [batch, length] is 1."""
    real = mask.unsqueeze(-1).to(states.dtype)
    return (states * real).sum(1) / real.sum(1)
