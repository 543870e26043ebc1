"""Whether the entry of a family fits a model: what it names and is not there, and what it should name."""

from collections.abc import Collection, Iterator
from typing import Any

from torch import nn

from hxbench.backbones.families import Family, ProjectionRole, SiteRole, has, is_linear
from hxbench.errors import InputError
from hxbench.spec.recipe.family import Stack

_USUAL: set[ProjectionRole] = {"query", "key", "value", "output", "up", "down"}  # that every stack has
_USUAL_SITES: set[SiteRole] = {"attention", "ffn"}


def require_parts(model: nn.Module, family: Family) -> None:
    """Raise `InputError` where an entry names a module or a number that the model has not."""
    if (wrong := next(wrong_parts(model, family), None)) is not None:
        raise InputError(wrong)


def wrong_parts(model: nn.Module, family: Family) -> Iterator[str]:
    """Yield a sentence for every module or number that an entry names and the model has not."""
    config: Any = model.config
    numbers = {name: getattr(family, name) for name in ("width", "heads", "key_heads", "longest")}
    numbers |= {f"{name}.depth": stack.depth for name, stack in family.parts.items()}
    for where, name in numbers.items():
        if name is not None and not isinstance(getattr(config, name, None), int):
            yield _no(family, where, f"the configuration gives no number {name}")
    for name, wanted in family.settings.items():
        if (given := getattr(config, name, None)) != wanted:
            yield f"config.json says {name}: {given}, and {family.title} is known with {wanted} alone."
    yield from _lost(family, model, "head", family.head)
    yield from _lost(family, model, "head" if family.output in family.head else "output", [family.output])
    yield from _lost(family, model, "body", [family.body])
    if not has(model, family.body):
        return
    body = model.get_submodule(family.body)
    yield from _lost(family, body, "words", [family.words])
    # an encoder alone is known with a layer between words and states
    if family.stacks != "encoder" and has(body, family.words):
        embedded, width = body.get_submodule(family.words), getattr(config, family.width, None)
        if not isinstance(embedded, nn.Embedding):
            yield _no(family, "words", f"{family.words} is no table of embeddings")
        elif embedded.embedding_dim != width:
            yield (
                f"config.json gives word embeddings of width {embedded.embedding_dim} and hidden states of width "
                f"{width}, and {family.title} is known with one width alone."
            )
    yield from _lost(family, body, "embeddings", family.embeddings.paths)
    yield from _lost(family, body, "norms", [path for path in family.norms if path not in family.optional])
    yield from _lost(family, body, "biases", family.biases)
    for name, stack in family.parts.items():
        yield from _lost(family, body, f"{name}.layers", [stack.layers])
        if has(body, stack.layers):
            if not isinstance(layers := body.get_submodule(stack.layers), nn.ModuleList):
                yield _no(family, f"{name}.layers", f"{stack.layers} is no list of layers")
            else:  # what all layers lack is said once
                every = (text for layer in layers for text in _lost_in_layer(family, name, stack, layer))
                yield from dict.fromkeys(every)


def _lost_in_layer(family: Family, name: str, stack: Stack, layer: nn.Module) -> Iterator[str]:
    for role, position in stack.sites.items():
        yield from _lost(family, layer, f"{name}.sites.{role}", position.paths)
    yield from _lost(family, layer, f"{name}.fused", [fused.module for fused in stack.fused])
    for projection, paths in stack.projections.items():
        if projection not in stack.optional and not any(has(layer, path) for path in paths):
            yield _no(family, f"{name}.projections.{projection}", f"the model has no module {' or '.join(paths)}")
    yield from _lost(family, layer, f"{name}.norms", stack.norms)


def _lost(family: Family, root: nn.Module, where: str, paths: Collection[str]) -> list[str]:
    return [_no(family, where, f"the model has no module {path}") for path in paths if not has(root, path)]


def _no(family: Family, where: str, why: str) -> str:
    return f"{family.name}.yaml: {where}: {why}."


def unnamed_parts(model: nn.Module, family: Family) -> Iterator[str]:
    """Yield a sentence for every part of a model that an entry without `wrong_parts` should name and does not.

    These are the linear layers and the normalisations of a layer, the norms outside, a site for each of the usual
    roles, and the embedded words and the output matrix that the model itself names.
    """
    body: Any = model.get_submodule(family.body)
    for name, stack in family.parts.items():
        named = {path for paths in stack.projections.values() for path in paths}
        named |= {*stack.norms, *(fused.module for fused in stack.fused)}
        there = {path: one for layer in body.get_submodule(stack.layers) for path, one in layer.named_modules()}
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
