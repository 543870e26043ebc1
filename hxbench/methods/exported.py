"""An export back on its backbone: adapters as fixed weights, a head, and what was trained of the body.

Its tensors, all fp32, by name:

- `sites.<n>.<k>.down.weight` [bottleneck, hidden], `….down.bias` [bottleneck], `….up.weight` [hidden, bottleneck],
  `….up.bias` [hidden], and with a LayerNorm on the up-projection's output `….norm.weight` and `….norm.bias`
  [hidden]: of the n-th site that the export lists the k-th adapter from below;
- `body.<name>`: the backbone's parameters that were trained, by their names in the body;
- `head.weight` [classes, hidden] and `head.bias` [classes]: the linear classifier of the task, and where it reads
  the first token through a tanh layer `pooler.weight` [hidden, hidden] and `pooler.bias` [hidden].
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.answering.classes import ClassHeads, unified_order
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.modules.bottleneck import ACTIVATIONS, ActivationName, BottleneckWeights, NormedStack
from hxbench.modules.heads import Head
from hxbench.modules.parameters import fill
from hxbench.printing import shortened
from hxbench.spec.backbone import Name
from hxbench.spec.recipe.family import Path, Position

TENSORS = {  # field of BottleneckWeights → name in the file
    "down": "down.weight", "down_bias": "down.bias", "up": "up.weight", "up_bias": "up.bias",
    "scale": "norm.weight", "shift": "norm.bias",
}  # fmt: skip


class Acting(Closed):
    """Where adapters act in the library's own model, for whoever loads them without hxbench."""

    module: Path  # whose output they change
    before: bool = False  # whose input they change
    fed_by: Path | None = None  # the module whose input they are fed
    residual: Path | None = None  # before an "add & norm": the module that is fed the residual
    argument: Annotated[int, Field(ge=0, le=1)] = 0  # as which of its inputs
    norm: Path | None = None  # the LayerNorm behind the sum


class SiteEntry(Closed):
    """One site of an export."""

    layer: Annotated[int, Field(ge=0, le=1000)]
    position: Name
    adapters: Annotated[int, Field(ge=1, le=8)] = 1  # on top of each other
    activation: ActivationName = "relu"
    at: Acting | None = None  # exports of before do not say


class ExportedOptions(AnswerOptions):
    """The sites of its adapters; none where the backbone itself was trained."""

    sites: Annotated[tuple[SiteEntry, ...], Field(max_length=4000)] = ()


