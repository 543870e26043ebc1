"""What every method is: what is trained on top of a backbone, and where it acts.

weights = method.weights(condition)              # for many sites at once
site(hidden, weights[site])                      # the sites apply them

A method is the same whatever the backbone answers with (`hxbench.answering`): it is told a condition and gives
weights for sites, virtual tokens, or both, and may add to the loss.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from hxbench.answering import answering_of
from hxbench.answering.answer import Answered, Answering, AnswerOptions, Condition, Encoded, Objective
from hxbench.answering.classes import ClassHeads
from hxbench.answering.token import MaskedLM
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import Family, SiteRole, Stacks
from hxbench.backbones.sites import EMBEDDINGS, SiteKey, Sites, SiteWeights
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.modules.parameters import fill
from hxbench.spec.run_spec import START, RunSpec
from hxbench.tasks import ENGLISH, MLM, task_of
from hxbench.tasks.encoding.batch import Batch

# Why a method does not work with a way to answer: all reasons there are.
Reason = Literal["needs an MLM head", "needs token heads", "needs text tasks"]
PEFT_PREFIX = "base_model.model."  # what `peft` puts before the names of modules
_HEADS = "answering."  # what comes before the names of the parameters that an answer needs


@dataclass(frozen=True)
class Setup:
    """What a method is built for.

    A batch says by their places in `tasks` what task a row is of. `new_task` is one that the method has no
    parameters for and is to be tuned to; its place is behind the others. With `unified` labels tasks share a head.
    """

    backbone: Backbone
    tasks: tuple[str, ...]
    languages: tuple[str, ...] = (ENGLISH,)
    new_task: str | None = None
    seed: int = 0
    objective: Objective = field(default_factory=Objective)
    unified: bool = False


class Method(nn.Module):
    """A method on a backbone; subclasses say which sites, which weights, and what is trained."""

    Options: ClassVar[type[Closed]] = AnswerOptions
    roles: ClassVar[tuple[SiteRole | Literal["embeddings"], ...]] = ()  # of the sites it gives weights for
    # ways to answer, and stacks of backbones, that it does not work with, by name
    refused: ClassVar[Mapping[str, Reason]] = {}
    sided: ClassVar[bool] = False  # whether it is asked for the reading and the answering side one by one
    reads_first: ClassVar[bool] = False  # whether weights of the answering side depend on the pooled text
    uses_mlm: ClassVar[bool] = False  # whether masked language modelling is trained beside the labelled tasks
    needs_text: ClassVar[bool] = False  # whether it can do nothing for a language without raw text
    needs_labels: ClassVar[bool] = False  # whether it can do nothing for a language no task has a source in
    transfers: ClassVar[bool] = False  # nothing in it is of one task: it can be applied to others as it is
    probes: ClassVar[tuple[str, ...]] = ()  # tasks whose texts are looked at when a suite has been trained
    imports: ClassVar[tuple[str, ...]] = ()  # modules whose import is put off until a model is made
    options: Any  # as its class `Options` has them

    def __init__(self, setup: Setup, options: Closed) -> None:
        super().__init__()
        backbone = setup.backbone
        self.setup, self.options, self.backbone = setup, options, backbone
        self.model = backbone.model
        self.languages, self.new_task, self.objective = setup.languages, setup.new_task, setup.objective
        new = () if setup.new_task is None else (setup.new_task,)
        self.tasks = (*setup.tasks, *((MLM,) if self.uses_mlm and not new and self._has_mlm() else ()))
        self.places = {task: place for place, task in enumerate((*self.tasks, *new))}
        self.answering: Answering | None = None
        if answered := [task_of(task) for task in (*setup.tasks, *new)]:
            kind = answering_of(backbone.family.stacks, answered, getattr(options, "answering", None))
            more = {"unified": setup.unified} if issubclass(kind, ClassHeads) else {}
            self.answering = kind(backbone, answered, options, **more)
        self.masked_lm = MaskedLM(backbone, [task_of(MLM)], options) if MLM in self.tasks else None
        self.sites = Sites(backbone.body, backbone.family, self.positions())
        self._kept: dict[tuple[Any, ...], Mapping[SiteKey, SiteWeights]] | None = None
        # whether its loss has more in it than what the answers cost; then no label's entropy compares with it
        self.adds_loss = type(self).extra_loss is not Method.extra_loss
        self._removals: list[Callable[[], None]] = []
        self._values: list[tuple[nn.Parameter, Tensor]] = []  # of the backbone, as it came

    def _has_mlm(self) -> bool:
        """Return whether masked language modelling is one of its tasks: beside tagging words alone."""
        return self.backbone.chooses and all(task_of(task).type == "tagging" for task in self.setup.tasks)

    def positions(self) -> tuple[str, ...]:
        """Return the positions of the sites that it gives weights for."""
        inner = [role for role in self.roles if role != "embeddings"]
        outer = (EMBEDDINGS.position,) if len(inner) < len(self.roles) else ()
        return (*outer, *self.backbone.family.site_names(*inner))

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a run that a family of backbones cannot do, beyond what `refused` says."""
        require_sites(spec, family, [role for role in cls.roles if role != "embeddings"])

    @classmethod
    def refusal(cls, options: Mapping[str, Any], answering: str, stacks: Stacks) -> str | None:
        """Return why, with these options, it does not work with a way of stacks to answer; None if it does."""
        return cls.refused.get(answering) or cls.refused.get(stacks)

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        """Return the runs that have to be finished before this one, by the role they play for it.

        `texts` are the languages that have raw text; the specs are unresolved like `spec` itself.
        """
        return {}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Take over the trained weights of a finished run; `START`: go on from them."""
        if role != START:
            raise ValueError(f"{type(self).__name__} has no use for a run as {role}")
        fill(self.trained(), tensors, "the run it starts from")

    def start_training(self, updates: int) -> None:
        """Be told the number of updates before the first one; a resumed run is told again."""

    def updated(self, step: int) -> None:
        """Be told that the optimiser has made update `step` (from 1), while its gradients are still there."""

    def state(self) -> dict[str, Tensor]:
        """Return what a training goes on from beside the trained parameters."""
        return {}

    def take_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave before the training was stopped."""

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of sites under a condition; a site without any leaves the backbone as it is."""
        return {}

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor | None:
        """Return virtual tokens for every row, [batch, virtual, hidden].

        `embedded` [batch, length, hidden] are the tokens that they stand before; `text` [batch, length] is 1 at
        those of the text that is answered, which alone a prompt may depend on.
        """
        return None

    def peft(self) -> tuple[Any, dict[str, Tensor]] | None:
        """Return what it trained as `peft` has it, configuration and state; None where that has no such form.

        Names in the state are those of the file that `peft` saves, on the model that answers are written with.
        """
        return None

    def take_peft(self, state: Mapping[str, Tensor], origin: str) -> None:
        """Take over what `peft` returned, which `origin` names; `InputError` for a state that does not fit."""
        raise InputError(f"{origin}: this method does not take what peft saves.")

    def acting(self) -> AbstractContextManager[None]:
        """Return a context in which the backbone is read with what is trained in its own tensors."""
        return nullcontext()

    def extra_loss(self, answered: Answered, batch: Batch) -> Tensor | None:
        """Return what this process adds to its share of the cross-entropy, []; None where nothing is added."""
        return None

    def meet(self, encoded: Iterable[Encoded]) -> dict[str, Any]:
        """Be shown the examples of a new task before it is tuned to them; return what is worth writing down."""
        return {}

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what the method trains, by name of the part; everything else of the backbone stays frozen."""
        raise NotImplementedError

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what earlier runs trained for this one, by name of the part; of several alike, one."""
        return {}

    def drawn(self) -> list[nn.Parameter]:
        """Return the trained parameters whose places were drawn by chance: some may never get a gradient."""
        return []

    @property
    def answering_root(self) -> nn.Module:
        """What of the backbone answers are made with: the language-modelling head only where they are written."""
        if self.answering is None:
            return self.backbone.answering_root
        return self.model if self.answering.writes else self.body

    @property
    def body(self) -> nn.Module:
        """The backbone without any head; of one with two stacks the whole."""
        return self.backbone.body

    def condition(self, batch: Batch) -> Condition:
        """Return what the method is told about a batch."""
        return Condition(batch.task, batch.language, self.places.get(batch.task), batch.tasks)

    def condition_of(self, task: str, language: str) -> Condition:
        """Return what the method is told about a batch of one task and language."""
        place = self.places[task]
        device = next(self.parameters()).device
        return Condition(task, language, place, torch.full((1,), place, device=device))

    def weights_of(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights under a condition, inside of `keeping_weights` those that were generated before."""
        key = condition.task, condition.language, condition.side
        if self._kept is None or condition.place is None or self.reads_first:
            return self.weights(condition)
        if key not in self._kept:
            self._kept[key] = self.weights(condition)
        return self._kept[key]

    @contextmanager
    def keeping_weights(self) -> Iterator[None]:
        """Generate the weights of each condition only once inside the block: parameters must not change there."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def answering_for(self, task: str) -> Answering:
        """Return what answers a task: masked language modelling has a way of its own."""
        found = self.masked_lm if task == MLM else self.answering
        assert found is not None, f"nothing here answers {task}"
        return found

    def answer(self, batch: Batch) -> Answered:
        """Return the logits of the targets, and the texts as they were read."""
        return self.answering_for(batch.task).answer(self, batch)

    def forward(self, batch: Batch) -> Tensor:
        """Return this process's share of the global batch's loss, []: the shares of all processes add up to it."""
        with self.acting():
            loss, answered = self.answering_for(batch.task).learn(self, batch)
            extra = self.extra_loss(answered, batch) if self.adds_loss else None
            return loss if extra is None else loss + extra

    def logits(self, batch: Batch) -> Tensor:
        """Return the logits of the targets, [targets, classes] or [batch, target length, classes]."""
        with self.acting():
            return self.answer(batch).logits

    def encode(self, batch: Batch) -> Encoded:
        """Return the texts of a batch as the reading side leaves them."""
        with self.acting():
            return self.answering_for(batch.task).encode(self, batch)

    def generate(self, batch: Batch, longest: int = 1, *, shortest: int = 0, beams: int = 1) -> Tensor:
        """Return what the model answers: ids [targets] or [batch, length] (`Answering.generate`)."""
        with self.acting():
            return self.answering_for(batch.task).generate(self, batch, longest, shortest=shortest, beams=beams)

    def likelihoods(self, batch: Batch, answers: Sequence[Sequence[int]]) -> Tensor:
        """Return log p of the same answers behind every text, [batch, answers] (`Answering.likelihoods`)."""
        with self.acting():
            return self.answering_for(batch.task).likelihoods(self, batch, answers)

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the part of a loss [], just returned by `forward`, that is the targets' mean cross-entropy, [].

        It is what can be compared with the entropy of the labels; None where a loss does not have it.
        """
        plain = self.answering is None or self.answering.learns_targets(self.objective)
        return loss if plain and not self.adds_loss else None

    def train(self, mode: bool = True) -> Self:
        """Begin or end training: without dropout in the backbone it stays as it is when it answers."""
        super().train(mode)
        if not getattr(self.options, "dropout_in_backbone", True):
            self.model.eval()
        return self

    def all_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what is trained, with what has to be trained to answer at all."""
        return {**self.parts(), **(self.answering.parts() if self.answering else {})}

    def counted(self) -> int:
        """Return the number of parameters as the method's paper counts them: without what answers need."""
        return sum(p.numel() for parameters in self.parts().values() for p in parameters)

    def freeze(self) -> None:
        """Let gradients flow to the trained parts only."""
        self.requires_grad_(False)
        for parameters in self.all_parts().values():
            for parameter in parameters:
                parameter.requires_grad_(True)

    def part_sizes(self) -> dict[str, int]:
        """Return the number of parameters of each part that is trained, here or by the runs before."""
        parts = {**self.taken_parts(), **self.all_parts()}
        return {name: sum(p.numel() for p in parameters) for name, parameters in parts.items()}

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the trained parameters by name: what a checkpoint keeps."""
        return {name.removeprefix(_HEADS): p for name, p in self.named_parameters() if p.requires_grad}

    def adding(self, module: nn.Module, change: Callable[[Tensor, Tensor], Tensor | None]) -> None:
        """Add `change(input, output)` to what a stock module puts out, for as long as the method is there."""

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            added = change(inputs[0], output)
            return output if added is None else output + added

        self._removals.append(module.register_forward_hook(hook).remove)

    def keep(self) -> None:
        """Get ready to give the backbone back after a training of its own parameters, by a copy on the CPU."""
        own = {id(p) for parameters in self.parts().values() for p in parameters}
        self._values = [(p, p.detach().to("cpu", copy=True)) for p in self.model.parameters() if id(p) in own]

    @torch.no_grad()
    def remove(self) -> None:
        """Give the backbone back as it came: without sites and hooks, with the values that `keep` has kept."""
        self.sites.remove()
        for take_out in self._removals:
            take_out()
        self._removals = []
        for parameter, value in self._values:
            parameter.copy_(value)


def require_sites(spec: RunSpec, family: Family, roles: Collection[SiteRole]) -> None:
    """Raise `InputError` where a run's method acts at sites and a family has none of them."""
    if roles and not family.site_names(*roles):
        raise InputError(
            f"{spec.method} acts at {' and '.join(roles)}, but the entry of {family.title} has no such site."
        )


def seed_everything(*key: int) -> None:
    """Make what follows a function of `key`: the seed for initialisation, (seed, step, rank) for dropout."""
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))
