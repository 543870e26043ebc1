"""Prompt tuning: virtual tokens before the encoder's input are all that is trained (Lester et al., 2021).

SPoT begins with the prompt that another run trained for a source task (Vu et al., 2022). The numbers are those of
the published code of ATTEMPT, where PHA has its rows from (PHA sheet, section 7).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from hxbench.backbones.load import Backbone
from hxbench.closed import Closed
from hxbench.encoding.text_batch import TextBatch
from hxbench.methods.text_to_text import TextToText
from hxbench.modules.soft_prompt import EMBEDDING, soft_prompt, take_prompt
from hxbench.spec import Positive, Rate, RunSpec, TaskName, TrainingSpec

SOURCE = "source"  # the role of the run that another begins with


class PromptOptions(Closed):
    """Size of the prompt, and what it begins as."""

    tokens: Positive = 100
    sample_from: Positive = 5000  # first entries of the vocabulary, whose embeddings virtual tokens start as


class PromptTuning(TextToText):
    """One prompt, for the one task of a run."""

    Options: ClassVar[type[Closed]] = PromptOptions
    imports: ClassVar[tuple[str, ...]] = ("peft",)

    def __init__(self, backbone: Backbone, *, options: PromptOptions, **others: Any) -> None:
        """Draw the prompt; `others` as every text-to-text method."""
        super().__init__(backbone, options=options, **others)
        self.tokens = options.tokens
        self.soft = soft_prompt(backbone, options.tokens, options.sample_from)

    def own(self) -> Tensor:
        """Return the prompt, [tokens, hidden]."""
        return self.soft(torch.arange(self.tokens, device=next(self.soft.parameters()).device))

    def prompt(self, embedded: Tensor, batch: TextBatch) -> Tensor:
        """Return the same prompt for every row, [batch, tokens, hidden]."""
        return self.own().expand(len(embedded), -1, -1)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The prompt."""
        return {"prompt": list(self.soft.parameters())}


class StageTraining(Closed):
    """How an earlier run that a prompt method builds on is trained; the rest is as in every training."""

    updates: Positive | None = None
    epochs: Rate | None = None  # exactly one of updates and epochs
    batch_size: Positive = 32
    lr: Rate = 0.3
    warmup: Annotated[int, Field(ge=0)] = 500
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    evaluate_every: Positive = 1000
    batches: Literal["homogeneous", "concatenated"] = "homogeneous"

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give exactly one of updates and epochs")
        return self


class SpotOptions(PromptOptions):
    """Which prompt is begun with."""

    source: TaskName = "mnli"
    source_training: StageTraining = StageTraining(epochs=20)


class Spot(PromptTuning):
    """Prompt tuning from the prompt of a source task."""

    Options: ClassVar[type[Closed]] = SpotOptions

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        """Return the run that tunes the source task's prompt."""
        options = SpotOptions.model_validate(spec.options)
        return {SOURCE: prompt_run(spec, options.source, options, options.source_training)}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Begin with a source task's prompt, or go on from a finished run."""
        if role != SOURCE:
            return super().take(role, tensors)
        return take_prompt(dict(self.named_parameters())[EMBEDDING], tensors, "the source task's prompt")


def prompt_run(spec: RunSpec, task: str, options: PromptOptions, training: StageTraining) -> RunSpec:
    """Return the run that tunes the prompt of one task: the same for every run that builds on it.

    With the numbers of the recipe `prompt` it is that recipe's run of the same seed.
    """
    own = PromptOptions(tokens=options.tokens, sample_from=options.sample_from)
    return earlier_run(spec, method="prompt", options=own, training=training, setting="single", task=task)


def earlier_run(spec: RunSpec, *, method: str, options: Closed, training: StageTraining, **model: Any) -> RunSpec:
    """Return a run that `spec` builds on: of the kind and the recipe `method`, on the whole of the same data.

    Of the training only what the numbers of any depend on is kept: precision, threads and the batches of scoring.
    `model` says which one of the setting it is.
    """
    ground = spec.training
    kept = {name: getattr(ground, name) for name in ("precision", "cpu_threads", "eval_batch_size")}
    return RunSpec(
        paper=spec.paper,
        method=method,
        kind=method,
        variant=spec.variant,
        seed=spec.seed,
        profile=spec.profile,
        options=options.model_dump(mode="json"),
        data=spec.data.model_copy(update={"train_examples": None, "train_share": None, "fingerprint": ""}),
        backbone=spec.backbone,
        training=TrainingSpec(**training.model_dump(), **kept),
        **model,
    )
