"""ATTEMPT: a mixture, by attention, of frozen source prompts and of the target's own (Asai et al., 2022).

`peft` has no prompt that depends on the text: its virtual tokens are those of a task.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import Condition
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.method import Reason, Setup
from hxbench.methods.options import StageTraining
from hxbench.methods.prompt import SOURCE, EarlierPrompts, PromptOptions, PromptTuning, prompt_run
from hxbench.spec.backbone import Positive, Rate
from hxbench.spec.run_spec import RunSpec, TaskName


class AttemptOptions(PromptOptions):
    """Size of the attention, and which prompts it mixes.

    The published sources are these four and SQuAD and ReCoRD, which are not among the corpora here.
    """

    sources: Annotated[tuple[TaskName, ...], Field(min_length=1)] = ("mnli", "qnli", "qqp", "sst2")
    attention: Positive = 100
    temperature: Rate | None = None  # without one e times the hidden size: 2087 at T5-base, as published
    source_training: StageTraining = StageTraining(epochs=20)


class PromptAttention(nn.Module):
    """How much of each of several prompts an input takes, by what its tokens and theirs have at most (ATTEMPT).

    hidden → inner → hidden with SiLU between, no biases, then LayerNorm; its product with the prompts' maxima over
    their tokens, divided by the temperature, goes through a softmax.
    """

    def __init__(self, hidden: int, inner: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.down = nn.Linear(hidden, inner, bias=False)
        self.up = nn.Linear(inner, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, embedded: Tensor, mask: Tensor, prompts: Tensor) -> Tensor:
        """Return shares [batch, prompts], in fp32.

        `embedded` are the tokens [batch, length, hidden], `mask` [batch, length] is 0 at padding, which would
        otherwise win a maximum now and then; `prompts` are [prompts, tokens, hidden].
        """
        tokens = embedded.float().masked_fill(mask[..., None] == 0, torch.finfo(torch.float32).min)
        query = self.norm(self.up(nn.functional.silu(self.down(tokens.amax(1)))))
        return ((query @ prompts.float().amax(1).T) / self.temperature).softmax(-1)


class Attempt(PromptTuning):
    """For every example: its mixture of the source prompts and the target's, plus the target's once more."""

    Options: ClassVar[type[Closed]] = AttemptOptions
    refused: ClassVar[Mapping[str, Reason]] = {"token": "needs text tasks"}

    def __init__(self, setup: Setup, options: AttemptOptions) -> None:
        """Draw the target's prompt and the attention; the source prompts come with `take`."""
        super().__init__(setup, options)
        hidden = self.backbone.embedded_size
        self.attention = PromptAttention(hidden, options.attention, options.temperature or math.e * hidden)
        self.sources = EarlierPrompts(options.sources, options.tokens, hidden)

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        options = AttemptOptions.model_validate(spec.options)
        return {
            f"{SOURCE} {task}": prompt_run(spec, task, options, options.source_training)
            for task in options.sources
        }

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        kind, _, task = role.partition(" ")
        if kind != SOURCE:
            return super().take(role, tensors)
        return self.sources.take(task, tensors)

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor:
        """Return the prompt of every row, [batch, tokens, hidden]."""
        target = self.own()
        if self.sources.lost and not target.is_meta:  # nothing is computed on meta tensors
            raise InputError(f"the source prompt of {self.sources.lost} is missing.")
        prompts = torch.stack([*self.sources.values(), target])
        shares = self.attention(embedded, text, prompts)
        return torch.einsum("bp,pth->bth", shares, prompts) + target

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {**super().parts(), "attention": list(self.attention.parameters())}

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """One of the source prompts, which are all of a size."""
        return {"source_prompt": [next(iter(self.sources.values()))]}
