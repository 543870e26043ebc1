"""What makes two runs alike: everything in their specs but what varies among the runs behind one cell."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hxbench.errors import InputError
from hxbench.printing import shown
from hxbench.spec import experiment, recipe, settings
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import NO_PAPER, RunSpec
from hxbench.spec.settings import Model, models
from hxbench.store import RunRecord

Identity = Mapping[str, Any]

_VARYING = {"seed", "task", "partition", "language", "few_shot", "after"}
_ABSENT = "nothing"
_PLACE = {"setting", "suite", "tasks", "data", "backbone", "size", "weights", "switched"}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, the names of the levels joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def is_switched(spec: RunSpec) -> bool:
    """Return whether a run is of the switched pair of partitions (Hyper-X, section 6.3)."""
    return spec.partition in settings.SWITCHED


def identity(spec: RunSpec) -> Identity:
    """Return what the runs of a family have in common."""
    values = flat(spec.model_dump(mode="json", exclude=_VARYING))
    values["partitions"] = "switched" if is_switched(spec) else "original"
    return {key: value for key, value in values.items() if not key.endswith(".fingerprint")}


def key(values: Identity) -> str:
    """Return an identity as something to group by."""
    return json.dumps(values, sort_keys=True)


def identified(records: Iterable[RunRecord]) -> Iterator[tuple[RunRecord, str, Identity]]:
    """Yield the runs of this version, each with the key of its identity and this itself."""
    found: dict[tuple[bool | int, ...], tuple[str, Identity]] = {}
    for record in records:
        if isinstance(spec := record.spec, dict):
            continue
        # those that an index reads share all parts but what varies, and the records keep these alive
        parts = is_switched(spec), *(id(part) for name, part in vars(spec).items() if name not in _VARYING)
        if parts not in found:
            values = identity(spec)
            found[parts] = key(values), values
        yield record, *found[parts]


def beyond(ours: Identity, recipes: Identity) -> dict[str, tuple[Any, Any]]:
    """Return where a family departs from a recipe: our value and the recipe's.

    A stored spec has every option of its method, a recipe those it states. The others are defaults that only the
    method's code knows, and no report loads that: an option the recipe is silent on is no departure.
    """
    keys = [*ours, *(key for key in recipes if key not in ours)]
    both = {key: (ours.get(key, _ABSENT), recipes.get(key, _ABSENT)) for key in keys}
    return {
        key: pair
        for key, pair in both.items()
        if pair[0] != pair[1] and (pair[1] != _ABSENT or not key.startswith("options."))
    }


def matches(ours: Identity, recipes: Identity) -> bool:
    """Return whether a family departs from a recipe in nothing: what `beyond` says, at the first departure."""
    return all(ours.get(key, _ABSENT) == value for key, value in recipes.items()) and all(
        key in recipes or key.startswith("options.") or value == _ABSENT for key, value in ours.items()
    )


def said(ours: Identity, recipes: Identity) -> str:
    """Return the departures in words, the first three of them, a backbone before all else."""
    found = sorted(beyond(ours, recipes).items(), key=lambda one: one[0] != "backbone.name")
    changes = [
        f"{shown(key)} {' instead of '.join('none' if one is None else shown(one) for one in both)}"
        for key, both in found
    ]
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return ", ".join(changes[:3]) + more


def assignments(ours: Identity, recipes: Identity) -> list[str]:
    """Return the words a command line needs beyond the recipe to give a family."""
    words = []
    for name, (value, _) in beyond(ours, recipes).items():
        if name == "data.origin":
            words += ["--data-source", {"mirror": "DIR"}.get(value, value)]
        elif name.partition(".")[0] in ("options", "training", "data") and value != _ABSENT:
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def one_task(method: str) -> bool | None:
    """Return whether the method has a model for each task in every setting; None for one without a recipe here."""
    try:
        return bool(recipe.load("methods", method).one_task)
    except InputError:
        return None


def of_no_paper(method: str) -> bool:
    """Return whether a method has a shipped recipe that belongs to no paper."""
    return method in recipe.recipe_names("methods") and recipe.load("methods", method).paper == NO_PAPER


def models_of(
    method: str, setting: str, profile: str, block: ExperimentBlock | None = None, suite: str | None = None
) -> tuple[Model, ...]:
    """Return the models of a method in a setting; none of what a user's own data have no tasks for."""
    alone, described = bool(one_task(method)), experiment.described_in(profile)
    if block:
        return experiment.block_models(block, alone, described)
    if described:
        try:
            return tuple(recipe.chosen_models(method, setting, profile=profile, suite=suite))
        except InputError:
            return ()
    return models(setting, one_task=alone, suite=suite)


def recipe_spec(
    method: str,
    setting: str,
    profile: str,
    *,
    variant: str = "paper",
    block: ExperimentBlock | None = None,
    suite: str | None = None,
    origin: str | None = None,
) -> RunSpec | None:
    """Return a run as the recipe has it, with a block's changes; None for a method or setting without a recipe."""
    try:
        if not (known := models_of(method, setting, profile, block, suite)):
            return None
        return recipe.resolve(
            method, setting=setting, profile=profile, variant=variant, task=known[0].task,
            partition=known[0].partition, suite=block.suite if block else suite, size=block.size if block else "",
            backbone_name=block.backbone or None if block else None,
            backbone_weights=block.weights if block else "pretrained", changes=block, origin=origin,
            transfer=experiment.transfer_of(block) if block else (),
            together=experiment.together_of(block) if block and not known[0].task else (),
        )  # fmt: skip
    except InputError:
        return None


def in_place_of(
    own: Iterable[ExperimentBlock], method: str, setting: str, block: ExperimentBlock | None, suite: str | None
) -> tuple[str, ExperimentBlock] | None:
    """Return the method and the block of a user's own experiment that belong where an artifact shows `method`.

    They take the place of runs under the same conditions: setting, tasks, amount of data, size and weights of the
    backbone. A method's options and its training are what the user tries. The artifact shows the method as `block`
    has it, or as the recipe does, on the tasks of a suite. None where nothing belongs there, or several things.
    """
    if not own:
        return None
    place = block or ExperimentBlock.model_validate({"setting": setting, "methods": [method], "suite": suite})
    found = [
        (name, one)
        for one in own
        for name in one.methods
        if Path(name).stem == Path(method).stem
        and not (one.few_shot or place.few_shot)
        and one.model_dump(include=_PLACE) == place.model_dump(include=_PLACE)
    ]
    labelled = [(name, one) for name, one in found if one.label == place.label]
    chosen = labelled if block or len(found) > 1 else found  # a recipe's place has no label to go by
    if len(chosen) > 1:  # rates that both try
        chosen = [(name, one) for name, one in chosen if one.training.get("lr") == place.training.get("lr")]
    return chosen[0] if len(chosen) == 1 else None


def same_ground(ours: Identity, profile: str, paper: str) -> bool:
    """Return whether a family stands on the profile's backbone, pre-trained, and on its kind of data."""
    scale = recipe.scale(profile, paper)
    wanted = flat({"backbone": recipe.backbone(scale.backbone).model_dump(mode="json")})
    made = {name: value for name, value in ours.items() if name.startswith("backbone.")}
    sandbox = (ours["data.origin"] == "sandbox") == (scale.data.get("origin") == "sandbox")
    own = {name: value for name, value in ours.items() if name.startswith("data.described.")}
    asked = flat({"data": {"described": scale.data.get("described", {})}})
    wanted = {name: value for name, value in wanted.items() if not name.endswith(".fingerprint")}
    return sandbox and own == asked and made == wanted
