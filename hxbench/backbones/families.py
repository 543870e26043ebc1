"""Families of backbones by their entries in `recipes/families`, and the parts of a stock model that one names."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import nn

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.recipe.family import Family, ProjectionRole, SiteRole, Stack, StackName, Stacks

__all__ = [
    "Family", "Layers", "Part", "Projection", "ProjectionRole", "Side", "SiteRole", "Stacks", "biased_modules",
    "family_of", "is_linear", "layers_of", "norms_of", "projections_of", "require_parts", "unnamed_parts",
    "widths_of", "wrong_parts",
]  # fmt: skip

_USUAL: set[ProjectionRole] = {"query", "key", "value", "output", "up", "down"}  # that every stack has
_USUAL_SITES: set[SiteRole] = {"attention", "ffn"}
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


def family_of(model_type: str, folder: Path | None = None) -> Family:
    """Return the family of a configuration's `model_type`, by the entry in its `folder` if that has one.

    Raises `InputError` for a family without an entry, with one to start from where there is a folder.
    """
    if (found := recipe.family(model_type, folder)) is None:
        from hxbench.backbones.proposal import proposed_entry  # which looks at all entries there are

        raise InputError(
            f"backbones of type '{model_type}' have no entry that says where their parts are (known types: "
            f"{', '.join(recipe.recipe_names('families'))}): write one, {recipe.OWN_FAMILY} beside config.json or "
            "in a package with the entry point hxbench.families, and hxbench backbones check FOLDER says what is "
            f"wrong with it.{' One to start from:' if folder else ''}",
            proposed_entry(model_type, folder) if folder else "",
        )
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
    weight: Any = module.weight
    if is_transposed(module):
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
    if (wrong := next(wrong_parts(model, family), None)) is not None:
        raise InputError(wrong)


def wrong_parts(model: nn.Module, family: Family) -> Iterator[str]:
    """Yield a sentence for every module or number that an entry names and the model has not."""
    config: Any = model.config
    numbers = {"width": family.width, "heads": family.heads, "key_heads": family.key_heads}
    numbers["longest"] = family.longest
    numbers |= {f"{name}.depth": stack.depth for name, stack in family.parts.items()}
    for where, name in numbers.items():
        if name is not None and not isinstance(getattr(config, name, None), int):
            yield _no(family, where, f"the configuration gives no number {name}")
    for name, wanted in family.settings.items():
        if (given := getattr(config, name, None)) != wanted:
            yield f"config.json says {name}: {given}, and {family.title} is known with {wanted} alone."
    for path in (*family.head, family.output):
        yield from _lost(family, model, "head" if path in family.head else "output", path)
    if not _has(model, family.body):
        yield from _lost(family, model, "body", family.body)
        return
    body = model.get_submodule(family.body)
    yield from _lost(family, body, "words", family.words)
    # an encoder alone is known with a layer between words and states
    if family.stacks != "encoder" and _has(body, family.words):
        embedded, width = body.get_submodule(family.words), getattr(config, family.width, None)
        if not isinstance(embedded, nn.Embedding):
            yield _no(family, "words", f"{family.words} is no table of embeddings")
        elif embedded.embedding_dim != width:
            yield (
                f"config.json gives word embeddings of width {embedded.embedding_dim} and hidden states of width "
                f"{width}, and {family.title} is known with one width alone."
            )
    norms = [path for path in family.norms if path not in family.optional]
    outside = {"embeddings": family.embeddings.paths, "norms": norms}
    for where, paths in (*outside.items(), ("biases", family.biases)):
        for path in paths:
            yield from _lost(family, body, where, path)
    for name, stack in family.parts.items():
        if not _has(body, stack.layers):
            yield from _lost(family, body, f"{name}.layers", stack.layers)
        elif not isinstance(layers := body.get_submodule(stack.layers), nn.ModuleList):
            yield _no(family, f"{name}.layers", f"{stack.layers} is no list of layers")
        else:  # what all layers lack is said once
            yield from dict.fromkeys(
                text for layer in layers for text in _lost_in_layer(family, name, stack, layer)
            )


def _lost_in_layer(family: Family, name: str, stack: Stack, layer: nn.Module) -> Iterator[str]:
    for role, position in stack.sites.items():
        for path in position.paths:
            yield from _lost(family, layer, f"{name}.sites.{role}", path)
    for fused in stack.fused:
        yield from _lost(family, layer, f"{name}.fused", fused.module)
    for projection, paths in stack.projections.items():
        if projection not in stack.optional and _first_of(layer, paths) is None:
            yield _no(family, f"{name}.projections.{projection}", f"the model has no module {' or '.join(paths)}")
    for path in stack.norms:
        yield from _lost(family, layer, f"{name}.norms", path)


def _lost(family: Family, root: nn.Module, where: str, path: str) -> Iterator[str]:
    if not _has(root, path):
        yield _no(family, where, f"the model has no module {path}")


def _no(family: Family, where: str, why: str) -> str:
    return f"{family.name}.yaml: {where}: {why}."


def unnamed_parts(model: nn.Module, family: Family) -> Iterator[str]:
    """Yield a sentence for every part of a model that an entry without `wrong_parts` should name and does not.

    That are the linear layers and the normalisations of a layer, its norms outside, a site for each of the usual
    roles, and the embedded words and the output matrix that the model itself names.
    """
    body: Any = model.get_submodule(family.body)
    for name, stack, layers in layers_of(body, family):
        named = {path for paths in stack.projections.values() for path in paths}
        named |= {*stack.norms, *(fused.module for fused in stack.fused)}
        there = {path: one for layer in layers for path, one in layer.named_modules()}
        for path, module in there.items():
            is_norm = type(module).__name__.endswith("Norm")
            if path not in named and (is_norm or is_linear(module)):
                where = "norms" if is_norm else "projections"
                yield _no(family, f"{name}.{where}", f"{path} of a layer is not named ({type(module).__name__})")
        for role in _USUAL.difference(stack.roles):
            yield _no(family, f"{name}.projections", f"no module has the role {role}")
        for site in _USUAL_SITES.difference(stack.sites):
            yield _no(family, f"{name}.sites", f"{site} is missing, where adapters act")
    for where, path, root, own in (
        ("words", family.words, body, body.get_input_embeddings()),
        ("output", family.output, model, model.get_output_embeddings()),  # type: ignore[operator]
    ):
        if own is not None and root.get_submodule(path) is not own:
            yield _no(family, where, f"{path} is another module than the model's own")


def is_linear(module: nn.Module) -> bool:
    """Return whether a module is a linear layer."""
    return isinstance(module, nn.Linear) or is_transposed(module)


def is_transposed(module: nn.Module) -> bool:
    """Return whether a module is a linear layer whose weight is [in, out], as GPT-2's."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)
