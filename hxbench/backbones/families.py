"""Families of backbones by their entries in `recipes/families`, and what names a part of a stock model."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import nn

from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.spec.recipe.family import Family, ProjectionRole, SiteRole, Stack, StackName, Stacks

__all__ = [
    "Family", "Layers", "Part", "Projection", "ProjectionRole", "Side", "SiteRole", "Stacks", "family_of", "has",
    "is_linear", "is_transposed", "widths_of",
]  # fmt: skip

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
            "in a package with the entry point hxbench.families, and check it with hxbench backbones check FOLDER."
            f"{' A draft:' if folder else ''}",
            proposed_entry(model_type, folder) if folder else "",
        )
    return found


def has(root: nn.Module, path: str) -> bool:
    try:
        root.get_submodule(path)
    except AttributeError:
        return False
    return True


def widths_of(module: nn.Module) -> tuple[int, int]:
    """Return the widths (in, out) of a linear layer, or of a normalisation, which has but one."""
    weight: Any = module.weight
    if is_transposed(module):
        return int(weight.shape[0]), int(weight.shape[1])
    return int(weight.shape[-1]), int(weight.shape[0])


def is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or is_transposed(module)


def is_transposed(module: nn.Module) -> bool:
    """Return whether a module is a linear layer whose weight is [in, out], as GPT-2's."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)