class Exported(Method):
    """What was trained for one task as fixed weights; nothing in it is trained any more."""

    Options: ClassVar[type[Closed]] = ExportedOptions

    def positions(self) -> tuple[str, ...]:
        """Return the positions of the sites that are listed; `InputError` for one that the backbone has not."""
        known = self.backbone.family.positions
        for site in self.options.sites:
            if site.position not in known or site.layer >= self.backbone.layers_at(site.position):
                raise InputError(
                    f"the export has adapters at {shortened(site.position)} of layer {site.layer}, but this "
                    f"{self.backbone.family.title} has no such site."
                )
            if site.adapters > 1 and not _stacks(known[site.position]):
                raise InputError(f"{site.position} of the export takes one adapter, not {site.adapters}.")
        return tuple(dict.fromkeys(site.position for site in self.options.sites))

    def bring(self, tensors: Mapping[str, Tensor], origin: str) -> None:
        """Take over the adapters; `InputError` for tensors that are missing, of another shape or left over."""
        left = {name for name in tensors if name.startswith("sites.")}
        for number, site in enumerate(self.options.sites):
            for place in range(site.adapters):
                prefix = f"sites.{number}.{place}."
                own = {name.removeprefix(prefix): tensors[name] for name in left if name.startswith(prefix)}
                _require_shapes(own, self.backbone.hidden_size, f"{origin}: {prefix}")
                for field, name in TENSORS.items():
                    self.register_buffer(f"site_{number}_{place}_{field}", own.get(name))
                left -= {f"{prefix}{name}" for name in TENSORS.values()}
        if left:
            raise InputError(
                f"{origin}: tensors are left over ({len(left)}, such as {shortened(min(left), 120)})."
            )

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of all sites; `ValueError` for another pair than the one they were made for."""
        if self.options.sites and (condition.task, condition.language) != (self.tasks[0], self.languages[0]):
            raise ValueError(f"these adapters are for {self.tasks[0]}-{self.languages[0]} alone")
        found: dict[SiteKey, SiteWeights] = {}
        positions = self.backbone.family.positions
        for number, site in enumerate(self.options.sites):
            stack = [
                BottleneckWeights(
                    **{field: getattr(self, f"site_{number}_{place}_{field}") for field in TENSORS},
                    activation=ACTIVATIONS[site.activation],
                )
                for place in range(site.adapters)
            ]
            stacks = _stacks(positions[site.position])
            found[SiteKey(site.layer, site.position)] = NormedStack(stack) if stacks else stack[0]
        return found


def _stacks(position: Position) -> bool:
    """Return whether adapters are on top of each other at a position: before an "add & norm"."""
    return position.block is not None or position.residual is not None


def _require_shapes(own: Mapping[str, Tensor], hidden: int, where: str) -> None:
    bottleneck = len(own["down.bias"]) if "down.bias" in own and own["down.bias"].dim() else 0
    shapes = {
        "down.weight": (bottleneck, hidden), "down.bias": (bottleneck,), "up.weight": (hidden, bottleneck),
        "up.bias": (hidden,),
    }  # fmt: skip
    if any(name.startswith("norm.") for name in own):
        shapes |= {"norm.weight": (hidden,), "norm.bias": (hidden,)}
    for name, shape in shapes.items():
        if not bottleneck or name not in own or tuple(own[name].shape) != shape:
            raise InputError(f"{where}{name} is missing or does not fit a backbone of width {hidden}.")


def fixed_weights(method: Method, task: str, language: str) -> dict[SiteKey, list[BottleneckWeights]]:
    """Return the adapters of all sites, of each from below, that a method gives for a pair whatever the text.

    Raises `InputError` where they depend on the text, and for what is no bottleneck adapter.
    """
    condition = method.condition_of(task, language)
    with torch.no_grad():
        if not method.reads_first:
            return _apart(method.weights(condition))
        device, width = condition.tasks.device, method.backbone.hidden_size
        texts = [torch.full((1, width), value, device=device) for value in (0.0, 1.0)]
        one, other = (_apart(method.weights(condition._replace(side="answering", pooled=p))) for p in texts)
        if any(not torch.equal(a, b) for a, b in zip(_tensors(one), _tensors(other), strict=True)):
            raise InputError("its adapters depend on the text, so there are none to export.")
        return _apart(method.weights(condition._replace(side="reading"))) | one


def _apart(given: Mapping[SiteKey, SiteWeights]) -> dict[SiteKey, list[BottleneckWeights]]:
    found = {}
    for key, weights in given.items():
        stack: Sequence[SiteWeights] = weights.adapters if isinstance(weights, NormedStack) else [weights]
        plain = [one for one in stack if isinstance(one, BottleneckWeights)]
        if len(plain) < len(stack) or key.layer < 0:
            raise InputError("its sites have more than bottleneck adapters, and only those can be exported.")
        if any(one.down.dim() != 2 for one in plain):
            raise InputError("its adapters depend on the text, so there are none to export.")
        found[key] = plain
    return found


def _tensors(found: Mapping[SiteKey, list[BottleneckWeights]]) -> list[Tensor]:
    return [t for stack in found.values() for one in stack for t in vars(one).values() if isinstance(t, Tensor)]


def site_entries(
    backbone: Backbone, found: Mapping[SiteKey, list[BottleneckWeights]], root: str
) -> tuple[tuple[SiteEntry, ...], dict[str, Tensor]]:
    """Return the sites of adapters as an export lists them, and their tensors by name.

    `root` is where the body is in the library's model that they act in.
    """
    names = {activation: name for name, activation in ACTIVATIONS.items()}
    entries, tensors = [], {}
    for number, (key, stack) in enumerate(found.items()):
        entries.append(
            SiteEntry(
                layer=key.layer, position=key.position, adapters=len(stack),
                activation=cast(ActivationName, names[stack[0].activation]), at=_acting(backbone, key, root),
            )
        )  # fmt: skip
        for place, one in enumerate(stack):
            for field, name in TENSORS.items():
                if (value := getattr(one, field)) is not None:
                    tensors[f"sites.{number}.{place}.{name}"] = value
    return tuple(entries), tensors


def _acting(backbone: Backbone, key: SiteKey, root: str) -> Acting:
    """Return where a site is in the library's model."""
    family = backbone.family
    position = family.positions[key.position]
    layer = (root, family.stack_of(key.position), str(key.layer))
    path = lambda own: own and ".".join(filter(None, (*layer, own)))  # noqa: E731
    residual = position.block or position.residual
    return Acting(
        module=path(position.module), before=position.before, fed_by=path(position.fed_by),
        residual=path(residual), argument=0 if position.block is None else 1, norm=path(position.norm),
    )  # fmt: skip


def head_tensors(method: Method, task: str) -> dict[str, Tensor]:
    """Return the head of a task by the names of an export; nothing where answers are written.

    Raises `InputError` for a head that is no linear classifier.
    """
    found: dict[str, Tensor] = dict(_head(method, task))
    answering = method.answering
    if isinstance(answering, ClassHeads) and answering.unified:
        order = unified_order(answering.task(task))[: len(answering.task(task).labels)]
        found |= {name: found[name][order] for name in ("head.weight", "head.bias")}
    return found


def _head(method: Method, task: str) -> dict[str, nn.Parameter]:
    heads = getattr(method.answering, "heads", None)
    if heads is None:
        return {}
    head = heads[task if task in heads else next(iter(heads))]
    if not isinstance(head, Head):
        raise InputError("its head is not a linear classifier: no other can be exported.")
    found = {f"head.{name}": p for name, p in head.classifier.named_parameters()}
    pooler = getattr(method.answering, "pooler", None)
    return found | ({} if pooler is None else {f"pooler.{name}": p for name, p in pooler[0].named_parameters()})


def fill_head(method: Method, task: str, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Put the tensors of an export into the head of a task; `InputError` for others and other shapes."""
    own = {name: tensor for name, tensor in tensors.items() if name.startswith(("head.", "pooler."))}
    fill(_head(method, task), own, origin)
