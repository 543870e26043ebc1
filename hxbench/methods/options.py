"""Options that several methods have."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hxbench.answering.answer import AnswerOptions
from hxbench.closed import Closed
from hxbench.spec.run_spec import Positive, Rate


class PetOptions(AnswerOptions):
    """How a backbone answers, as runs of PET scaling store it."""

    head: Literal["first", "pooled"] = "first"
    loss: Literal["target", "whole"] = "target"


class StageTraining(Closed):
    """How an earlier run that a method builds on is trained; the rest is as in every training."""

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
