"""Which runs may share a cell.

A *family* is all runs of one method and setting whose specs differ in nothing but seed, task, partition and the
fingerprints of their inputs. A cell is made from one family, the recipe's if the store has it.
"""

import json
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hxbench import recipe, settings
from hxbench.errors import InputError
from hxbench.spec import RunSpec
from hxbench.store import RunRecord

_VARYING = ("seed", "task", "partition")
_ABSENT = "nothing"


@dataclass
class Family:
    """The runs that make a method's cells in one setting, by (task or partition, seed)."""

    runs: dict[tuple[str | None, int], RunRecord] = field(default_factory=dict)
    options: str = ""  # what a command has to add to make more of them
    notes: list[str] = field(default_factory=list)


def part_of(spec: RunSpec) -> str | None:
    """Return which of a setting's models a run is: its task, its partition, or None where there is one model."""
    return spec.partition or spec.task


def parts_of(setting: str) -> tuple[str | None, ...]:
    """Return the models a setting has."""
    return {"single": settings.TASKS, "multi": (None,), "mixed": settings.PARTITIONS}[setting]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _identity(spec: RunSpec) -> dict[str, Any]:
    flat = _flat(spec.model_dump(mode="json"))
    return {k: v for k, v in flat.items() if k not in _VARYING and not k.endswith(".fingerprint")}


def _key(identity: Mapping[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True)


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    keys = [*ours, *(key for key in theirs if key not in ours)]
    both = {key: (ours.get(key, _ABSENT), theirs.get(key, _ABSENT)) for key in keys}
    return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


def _beyond(identity: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return where a family departs from a recipe.

    A stored spec has every option of its method, a recipe those it states. The others are defaults that only the
    method's code knows, and no report loads that: an option the recipe is silent on is no departure.
    """
    changes = _differences(identity, wanted)
    return {key: pair for key, pair in changes.items() if pair[1] != _ABSENT or not key.startswith("options.")}


def _said(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    changes = [f"{key} {a} instead of {b}" for key, (a, b) in _beyond(ours, theirs).items()]
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return ", ".join(changes[:3]) + more


def _recipe(method: str, setting: str, profile: str, variant: str = "paper") -> dict[str, Any] | None:
    """Return the identity that the recipe resolves to, or None for a method or setting without a recipe here."""
    part = parts_of(setting)[0]
    which = {"task": part} if setting == "single" else {"partition": part}
    try:
        return _identity(recipe.resolve(method, setting=setting, profile=profile, variant=variant, **which))  # type: ignore[arg-type]
    except InputError:
        return None


def _same_ground(identity: Mapping[str, Any], profile: str) -> bool:
    """Return whether a family stands on the profile's backbone, pre-trained, and on its kind of data."""
    scale = recipe.load("profiles", profile)
    wanted = _flat({"backbone": recipe.backbone(scale.backbone).model_dump(mode="json")})
    made = {key: value for key, value in identity.items() if key.startswith("backbone.")}
    sandbox = (identity["data.origin"] == "sandbox") == (scale.data.get("origin") == "sandbox")
    return sandbox and made == {key: value for key, value in wanted.items() if not key.endswith(".fingerprint")}


def _options(identity: Mapping[str, Any], method: str, setting: str, profile: str) -> str:
    """Return what the command line adds to the recipe to give a family."""
    variant = identity["variant"]
    words = [] if variant == "paper" else ["--variant", variant]
    for key, (value, _) in _beyond(identity, _recipe(method, setting, profile, variant) or identity).items():
        if key == "data.origin":
            words += ["--data-source", {"mirror": "DIR"}.get(value, value)]
        elif key.partition(".")[0] in ("options", "training", "data") and value != _ABSENT:
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def _newest(records: Iterable[RunRecord]) -> str:
    return max(str(record.status.get("finished", "")) for record in records)


def _one_input(records: list[RunRecord], what: str, weight: Counter[str], notes: list[str]) -> list[RunRecord]:
    """Return the runs of one input fingerprint: the one most runs of the store have, the newest of equals."""
    groups = defaultdict(list)
    for record in records:
        groups[record.fields[what]["fingerprint"]].append(record)
    best = max(groups, key=lambda print_: (weight[print_], len(groups[print_]), _newest(groups[print_])))
    if others := len(records) - len(groups[best]):
        spec = records[0].fields
        notes.append(
            f"left out: {others} run{'s' * (others > 1)} of {spec['method']} ({spec['setting']}) "
            f"with another {what} fingerprint than {best or 'none'}."
        )
    return groups[best]


def choose_family(records: list[RunRecord], method: str, setting: str, profile: str) -> Family:
    """Return the runs that make a method's cells; what was left out, and why, is in its notes.

    `profile` is a name, or the YAML file of a profile of the user's own.
    """
    family = Family()
    label = f"{method} ({setting})"
    name = Path(profile).stem
    groups: dict[str, list[RunRecord]] = defaultdict(list)
    identities: dict[str, dict[str, Any]] = {}
    for record in records:
        spec = record.spec
        if isinstance(spec, dict):
            if (spec.get("method"), spec.get("setting"), spec.get("profile")) == (method, setting, name):
                family.notes.append(
                    f"left out: run {record.id} of {label}, written by another version of hxbench."
                )
            continue
        if (spec.method, spec.setting, spec.profile) != (method, setting, name):
            continue
        if part_of(spec) in parts_of(setting):  # the switched partitions feed another artifact
            identity = _identity(spec)
            identities[_key(identity)] = identity
            groups[_key(identity)].append(record)
    wanted = _recipe(method, setting, profile)
    matching = [key for key in groups if wanted and not _beyond(identities[key], wanted)]
    chosen = max(matching, key=lambda key: (len(groups[key]), _newest(groups[key])), default="")
    if not chosen:
        able = [key for key in groups if _same_ground(identities[key], profile)]
        chosen = able[0] if len(able) == 1 else chosen
        if len(able) == 1 and wanted:
            said = _said(identities[chosen], wanted)
            family.notes.append(f"{label}: the store has the recipe only with {said}; these runs are shown.")
        elif len(able) > 1:
            family.notes.append(f"{label}: the store has {len(able)} variants, none of them the recipe's.")
    reference = identities.get(chosen, wanted)
    for key, others in groups.items():
        if key != chosen:
            said = f" with {_said(identities[key], reference)}" if reference else ""
            family.notes.append(f"left out: {len(others)} run{'s' * (len(others) > 1)} of {label}{said}.")
    if chosen not in groups:
        return family
    if wanted:
        family.options = _options(identities[chosen], method, setting, profile)
    backbones = Counter(r.fields.get("backbone", {}).get("fingerprint") for r in records)
    members = _one_input(groups[chosen], "backbone", backbones, family.notes)
    # what a run reads depends on its task and partition, so only the seeds of one part share a data fingerprint
    for part in parts_of(setting):
        of_part = [record for record in members if part_of(record.spec) == part]  # type: ignore[arg-type]
        if of_part:
            for record in _one_input(of_part, "data", Counter(), family.notes):
                family.runs[part, record.fields["seed"]] = record
    return family
