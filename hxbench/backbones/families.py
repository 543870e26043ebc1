"""Families of backbones by their entries in `recipes/families`, each held against the stock models of its own."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.recipe.family import Family, Stack

_KIND = "families"


def family_of(model_type: str) -> Family:
    """Return the family of a configuration's `model_type`; `InputError` for one without an entry."""
    known = recipe.recipe_names(_KIND)
    if model_type not in known:
        raise InputError(
            f"backbones of type '{model_type}' have no map of sites yet (known types: {', '.join(known)})."
        )
    found: Family = recipe.load(_KIND, model_type)
    return found


def first_path(layer: nn.Module, paths: Iterable[str]) -> str | None:
    """Return the first of the paths that a layer has a module at."""
    return next((path for path in paths if _has(layer, path)), None)


def _has(root: nn.Module, path: str) -> bool:
    try:
        root.get_submodule(path)
    except AttributeError:
        return False
    return True


def require_parts(model: nn.Module, family: Family) -> None:
    """Raise `InputError` where an entry names a module or a number that the model has not."""
    config: Any = model.config
    numbers = {"width": family.width, "heads": family.heads, "longest": family.longest}
    numbers |= {f"{name}.depth": stack.depth for name, stack in family.parts.items()}
    for where, name in numbers.items():
        if name is not None and not isinstance(getattr(config, name, None), int):
            raise _no(family, where, f"the configuration gives no number {name}")
    _require(family, model, "body", family.body)
    body = model.get_submodule(family.body)
    for path in (*family.head, family.output):
        _require(family, model, "head" if path in family.head else "output", path)
    outside = {"words": (family.words,), "embeddings": family.embeddings.paths, "norms": family.norms}
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
        if projection not in stack.optional and first_path(layer, paths) is None:
            raise _no(family, f"{name}.projections.{projection}", f"the model has no module {' or '.join(paths)}")
    for path in stack.norms:
        _require(family, layer, f"{name}.norms", path)


def _require(family: Family, root: nn.Module, where: str, path: str) -> None:
    if not _has(root, path):
        raise _no(family, where, f"the model has no module {path}")


def _no(family: Family, where: str, why: str) -> InputError:
    return InputError(f"{family.name}.yaml: {where}: {why}.")
