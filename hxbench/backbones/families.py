"""Families of backbones by their entries in `recipes/families`, and the parts of a stock model that one names."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from torch import nn

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.recipe.family import Family, ProjectionRole, SiteRole, Stack, StackName, Stacks

__all__ = [
    "Family", "Layers", "Part", "Projection", "ProjectionRole", "Side", "SiteRole", "Stacks", "biased_modules",
    "family_of", "layers_of", "norms_of", "projections_of", "require_parts", "widths_of",
]  # fmt: skip

_KIND = "families"
_SHARED: tuple[ProjectionRole, ...] = ("key", "value", "cross_key", "cross_value")  # by several heads of queries
Side = Literal["reading", "answering"]  # encoder and decoder, or the lower and the upper half of one stack


class Layers(NamedTuple):
    """One stack of a model."""

    name: StackName
    stack: Stack
    layers: list[nn.Module]


class Part(NamedTuple):
    """Where in the output of a fused layer a projection is: in each of some groups behind and before others."""

    groups: int  # of one width, next to each other
    before: int  # numbers in a group that stand before the projection's own
    behind: int


class Projection(NamedTuple):
    """A linear projection of one layer: a module of its own, or one part of a fused one."""

    name: str  # the layer's number over all stacks, and the path in it or, of a part, the role
    module: nn.Module
    part: Part | None
    width_in: int
    width_out: int


def family_of(model_type: str) -> Family:
    """Return the family of a configuration's `model_type`; `InputError` for one without an entry."""
    known = recipe.recipe_names(_KIND)
    if model_type not in known:
        raise InputError(
            f"backbones of type '{model_type}' have no map of sites yet (known types: {', '.join(known)})."
        )
    found: Family = recipe.load(_KIND, model_type)
    return found


def layers_of(body: nn.Module, family: Family) -> list[Layers]:
    """Return the stacks of a model's body, the encoder first."""
    return [
        Layers(name, stack, list(body.get_submodule(stack.layers)))  # type: ignore[call-overload]
        for name, stack in family.parts.items()
    ]


def _first_of(layer: nn.Module, paths: Iterable[str]) -> str | None:
    """Return the first of the paths that a layer has a module at."""
    return next((path for path in paths if _has(layer, path)), None)


def _has(root: nn.Module, path: str) -> bool:
    try:
        root.get_submodule(path)
    except AttributeError:
        return False
    return True


