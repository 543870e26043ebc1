"""What several methods have: options, and the earlier runs that they build on."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from hxbench.answering.answer import AnswerOptions
from hxbench.closed import Closed
from hxbench.spec.backbone import Positive, Rate
from hxbench.spec.run_spec import DataSpec, RunSpec, TrainingSpec


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


def stage_run(spec: RunSpec, *, method: str, options: Closed, training: StageTraining, **model: Any) -> RunSpec:
    """Return a run that `spec` builds on: of the kind and the recipe `method`, on the whole of the same data.

    Of the training only what the numbers of any depend on is kept: precision, threads and the batches of scoring.
    `model` says which one of the setting it is.
    """
    kept = spec.training.model_dump(include={"precision", "cpu_threads", "eval_batch_size"})
    return earlier_run(
        spec,
        options=options,
        data=spec.data.model_copy(update={"train_examples": None, "train_share": None, "fingerprint": ""}),
        training=TrainingSpec(**training.model_dump(), **kept),
        method=method,
        kind=method,
        **model,
    )


def earlier_run(spec: RunSpec, *, options: Closed, data: DataSpec, training: TrainingSpec, **own: Any) -> RunSpec:
    """Return a run on the backbone of `spec`, of its paper and profile, with what is its own."""
    same = {name: getattr(spec, name) for name in ("paper", "variant", "seed", "profile", "backbone")}
    return RunSpec(**{**same, **own}, options=options.model_dump(mode="json"), data=data, training=training)
