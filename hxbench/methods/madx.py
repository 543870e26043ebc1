"""MAD-X: a task adapter on the frozen adapter of a batch's language (Pfeiffer et al., 2020; Hyper-X, section 4).

The language adapters are trained by runs of their own, once each: every task, setting, partition and seed uses the
same. Exchanging the source's for the target's is all there is to transfer. With several source languages, which is
MAD-X MS, a batch has one of them, drawn by temperature like everybody's, and goes through that language's adapter.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.language_adapter import (
    AdapterParts,
    LanguageAdapter,
    LanguageAdapterOptions,
    MlmHead,
    stacked,
)
from hxbench.methods.method import Method, Reason, Setup
from hxbench.methods.options import earlier_run
from hxbench.modules.bottleneck import Bottlenecks
from hxbench.modules.parameters import fill
from hxbench.spec.backbone import Positive, Rate
from hxbench.spec.run_spec import DataSpec, RunSpec, TrainingSpec
from hxbench.tasks import TAGGING, suite_tasks

LANGUAGE_ADAPTER = (
    "language-adapter"  # the kind of those runs, and the role they play here, with a language's code
)


class LanguageTraining(Closed):
    """How the language adapters are trained; whatever is not here is as in every training."""

    updates: Positive = 100_000
    batch_size: Positive = 32
    lr: Rate = 1e-4  # not stated by the paper: AdapterHub's default for adapters
    warmup: Annotated[int, Field(ge=0)] = 4000
    masking: Annotated[float, Field(gt=0, lt=1)] = 0.15
    mlm_head: MlmHead = "transform"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # one for all, so that every run uses the same adapters


class MadXOptions(AnswerOptions):
    """Sizes of both kinds of adapters, and how the language adapters are trained."""

    language_bottleneck: Positive = 256
    task_bottleneck: Positive = 48
    invertible: bool = False
    initial_std: Annotated[float, Field(gt=0)] = 0.02
    language: LanguageTraining = LanguageTraining()


class MadX(Method):
    """One task adapter a task, each stacked on the adapter of the language at hand."""

    Options: ClassVar[type[Closed]] = MadXOptions
    roles = ("embeddings", "ffn_normed")
    refused: ClassVar[Mapping[str, Reason]] = LanguageAdapter.refused
    needs_text = True

    def __init__(self, setup: Setup, options: MadXOptions) -> None:
        super().__init__(setup, options)
        backbone = self.backbone
        layers, hidden, std = backbone.layer_count, backbone.hidden_size, options.initial_std
        # first, so that what they draw at random does not depend on the language adapters, which are replaced
        self.task_adapters = nn.ModuleDict(
            {task: Bottlenecks(layers, hidden, options.task_bottleneck, std) for task in self.tasks}
        )
        self.language_adapters = nn.ModuleDict(
            {
                code: AdapterParts(backbone, options.language_bottleneck, std, options.invertible)
                for code in self.languages
            }
        )
        self._taken: set[str] = set()

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        """Return the language adapters: of every language that has text, or of a few-shot run's own."""
        if spec.data.held_out:
            raise InputError(
                f"{spec.method} cannot hold out {spec.data.held_out[0]}: it has to train its adapter."
            )
        codes = [spec.few_shot.language] if spec.few_shot else texts
        return {f"{LANGUAGE_ADAPTER} {code}": _language_run(spec, code) for code in codes}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        kind, _, code = role.partition(" ")
        if kind != LANGUAGE_ADAPTER:
            super().take(role, tensors)
            return
        own = {name.removeprefix("adapter."): t for name, t in tensors.items() if name.startswith("adapter.")}
        fill(dict(self.language_adapters[code].named_parameters()), own, f"the language adapter of {code}")
        self._taken.add(code)

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the stacks of all layers: the language's adapter below, the task's above."""
        language, task = self.language_adapters[condition.language], self.task_adapters[condition.task]
        assert isinstance(language, AdapterParts)
        assert isinstance(task, Bottlenecks)
        if condition.language not in self._taken and not task.down.is_meta:  # nothing is computed on meta tensors
            raise InputError(f"the language adapter of {condition.language} is missing.")
        both = zip(language.bottlenecks.by_layer(), task.by_layer(), strict=True)
        return stacked(both, language.coupling)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"task_adapter": list(self.task_adapters.parameters())}

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """One of the language adapters, which are all of a size."""
        return {"language_adapter": list(self.language_adapters[self.languages[0]].parameters())}

    def counted(self) -> int:
        """All that MAD-X trains: an adapter for every language and every task, as Hyper-X adds up in Table 3.

        At mBERT's shape 16 · 4,730,880 + 2 · 894,528 = 77,483,136. The paper adds the rounded 16 · 4.7m and
        2 · 0.9m to 77.0m and prints 76m.
        """
        sizes = self.part_sizes()
        every_task = len(suite_tasks(TAGGING)) * sizes["task_adapter"] // len(self.tasks)
        return len(self.languages) * sizes["language_adapter"] + every_task


def _language_run(spec: RunSpec, code: str) -> RunSpec:
    """Return the run that trains a language's adapter: the same for every run of a task that needs it.

    Of the task's training only what the numbers of any training depend on is kept, precision and threads, and the
    vocabulary of masked language modelling; of its data only what concerns raw text.
    """
    options = MadXOptions.model_validate(spec.options)
    language = options.language
    adapter = LanguageAdapterOptions(
        bottleneck=options.language_bottleneck,
        mlm_head=language.mlm_head,
        **options.model_dump(include={"invertible", "initial_std"}),
    )
    training = TrainingSpec(
        mlm_masking=language.masking,
        selection="last",
        **language.model_dump(include={"updates", "batch_size", "lr", "warmup"}),
        **spec.training.model_dump(include={"mlm_vocabulary", "precision", "cpu_threads"}),
    )
    data = DataSpec(**spec.data.model_dump(include={"origin", "sandbox_seed", "text_sentences", "max_length"}))
    return earlier_run(
        spec,
        options=adapter,
        data=data,
        training=training,
        method="madx-language",
        kind=LANGUAGE_ADAPTER,
        setting="language",
        language=code,
        seed=language.seed,
    )