def projections_of(
    body: nn.Module, family: Family, roles: Iterable[ProjectionRole], *, heads: int, key_heads: int
) -> Iterator[Projection]:
    """Yield the projections of these roles, stack by stack and layer by layer, those of a layer in their order.

    A role that a stack or a layer lacks is passed over. `heads` and `key_heads` are their numbers in a layer, of
    queries and of keys and values.
    """
    wanted = tuple(roles)
    numbered = enumerate((stack, layer) for _, stack, layers in layers_of(body, family) for layer in layers)
    for number, (stack, layer) in numbered:
        for role in wanted:
            if fused := stack.fusion_of(role):
                module = layer.get_submodule(fused.module)
                width_in, width = widths_of(module)
                shares = [key_heads if one in _SHARED else heads for one in fused.roles]
                place, groups = fused.roles.index(role), key_heads if fused.layout == "heads" else 1
                before, own, behind = (
                    width * sum(some) // sum(shares)
                    for some in (shares[:place], shares[place : place + 1], shares[place + 1 :])
                )
                part = Part(groups, before // groups, behind // groups)
                yield Projection(f"{number}.{role}", module, part, width_in, own)
            elif (path := _first_of(layer, stack.projections.get(role, ()))) is not None:
                module = layer.get_submodule(path)
                yield Projection(f"{number}.{path}", module, None, *widths_of(module))


def widths_of(module: nn.Module) -> tuple[int, int]:
    """Return the widths (in, out) of a linear layer, or of a normalisation, which has but one."""
    from transformers.pytorch_utils import Conv1D

    weight: Any = module.weight
    if isinstance(module, Conv1D):  # GPT-2's, whose weight is [in, out]
        return int(weight.shape[0]), int(weight.shape[1])
    return int(weight.shape[-1]), int(weight.shape[0])


def _in_order(model: nn.Module, found: dict[int, str]) -> dict[str, nn.Module]:
    """Return modules, given by their identity, by name in the order of the model."""
    return {found[id(module)]: module for module in model.modules() if id(module) in found}


def _inside(stack: Stack, layer: nn.Module, roles: Iterable[str]) -> Iterator[str]:
    """Yield the paths in a layer of the modules with these roles, `norms` being one."""
    for role in roles:
        if role == "norms":
            yield from stack.norms
        elif fused := stack.fusion_of(role):
            yield fused.module
        elif (path := _first_of(layer, stack.projections[role])) is not None:  # type: ignore[index]
            yield path


def biased_modules(model: nn.Module, family: Family) -> dict[str, nn.Module]:
    """Return the modules whose output BitFit adds to, by the names that are stored, in the order of the model."""
    body, found = model.get_submodule(family.body), {}
    for _, stack, layers in layers_of(body, family):
        for number, layer in enumerate(layers):
            for path in _inside(stack, layer, stack.biases):
                found[id(layer.get_submodule(path))] = f"{family.called(stack)}.{number}.{path}"
    for path in family.biases:
        found[id(body.get_submodule(path))] = ".".join(filter(None, (family.body, path)))
    able = _in_order(model, found)
    if family.adds_biases:
        return able
    return {name: module for name, module in able.items() if getattr(module, "bias", None) is not None}


def norms_of(body: nn.Module, family: Family) -> list[nn.Module]:
    """Return all layer normalisations of a body, in its order."""
    there = [path for path in family.norms if path not in family.optional or _has(body, path)]
    found = {id(body.get_submodule(path)): path for path in there}
    for name, stack, layers in layers_of(body, family):
        for number, layer in enumerate(layers):
            found |= {id(layer.get_submodule(path)): f"{name}.{number}.{path}" for path in stack.norms}
    return list(_in_order(body, found).values())


def require_parts(model: nn.Module, family: Family) -> None:
    """Raise `InputError` where an entry names a module or a number that the model has not."""
    config: Any = model.config
    numbers = {"width": family.width, "heads": family.heads, "key_heads": family.key_heads}
    numbers["longest"] = family.longest
    numbers |= {f"{name}.depth": stack.depth for name, stack in family.parts.items()}
    for where, name in numbers.items():
        if name is not None and not isinstance(getattr(config, name, None), int):
            raise _no(family, where, f"the configuration gives no number {name}")
    for name, wanted in family.settings.items():
        if (given := getattr(config, name, None)) != wanted:
            raise InputError(f"config.json says {name}: {given}, and {family.title} is known with {wanted} alone.")
    _require(family, model, "body", family.body)
    body = model.get_submodule(family.body)
    _require(family, body, "words", family.words)
    if family.stacks != "encoder":  # which alone is known with a layer between the two
        embedded = body.get_submodule(family.words)
        if not isinstance(embedded, nn.Embedding):
            raise _no(family, "words", f"{family.words} is no table of embeddings")
        given, width = embedded.embedding_dim, getattr(config, family.width)
        if given != width:
            raise InputError(
                f"config.json gives word embeddings of width {given} and hidden states of width {width}, and "
                f"{family.title} is known with one width alone."
            )
    for path in (*family.head, family.output):
        _require(family, model, "head" if path in family.head else "output", path)
    norms = [path for path in family.norms if path not in family.optional]
    outside = {"embeddings": family.embeddings.paths, "norms": norms}
    for where, paths in (*outside.items(), ("biases", family.biases)):
        for path in paths:
            _require(family, body, where, path)
    for name, stack in family.parts.items():
        _require(family, body, f"{name}.layers", stack.layers)
        layers = body.get_submodule(stack.layers)
        if not isinstance(layers, nn.ModuleList):
            raise _no(family, f"{name}.layers", f"{stack.layers} is no list of layers")
        for layer in layers:
            _require_layer(family, name, stack, layer)


def _require_layer(family: Family, name: str, stack: Stack, layer: nn.Module) -> None:
    for role, position in stack.sites.items():
        for path in position.paths:
            _require(family, layer, f"{name}.sites.{role}", path)
    for fused in stack.fused:
        _require(family, layer, f"{name}.fused", fused.module)
    for projection, paths in stack.projections.items():
        if projection not in stack.optional and _first_of(layer, paths) is None:
            raise _no(family, f"{name}.projections.{projection}", f"the model has no module {' or '.join(paths)}")
    for path in stack.norms:
        _require(family, layer, f"{name}.norms", path)


def _require(family: Family, root: nn.Module, where: str, path: str) -> None:
    if not _has(root, path):
        raise _no(family, where, f"the model has no module {path}")


def _no(family: Family, where: str, why: str) -> InputError:
    return InputError(f"{family.name}.yaml: {where}: {why}.")
