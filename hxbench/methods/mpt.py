"""MPT: a prompt shared by tasks, multiplied by rank-1 factors of each (Wang et al., 2023).

In the source stage the shared prompt and the factors of several tasks are trained together, and what they make of
a text is drawn to what a prompt makes of it that was tuned for its task alone. In the target stage one task goes
on from the shared prompt and the mean of the factors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hxbench.answering.answer import Answered, Condition, Encoded
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.method import Reason, Setup
from hxbench.methods.options import StageTraining, stage_run
from hxbench.methods.prompt import SOURCE, EarlierPrompts, PromptOptions, SoftPrompt, prompt_run
from hxbench.modules.parameters import fill
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks import suite_tasks
from hxbench.tasks.encoding.batch import IGNORED, Batch

TEACHER = "teacher"  # the role of a run that tuned the prompt of one source task
Weight = Annotated[float, Field(ge=0)]


class MultitaskPrompt(SoftPrompt):
    """What both stages have: the shared prompt and the factors of the run's tasks, N(0, 0.02²) as they begin."""

    refused: ClassVar[Mapping[str, Reason]] = {"token": "needs text tasks"}
    transfers = False
    peft_type = "MULTITASK_PROMPT_TUNING"

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        soft = self.soft
        return {
            "prompt": list(soft.embedding.parameters()),
            "factors": [soft.prefix_task_cols, soft.prefix_task_rows],
        }


class Distillation(Closed):
    """What the source stage learns beside its tasks, and how its teachers are trained.

    The weights are not known: 1 is the sum of the losses as they are.
    """

    distillation: Weight = 1.0  # of the divergence from the teacher's distribution, a target token
    hidden: Weight = 0.0  # of a text's mean squared difference of the encoder's states at its tokens
    teacher: StageTraining = StageTraining(epochs=20)


class MptSourceOptions(PromptOptions, Distillation):
    """Size of the prompt, and the distillation."""


class MptSource(MultitaskPrompt):
    """The source stage, on a suite."""

    Options: ClassVar[type[Closed]] = MptSourceOptions

    def __init__(self, setup: Setup, options: MptSourceOptions) -> None:
        super().__init__(setup, options)
        if type(self).extra_loss is MptSource.extra_loss:
            self.adds_loss = bool(options.distillation or options.hidden)
        self.teachers = EarlierPrompts(self.tasks, options.tokens, self.backbone.embedded_size)
        self._teaching = False

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        """Return the runs that tune the teachers' prompts, one for each task of the model."""
        options = MptSourceOptions.model_validate(spec.options)
        tasks = suite_tasks(spec.suite) if spec.suite else spec.together
        return {f"{TEACHER} {task}": prompt_run(spec, task, options, options.teacher) for task in tasks}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        kind, _, task = role.partition(" ")
        if kind != TEACHER:
            return super().take(role, tensors)
        return self.teachers.take(task, tensors)

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor | None:
        """Return the student's prompt, or in `_as_teacher` the teacher's, of every row [batch, tokens, hidden]."""
        if self._teaching:
            return torch.stack([self.teachers[task] for task in self.tasks])[condition.tasks]
        return super().prompt(embedded, text, condition)

    @contextmanager
    def _as_teacher(self) -> Iterator[None]:
        if self.teachers.lost:
            raise InputError(f"the prompt of the teacher for {self.teachers.lost} is missing.")
        training = self.model.training
        self._teaching = True
        self.model.eval()  # a teacher says the same every time
        try:
            with torch.no_grad():
                yield
        finally:
            self._teaching = False
            self.model.train(training)

    def extra_loss(self, answered: Answered, batch: Batch) -> Tensor | None:
        """Return this process's share of the distillation over the targets, []."""
        with self._as_teacher():
            taught = self.answer(batch)
        per_token = 1 / batch.count if self.objective.token_loss == "mean" else 1.0
        real = batch.targets != IGNORED
        loss = self.options.distillation * per_token * divergence(answered.logits, taught.logits, real)
        if self.options.hidden:
            apart = self._state_difference(answered.encoded, taught.encoded)
            loss = loss + self.options.hidden * (apart * real[:, 0]).sum() / batch.rows  # some rows only go along
        return loss

    def _state_difference(self, encoded: Encoded, taught: Encoded) -> Tensor:
        """Return the mean squared difference over the real tokens of each row, [batch]."""
        real = encoded.own(encoded.mask).float()
        apart = encoded.own(encoded.states - taught.states).float().square().mean(-1)
        return (apart * real).sum(1) / real.sum(1)

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """One of the teachers' prompts, which are all of a size."""
        return {"teacher_prompt": [next(iter(self.teachers.values()))]}


def divergence(logits: Tensor, wanted: Tensor, real: Tensor) -> Tensor:
    """Return KL(softmax of `wanted` ‖ softmax of `logits`) summed over the `real` positions, in fp32.

    Both are [batch, length, vocabulary], `real` is [batch, length].
    """
    terms = functional.kl_div(
        logits.float().log_softmax(-1), wanted.float().log_softmax(-1), log_target=True, reduction="none"
    )
    return (terms.sum(-1) * real).sum()


class MptOptions(PromptOptions):
    """The source stage that a target task goes on from."""

    suite: Literal["glue", "superglue"] = "glue"
    source: Distillation = Distillation()
    source_training: StageTraining = StageTraining(epochs=20, batches="concatenated")


class Mpt(MultitaskPrompt):
    """The target stage: the shared prompt and one task's factors, both tuned on."""

    Options: ClassVar[type[Closed]] = MptOptions

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        options = MptOptions.model_validate(spec.options)
        own = MptSourceOptions(
            tokens=options.tokens, sample_from=options.sample_from, **options.source.model_dump()
        )
        training = options.source_training
        made = {"setting": "multi", "suite": options.suite}
        return {SOURCE: stage_run(spec, method="mpt-source", options=own, training=training, **made)}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Begin with the shared prompt and the mean of the source tasks' factors, or go on from a finished run."""
        if role != SOURCE:
            return super().take(role, tensors)
        own = {f"soft.{name}": parameter for name, parameter in self.soft.named_parameters()}
        means = {name: t.mean(0, keepdim=True) if "prefix_task" in name else t for name, t in tensors.items()}
        return fill(own, means, "the source stage's prompt")
