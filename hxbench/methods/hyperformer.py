"""Hyperformer++: one hypernetwork a stack generates the adapters of all its layers and of all tasks.

From (task, layer, position) come the bottleneck and the LayerNorm behind it; the task embeddings serve both stacks
(Mahabadi et al., 2021; PHA sheet, section 7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.families import SiteRole
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.method import Method, Setup
from hxbench.modules.bottleneck import ACTIVATIONS, ActivationName, BottleneckWeights
from hxbench.modules.hypernetwork import BottleneckGenerator, in_full_precision, initialise_linear, projector
from hxbench.modules.per_row import for_rows
from hxbench.spec.backbone import Positive
from hxbench.spec.run_spec import START

ROLES: tuple[SiteRole, ...] = ("attention", "ffn")
NEW = "new_embedding"  # the parameter that a method for a new task has more than the one it starts from


class HyperformerOptions(AnswerOptions):
    """Sizes of the hypernetwork, and which task a new one is started from."""

    embedding: Positive = 64  # of the task, the layer and the position, each
    source_hidden: Positive = 128
    projected: Positive = 64
    reduction: Positive = 32  # the bottleneck is the model's width divided by it
    activation: ActivationName = "gelu_new"
    post_norm: bool = True  # a generated LayerNorm on an adapter's output
    train_norms: bool = True  # the backbone's layer normalisations
    initial_std: Annotated[float, Field(gt=0)] = 0.01
    # of a new task, the one it is most like, picked by hand as in Hyperformer's few-shot experiments
    closest: dict[str, str] = Field(default={"cb": "mnli", "scitail": "mnli", "boolq": "qnli"})


class TaskHypernetwork(nn.Module):
    """One generator for all layers and positions of a stack, and for all tasks.

    Linear layers N(0, std²) with bias 0; layer and position embeddings N(0, 1).
    """

    def __init__(self, layers: int, hidden: int, options: HyperformerOptions) -> None:
        super().__init__()
        self.layers = nn.Parameter(torch.randn(layers, options.embedding))
        self.positions = nn.Parameter(torch.randn(len(ROLES), options.embedding))
        self.projector = projector(3 * options.embedding, options.source_hidden, options.projected)
        self.norm = nn.LayerNorm(options.projected, eps=1e-6)  # T5's own
        bottleneck = max(1, hidden // options.reduction)
        self.generator = BottleneckGenerator(options.projected, hidden, bottleneck, options.post_norm)
        self.activation = ACTIVATIONS[options.activation]
        for part in (self.projector, self.generator):
            initialise_linear(part, options.initial_std)

    def forward(self, tasks: Tensor) -> BottleneckWeights:
        """Return the weights of all sites from one product, [sites, tasks] leading every tensor.

        `tasks` are the embeddings [tasks, size] of the tasks that are wanted. Of the sites, positions go faster
        than layers, as a backbone's sites are counted.
        """
        sites = (len(self.layers), len(self.positions))
        grid = (*sites, *tasks.shape)
        parts = [tasks.expand(grid), self.layers[:, None, None].expand(grid), self.positions[:, None].expand(grid)]
        made = self.generator(self.norm(self.projector(torch.cat(parts, dim=-1).flatten(0, 2))))
        lead = (sites[0] * sites[1], len(tasks))
        return replace(made.mapped(lambda rows: rows.unflatten(0, lead)), activation=self.activation)


class Hyperformer(Method):
    """Adapters after self-attention and after the feed-forward block, generated from (task, layer, position).

    At T5-base's shape with eight tasks 5,163,440 parameters, and 47,616 layer normalisations of the backbone.
    """

    Options: ClassVar[type[Closed]] = HyperformerOptions
    roles = ROLES
    sided = True

    def __init__(self, setup: Setup, options: HyperformerOptions) -> None:
        super().__init__(setup, options)
        backbone = self.backbone
        self.embeddings = nn.Parameter(torch.randn(len(self.tasks), options.embedding))
        self.hypernetworks = nn.ModuleDict(
            {
                stack.name: TaskHypernetwork(len(stack.layers), backbone.hidden_size, options)
                for stack in backbone.stacks
            }
        )
        self.new_embedding = nn.Parameter(torch.randn(1, options.embedding)) if self.new_task else None

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a finished run; a new task's embedding starts as that of the task it is closest to.

        Raises `InputError` where the options name none for it among the tasks of that run.
        """
        if role == START and self.new_task and NEW not in tensors:
            closest = self.options.closest.get(self.new_task)
            if closest not in self.tasks:
                known = ", ".join(self.tasks)
                raise InputError(f"options.closest: name a task that {self.new_task} is closest to (of {known}).")
            place = self.tasks.index(closest)
            tensors = {**tensors, NEW: tensors["embeddings"][place : place + 1]}
        super().take(role, tensors)

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of all sites of a stack from one product; the generator always runs in fp32.

        Generated for each task and not for each row: for the one task of a batch that has no other, or for all.
        """
        new = self.new_embedding
        tasks: Tensor = self.embeddings if new is None else torch.cat([self.embeddings, new])
        if condition.place is not None:
            tasks = tasks[condition.place : condition.place + 1]
        stacks = self.backbone.stacks
        if len(stacks) > 1 and condition.side is not None:
            stacks = stacks[:1] if condition.side == "reading" else stacks[1:]
        found: dict[SiteKey, SiteWeights] = {}
        with in_full_precision(tasks):
            for stack in stacks:
                made = self.hypernetworks[stack.name](tasks)
                each = for_rows(made, condition.tasks, alone=condition.place is not None)
                positions = {self.backbone.family.site_name(stack.name, role) for role in ROLES}
                found |= zip((key for key in self.sites.keys if key.position in positions), each, strict=True)
        return found

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        new = [] if self.new_embedding is None else [self.new_embedding]
        norms = {"layer_norms": self.backbone.norms()} if self.options.train_norms else {}
        return {
            "embeddings": [self.embeddings, *new],
            "hypernetworks": list(self.hypernetworks.parameters()),
            **norms,
        }
