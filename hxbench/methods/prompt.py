"""Prompt tuning: virtual tokens before the embedded text are all that is trained (Lester et al., 2021).

Of an encoder before its first token, of an encoder and a decoder before the encoder's input, of a decoder before
the text and its padding, which its positions count neither. It is `peft`'s prompt tuning in all but what is begun
with: words drawn among the first of the vocabulary, or those in their order. SPoT begins with the prompt that
another run trained for a source task (Vu et al., 2022). Of PHA's rows the numbers are those of the published code
of ATTEMPT, where it has them from (PHA sheet, section 7); of PET scaling's see its sheet, section 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions
from hxbench.backbones.backbone import Backbone
from hxbench.closed import Closed, added
from hxbench.methods.method import Reason
from hxbench.methods.options import PetOptions, StageTraining, stage_run
from hxbench.methods.peft import Peft
from hxbench.methods.peft_options import PeftOptions
from hxbench.modules.parameters import fill
from hxbench.spec.backbone import Positive
from hxbench.spec.run_spec import RunSpec, TaskName

EMBEDDING = "soft.embedding.weight"  # the name of a prompt among the trained parameters of every prompt method
SOURCE = "source"  # the role of the run that another begins with
Start = Literal["sampled", "published", "words", "normal"]


class PromptOptions(AnswerOptions):
    """Size of the prompt, and what it begins as."""

    tokens: Positive = 100
    # first entries of the vocabulary, whose embeddings virtual tokens are sampled from
    sample_from: Positive = 5000
    # those samples; the very first entries, in their order; or N(0, std²). PET scaling's published code has the
    # latter for BLOOM alone
    start: Start = added("sampled")
    std: Annotated[float, Field(gt=0)] = added(0.1)


def first_tokens(backbone: Backbone, tokens: int, start: str, std: float) -> Tensor:
    """Return virtual tokens [tokens, hidden] as they begin."""
    if start == "normal" or (start == "published" and backbone.family.prompt == "normal"):
        return torch.empty(tokens, backbone.embedded_size).normal_(std=std)
    found = first_words(backbone, tokens)
    return found[torch.arange(tokens, device=found.device) % len(found)]  # a small vocabulary may have fewer


def first_words(backbone: Backbone, count: int) -> Tensor:
    """Return the embeddings [count, hidden] of the first entries of the vocabulary, at most of all of them."""
    model: Any = backbone.model
    words = model.get_input_embeddings()
    rows = torch.arange(min(count, len(words.weight)), device=words.weight.device)
    found: Tensor = words(rows).detach()  # as texts get them: Gemma's are scaled
    return found


class SoftPrompt(Peft):
    """A type of `peft` whose virtual tokens begin as words drawn among the first of the vocabulary."""

    peft_type: ClassVar[str]

    @classmethod
    def configured(cls, options: Any) -> PeftOptions:
        return PeftOptions(type=cls.peft_type, num_virtual_tokens=options.tokens)  # type: ignore[call-arg]

    def configuration(self, **more: Any) -> Any:
        """Return the configuration, with words to begin as."""
        return super().configuration(prompt_tuning_init="SAMPLE_VOCAB", **more)

    def words(self) -> nn.Module:
        """Return the embeddings of those among which `peft` draws, with replacement."""
        return nn.Embedding.from_pretrained(first_words(self.backbone, self.options.sample_from))


class PromptTuning(SoftPrompt):
    """One prompt, whatever the task: 100·H parameters with 100 tokens at width H."""

    Options: ClassVar[type[Closed]] = PromptOptions
    peft_type = "PROMPT_TUNING"

    def _make(self) -> None:
        options = self.options
        if options.start == "sampled":
            super()._make()
            return
        first = first_tokens(self.backbone, options.tokens, options.start, options.std)
        with torch.random.fork_rng(devices=[]), torch.no_grad():  # what `peft` draws is not kept
            super()._make()
            self.own().copy_(first)

    def own(self) -> Tensor:
        """Return the prompt, [tokens, hidden]."""
        prompt: Tensor = self.soft.embedding.weight
        return prompt


class PetPromptOptions(PetOptions, PromptOptions):
    """Size of the prompt, and what it begins as, as runs of PET scaling store it."""

    sample_from: Positive = added(5000)
    start: Start = "published"
    std: Annotated[float, Field(gt=0)] = 0.1


class PetPrompt(PromptTuning):
    """The same with the start of PET scaling."""

    Options: ClassVar[type[Closed]] = PetPromptOptions


class SpotOptions(PromptOptions):
    """Which prompt is begun with."""

    source: TaskName = "mnli"
    source_training: StageTraining = StageTraining(epochs=20)


class Spot(PromptTuning):
    """Prompt tuning from the prompt of a source task."""

    Options: ClassVar[type[Closed]] = SpotOptions
    refused: ClassVar[Mapping[str, Reason]] = {"token": "needs text tasks"}

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        options = SpotOptions.model_validate(spec.options)
        return {SOURCE: prompt_run(spec, options.source, options, options.source_training)}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        if role != SOURCE:
            return super().take(role, tensors)
        return take_prompt(dict(self.named_parameters())[EMBEDDING], tensors, "the source task's prompt")


def take_prompt(prompt: nn.Parameter, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Put the prompt that a finished run of prompt tuning trained into `prompt`."""
    fill({EMBEDDING: prompt}, tensors, origin)


class EarlierPrompts(nn.ParameterDict):
    """Prompts [tokens, hidden] that earlier runs tuned, one a task: zeros until `take` brings them."""

    def __init__(self, tasks: Iterable[str], tokens: int, hidden: int) -> None:
        super().__init__({task: nn.Parameter(torch.zeros(tokens, hidden)) for task in tasks})
        self.missing = set(self)

    def take(self, task: str, tensors: Mapping[str, Tensor]) -> None:
        """Take over the trained tensors of a task's run: one prompt [tokens, hidden]."""
        take_prompt(self[task], tensors, f"the prompt of {task}")
        self.missing.discard(task)

    @property
    def lost(self) -> str | None:
        """The first task whose prompt has not come; None where all are there."""
        return next((task for task in self if task in self.missing), None)


def prompt_run(spec: RunSpec, task: str, options: PromptOptions, training: StageTraining) -> RunSpec:
    """Return the run that tunes the prompt of one task: the same for every run that builds on it.

    With the numbers of the recipe `prompt` it is that recipe's run of the same seed.
    """
    own = PromptOptions(**{name: getattr(options, name) for name in PromptOptions.model_fields})
    return stage_run(spec, method="prompt", options=own, training=training, setting="single", task=task)
