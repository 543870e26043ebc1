"""A sweep: the grid of an experiment, found by the name that its recipe gives it, and cut along its axes."""

from collections.abc import Iterable, Mapping, Sequence

from hxbench.errors import InputError, did_you_mean
from hxbench.spec import experiment, recipe
from hxbench.spec.experiment import Wanted
from hxbench.spec.run_spec import RunSpec

AXES = ("method", "setting", "partition", "mlm", "size", "task", "seed", "budget", "examples")
_A = {axis: f"a {axis}" for axis in AXES} | {"mlm": "an MLM task", "examples": "its training set cut"}
Asked = Mapping[str, Sequence[str]]


def sweeps() -> dict[str, tuple[str, str]]:
    """Return the shipped sweeps by name: paper and experiment of each; `InputError` when two share a name."""
    found: dict[str, tuple[str, str]] = {}
    for paper in recipe.papers():
        for name in recipe.recipe_names(paper):
            sweep = recipe.load(paper, name).sweep
            if sweep in found:
                both = f"{'/'.join(found[sweep])} and {paper}/{name}"
                raise InputError(f"two recipes are called sweep {sweep}: {both}.")
            if sweep:
                found[sweep] = (paper, name)
    return found


def named(text: str) -> tuple[str, str]:
    """Return paper and experiment of a sweep given by its name, or as a YAML file of the user's own."""
    if text.endswith((".yaml", ".yml")):
        return experiment.named(text)
    known = sweeps()
    if text not in known:
        raise InputError(did_you_mean("sweep", text, list(known)))
    return known[text]


def sizes_of(profile: str, paper: str) -> dict[str, str]:
    """Return what a profile calls the sizes of its backbones, by the name of the backbone."""
    found = recipe.scale(profile, paper).sizes
    return {recipe.backbone(name).name: size for size, name in found.items()}


def place_of(spec: RunSpec, sizes: Mapping[str, str]) -> dict[str, str]:
    """Return where a run stands on each axis, the empty string on one that it has no place on.

    A model of a whole suite has no task; examples are how many a training set was cut to, or which share of it;
    mlm is whose text is used: all, unseen, none, or "none matched" at as many labelled updates.
    """
    training = spec.training
    return {
        "method": spec.method,
        "setting": spec.setting,
        "partition": spec.partition or "",
        "mlm": " ".join([training.mlm_languages, *(["matched"] if training.match_labelled else [])]),
        "size": sizes.get(spec.backbone.name, spec.backbone.name),
        "task": (spec.few_shot.task if spec.few_shot else spec.task) or "",
        "seed": str(spec.seed),
        "budget": str(spec.options.get("budget", "")),
        "examples": spec.conditions["data"].removesuffix(" examples"),
    }


def cut(wanted: Iterable[Wanted], asked: Asked, sizes: Mapping[str, str], title: str) -> list[Wanted]:
    """Return the runs that have one of the values asked for on every axis; `InputError` names what there is."""
    placed = [(one, place_of(one.spec, sizes)) for one in wanted]
    asked = {axis: [_as_written(axis, value) for value in asked[axis]] for axis in AXES if asked.get(axis)}
    for axis, values in asked.items():
        everywhere = _values(axis, (place for _, place in placed))
        for value in values:
            if value not in everywhere:
                raise InputError(_refusal(title, axis, value, "", everywhere))
    for axis, values in asked.items():
        others = {other: its for other, its in asked.items() if other != axis}
        here = _values(axis, (place for _, place in placed if _fits(place, others)))
        for value in values:
            if value not in here:
                conditions = (f"{other} {' or '.join(its)}" for other, its in others.items())
                raise InputError(_refusal(title, axis, value, f" with {' and '.join(conditions)}", here))
    return [one for one, place in placed if _fits(place, asked)]


def _fits(place: Mapping[str, str], asked: Asked) -> bool:
    return all(place[axis] in values for axis, values in asked.items())


def _values(axis: str, places: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(place[axis] for place in places if place[axis]))


def _refusal(title: str, axis: str, value: str, among: str, there: Sequence[str]) -> str:
    known = f"it has {', '.join(there)}" if there else f"none of its runs{among} has {_A[axis]}"
    return f"{title} has no {axis} {value}{among}: {known}."


def _as_written(axis: str, value: str) -> str:
    """Return a value as a run has it: people write 1e4 and 5% as well."""
    if axis == "examples" and value.endswith("%"):
        return f"{value.removesuffix('%').rstrip()} %"
    if axis in ("budget", "examples"):
        try:
            number = float(value)
        except ValueError:
            return value
        return str(int(number)) if number.is_integer() else value
    return value
