"""A block that tries several things in turn → blocks that try one each."""

from itertools import product
from math import prod
from pathlib import Path

from hxbench.errors import InputError
from hxbench.spec.recipe.reading import backbone_asked, merge
from hxbench.spec.recipe.schema import ExperimentBlock, InTurn, Override, ProfileRecipe, T

MOST_BLOCKS = 10_000


def at_profile(values: InTurn[T], profile: str) -> tuple[T, ...]:
    """Return what is tried at a profile, by its name."""
    return values.get(profile, values.get("other", ())) if isinstance(values, dict) else values


def unfold(block: ExperimentBlock, profile: str, ground: ProfileRecipe) -> list[ExperimentBlock]:
    """Return the block once for every size of backbone, value of an option and learning rate that it tries.

    Without sizes, and without rates at this profile, what others say counts; sizes that the profile lacks, tasks
    and options without values at it, and rates that are said to be none at others give no block. Values of options
    become part of the label. What the block changes at this profile alone is below what it tries.
    """
    at = Path(profile).stem
    here = block.profiles.get(at, Override())
    tasks, lrs = at_profile(block.tasks, at), at_profile(block.rates, at)
    if (block.tasks and not tasks) or (isinstance(block.rates, dict) and "other" in block.rates and not lrs):
        return []
    shots = block.few_shot and block.few_shot.model_copy(
        update={"languages": at_profile(block.few_shot.languages, at)}
    )
    sizes = [size for size in block.sizes if size in ground.sizes] if block.sizes else [block.size]
    if backbone_asked(profile):  # in the place of all of them
        sizes = [""]
    rates = [{"lr": rate} for rate in lrs] or [{}]
    count = len(sizes) * len(rates) * prod(len(at_profile(values, at)) for values in block.each.values())
    if count > MOST_BLOCKS:
        raise InputError(
            f"a block of {', '.join(block.methods[:3])} tries {count} things in turn, at most {MOST_BLOCKS}."
        )
    values = product(*(at_profile(values, at) for values in block.each.values()))
    chosen = [dict(zip(block.each, some, strict=True)) for some in values]
    return [
        block.model_copy(
            update={
                "label": ", ".join(filter(None, [block.label, *(f"{k} {v}" for k, v in options.items())])),
                "tasks": tasks,
                "few_shot": shots,
                "size": size,
                "sizes": (),
                "each": {},
                "rates": (),
                "profiles": {},
                "shorten": block.shorten * here.shorten,
                "options": {**merge(block.options, here.options), **options},
                "training": merge(block.training, here.training, rate),
                "data": merge(block.data, here.data),
            }
        )
        for size, options, rate in product(sizes, chosen, rates)
    ]
