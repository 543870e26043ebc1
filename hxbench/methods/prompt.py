"""Prompt tuning: virtual tokens before the embedded text are all that is trained (Lester et al., 2021).

Of an encoder before its first token, of an encoder and a decoder before the encoder's input, of a decoder before
the text and its padding, which its positions count neither. SPoT begins with the prompt that another run trained
for a source task (Vu et al., 2022). Of PHA's rows the numbers are those of the published code of ATTEMPT, where it
has them from (PHA sheet, section 7); of PET scaling's see its sheet, section 4.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.load import Backbone
from hxbench.closed import Closed, added
from hxbench.methods.method import Method, Reason, Setup
from hxbench.methods.options import PetOptions, StageTraining
from hxbench.modules.soft_prompt import EMBEDDING, sampled_prompt, take_prompt
from hxbench.spec.run_spec import Positive, RunSpec, TaskName, TrainingSpec

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
    model: Any = backbone.model
    words = model.get_input_embeddings()
    size, width = words.weight.shape
    if start == "normal" or (start == "published" and backbone.family.prompt == "normal"):
        return torch.empty(tokens, width).normal_(std=std)
    rows = torch.arange(tokens, device=words.weight.device) % size  # a small vocabulary may have fewer
    found: Tensor = words(rows).detach()  # as texts get them: Gemma's are scaled
    return found


class PromptTuning(Method):
    """One prompt, whatever the task: 100·H parameters with 100 tokens at width H."""

    Options: ClassVar[type[Closed]] = PromptOptions
    imports: ClassVar[tuple[str, ...]] = ("peft",)
    transfers = True

    def __init__(self, setup: Setup, options: PromptOptions) -> None:
        super().__init__(setup, options)
        self.tokens = options.tokens
        if options.start == "sampled":
            first = sampled_prompt(self.backbone, options.tokens, options.sample_from)
        else:
            first = first_tokens(self.backbone, options.tokens, options.start, options.std)
        self.soft = nn.ModuleDict({"embedding": nn.Embedding.from_pretrained(first, freeze=False)})

    def own(self) -> Tensor:
        """Return the prompt, [tokens, hidden]."""
        embedding = self.soft["embedding"]
        assert isinstance(embedding, nn.Embedding)
        return embedding.weight

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor | None:
        """Return the same prompt for every row, [batch, tokens, hidden]."""
        return self.own().expand(len(embedded), -1, -1)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The prompt."""
        return {"prompt": list(self.soft.parameters())}


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
    kept = {name: getattr(options, name) for name in PromptOptions.model_fields}
    own = PromptOptions(**kept)
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
