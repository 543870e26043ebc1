"""YAML recipes → run specs.

Four kinds of recipe, each a closed schema: backbones, methods, profiles and experiments. Layers, later ones win:
profile, method, the method's own scaling for that profile, its variant, the command line.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field

from hxbench import places, settings
from hxbench.errors import InputError, did_you_mean
from hxbench.spec import BackboneSpec, Closed, Positive, RunSpec, Weights, validated
from hxbench.tasks import LANGUAGE, SUITES, text_task


class Override(Closed):
    """What a method changes for one profile or one variant."""

    shorten: Annotated[float, Field(gt=0, le=1)] = 1.0  # to this share of the updates, whatever these are
    options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)


class MethodRecipe(Override):
    """A method with the numbers of its paper, and how it shrinks."""

    title: str
    about: str
    kind: str
    paper: str = "hyperx"  # whose tables the method gets a row in
    settings: tuple[Literal["single", "multi", "mixed"], ...] = ("single", "multi", "mixed")
    one_task: bool = False  # a model for each task even where a setting has both
    few_shot_from: Literal["single", "multi", "mixed", "nothing"] = (
        "multi"  # whose models few-shot runs start from
    )
    profiles: dict[str, Override] = Field(default_factory=dict)
    variants: dict[str, Override] = Field(default_factory=dict)

    @property
    def start_setting(self) -> str:
        """The setting whose models the few-shot protocol starts from, or that of runs which start from nothing."""
        if self.few_shot_from == "nothing":
            return "single"
        return self.few_shot_from if self.few_shot_from in self.settings else self.settings[-1]


class PaperScale(Closed):
    """What a profile has of its own for one paper."""

    backbone: str | None = None
    sizes: dict[str, str] = Field(default_factory=dict)  # backbones of other sizes, by the name of the size
    draws: Positive | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)


class ProfileRecipe(Closed):
    """The scale everything is run at."""

    about: str
    backbone: str
    sizes: dict[str, str] = Field(default_factory=dict)
    seeds: tuple[int, ...]
    draws: Annotated[int, Field(gt=0)] = 3  # of the sentences of every few-shot cell, for each seed
    data: dict[str, Any]
    training: dict[str, Any] = Field(default_factory=dict)
    papers: dict[str, PaperScale] = Field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        """Whether what is run at this scale answers in text."""
        return self.data.get("collection") == "english"


class FewShotRecipe(Closed):
    """The few-shot protocol: which pairs, how many sentences, and what changes in the training."""

    languages: tuple[str, ...] = (LANGUAGE,)  # paper codes
    tasks: tuple[str, ...] = settings.TASKS
    k: tuple[Positive, ...]
    training: dict[str, Any] = Field(default_factory=dict)


class ExperimentBlock(Override):
    """Methods that share a setting, with what the block changes in their recipes."""

    label: str = ""  # of the condition, where an artifact compares several
    setting: Literal["single", "multi", "mixed"]
    methods: tuple[str, ...]
    switched: bool = False  # the other pair of partitions (Hyper-X, section 6.3)
    suite: Literal["glue", "superglue"] | None = None
    tasks: tuple[str, ...] = ()  # of single-task models, where they are no suite
    size: str = ""  # of the backbone, by its name in the profile
    weights: Weights = "pretrained"
    few_shot: FewShotRecipe | None = None  # from the models of this setting


class ExperimentRecipe(Closed):
    """The runs that an artifact is made of."""

    paper: str
    about: str
    artifacts: tuple[str, ...] = ()
    blocks: tuple[ExperimentBlock, ...] = ()
    includes: tuple[str, ...] = ()  # other experiments of the paper whose blocks belong to this one


_YAML = (".yaml", ".yml")
_KINDS: dict[str, type[BaseModel]] = {
    "backbones": BackboneSpec,
    "methods": MethodRecipe,
    "profiles": ProfileRecipe,
}


def recipe_names(kind: str) -> list[str]:
    """Return the names of the shipped recipes of a kind: `backbones`, `methods`, `profiles`, or a paper."""
    return sorted(path.stem for path in (places.shipped("recipes") / kind).glob("*.yaml"))


def papers() -> list[str]:
    """Return the papers that have experiment recipes."""
    folders = places.shipped("recipes").iterdir()
    return sorted(folder.name for folder in folders if folder.is_dir() and folder.name not in _KINDS)


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layers laid over each other, later ones winning, nested mappings merged."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else value
    # `updates` and `epochs` say the same thing in two units: the later layer's unit replaces the other
    if units := next((u for layer in reversed(layers) if (u := layer.keys() & {"updates", "epochs"})), None):
        for other in {"updates", "epochs"} - units:  # a layer that gives both is refused by the schema
            merged.pop(other, None)
    return merged


def read_yaml(path: Path, below: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the mapping in a YAML file, safely loaded, with its `extends` parents merged underneath.

    `below` are the recipes that extend this one.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable YAML file ({str(error).splitlines()[0]}).") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a mapping of keys to values at the top.")
    parent = values.pop("extends", None)
    if parent is None:
        return values
    chain = (*below, path.stem)
    if not isinstance(parent, str) or Path(parent).name != parent or parent in chain:
        raise InputError(f"{path}: extends must name another recipe of the same folder (given: {parent!r}).")
    return merge(read_yaml(path.parent / f"{parent}.yaml", chain), values)


def scale(profile: str, paper: str) -> ProfileRecipe:
    """Return a profile as one paper has it."""
    found: ProfileRecipe = load("profiles", profile)
    own = found.papers.get(paper)
    if own is None:
        return found
    update = {
        "backbone": own.backbone or found.backbone,
        "sizes": {**found.sizes, **own.sizes},
        "draws": own.draws or found.draws,
        "data": merge(found.data, own.data),
        "training": merge(found.training, own.training),
    }
    return found.model_copy(update=update)


@cache
def load(kind: str, name: str) -> Any:
    """Return the recipe `name` of a kind; a path to a YAML file of the user's own is taken as well."""
    model = _KINDS.get(kind, ExperimentRecipe)
    path = Path(name)
    own = path.suffix in _YAML
    if not own:
        if name not in recipe_names(kind):
            what = kind.removesuffix("s") if kind in _KINDS else "experiment"
            raise InputError(did_you_mean(what, name, recipe_names(kind)))
        path = places.shipped("recipes") / kind / f"{name}.yaml"
    found = validated(model, read_yaml(path), str(path.name))
    return _beside(path, found) if own else found


def _beside(path: Path, found: Any) -> Any:
    """Return a recipe of the user's own with the YAML files it names looked for beside it."""

    def place(name: str) -> str:
        return str(path.parent / name) if Path(name).suffix in _YAML else name

    if isinstance(found, ProfileRecipe):
        papers = {
            paper: own.model_copy(
                update={
                    "backbone": own.backbone and place(own.backbone),
                    "sizes": {size: place(name) for size, name in own.sizes.items()},
                }
            )
            for paper, own in found.papers.items()
        }
        sizes = {size: place(name) for size, name in found.sizes.items()}
        return found.model_copy(update={"backbone": place(found.backbone), "sizes": sizes, "papers": papers})
    if isinstance(found, ExperimentRecipe):
        blocks = [b.model_copy(update={"methods": tuple(map(place, b.methods))}) for b in found.blocks]
        return found.model_copy(update={"blocks": tuple(blocks), "includes": tuple(map(place, found.includes))})
    return found


def backbone(name: str, weights: Weights = "pretrained") -> BackboneSpec:
    """Return a backbone by recipe name or YAML file, else a local folder with a `config.json`, else a hub name."""
    path = Path(name)
    if name in recipe_names("backbones") or path.suffix in _YAML:
        return load("backbones", name).model_copy(update={"weights": weights})
    if (path / "config.json").is_file():
        return BackboneSpec(name=path.name, folder=str(path.resolve()), weights=weights)
    if name.count("/") == 1 and not path.exists() and ".." not in name and not name.startswith(("/", ".")):
        return BackboneSpec(name=name, hub=name, weights=weights)
    known = did_you_mean("backbone", name, recipe_names("backbones"))
    raise InputError(f"{known} A folder with a config.json or a hub name like owner/model works too.")


def _scalar(text: str) -> Any:
    try:
        # YAML 1.1 reads 1e-4 as a string; people write rates that way
        return float(text) if "e" in text.lower() else yaml.safe_load(text)
    except ValueError:
        return yaml.safe_load(text)


def parse_assignments(assignments: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `section.key=value` strings as nested mappings, values read as YAML scalars."""
    sections: dict[str, Any] = {"options": {}, "training": {}, "data": {}}
    for text in assignments:
        key, equals, value = text.partition("=")
        section, dot, field = key.strip().partition(".")
        if not equals or not dot or section not in sections:
            raise InputError(f"--set {text}: expected options.KEY=VALUE, training.KEY=VALUE or data.KEY=VALUE.")
        try:
            *above, last = field.split(".")
            place = sections[section]
            for part in above:
                place = place.setdefault(part, {})
                if not isinstance(place, dict):
                    raise InputError(f"--set {text}: {section}.{part} is given a value of its own as well.")
            place[last] = _scalar(value)
        except yaml.YAMLError:
            raise InputError(f"--set {text}: {value!r} is not a YAML value.") from None
    return sections


def resolve(
    method: str,
    *,
    setting: str,
    profile: str = "demo",
    task: str | None = None,
    partition: str | None = None,
    suite: str | None = None,
    seed: int | None = None,
    variant: str = "paper",
    size: str = "",
    backbone_name: str | None = None,
    backbone_weights: Weights = "pretrained",
    origin: str | None = None,
    assignments: Iterable[str] = (),
    changes: Override | None = None,
) -> RunSpec:
    """Return the run spec for one model; data and backbone fingerprints are still empty.

    `changes` are those of an experiment's block, laid over the method and its variant; `size` is that of the
    backbone, where the profile has several.

    Raises `InputError` for an unknown name, a value outside its range, or a setting the method does not have.
    """
    recipe: MethodRecipe = load("methods", method)
    ground = scale(profile, recipe.paper)
    name = Path(method).stem
    if recipe.paper not in papers():
        raise InputError(f"{name}: {did_you_mean('paper', recipe.paper, papers())}")
    if setting not in settings.SETTINGS:
        raise InputError(did_you_mean("setting", setting, list(settings.SETTINGS)))
    if setting not in recipe.settings:
        raise InputError(f"{name} has no {setting} setting: it runs in {', '.join(recipe.settings)}.")
    if variant != "paper" and variant not in recipe.variants:
        raise InputError(f"{name} has no variant '{variant}'. Known: {', '.join(['paper', *recipe.variants])}.")
    given = parse_assignments(assignments)
    layers = [
        recipe,
        recipe.profiles.get(Path(profile).stem, Override()),
        recipe.variants.get(variant, Override()),
        changes or Override(),
    ]
    # one model a partition or a task: the parts that do not apply to the setting stay out of the identity
    return validated(
        RunSpec,
        {
            "paper": recipe.paper,
            "method": name,
            "kind": recipe.kind,
            "variant": variant,
            "setting": setting,
            "suite": suite if ground.is_text and setting != "single" else None,
            "task": task if setting == "single" or recipe.one_task else None,
            "partition": partition if setting == "mixed" else None,
            "seed": ground.seeds[0] if seed is None else seed,
            "profile": Path(profile).stem,
            "options": merge(*(layer.options for layer in layers), given["options"]),
            "data": merge(
                ground.data,
                *(layer.data for layer in layers),
                given["data"],
                {"origin": origin} if origin else {},
            ),
            "backbone": backbone(backbone_name or _of_size(ground, size, profile), backbone_weights),
            "training": _shortened(
                merge(ground.training, *(layer.training for layer in layers), given["training"]),
                prod(layer.shorten for layer in layers),
            ),
        },
        f"{name} ({setting}, {profile})",
    )


def _shortened(training: dict[str, Any], share: float) -> dict[str, Any]:
    """Return training fields with only a share of their updates or epochs.

    The warm-up is at most a tenth of what is left, and weights are chosen among four at least.
    """
    if share == 1:
        return training
    if not training.get("updates"):
        return {**training, "epochs": (training.get("epochs") or 0) * share}
    updates = max(1, round(training["updates"] * share))
    caps = {"warmup": updates // 10, "evaluate_every": max(1, updates // 4)}
    return {
        **training,
        "updates": updates,
        **{k: min(training[k], most) for k, most in caps.items() if k in training},
    }


def _of_size(ground: ProfileRecipe, size: str, profile: str) -> str:
    """Return the backbone of a size; that of the profile without one."""
    if size and size not in ground.sizes:
        raise InputError(f"profile {profile}: {did_you_mean('size of backbone', size, list(ground.sizes))}")
    return ground.sizes[size] if size else ground.backbone


def chosen_models(
    method: str,
    setting: str,
    *,
    task: str | None = None,
    partition: str | None = None,
    suite: str | None = None,
    profile: str = "demo",
) -> list[settings.Model]:
    """Return the models a command line asks for: both partitions (mixed), all tasks (single) by default."""
    found: MethodRecipe = load("methods", method)
    one_task = found.one_task
    if scale(profile, found.paper).is_text:
        return _text_models(setting, task, partition, suite)
    if suite:
        raise InputError(f"--suite only applies to text-to-text methods, not to {method}.")
    if task and task not in settings.TASKS:
        raise InputError(did_you_mean("task", task, list(settings.TASKS)))
    if task and setting != "single" and not one_task:
        raise InputError(f"--task only applies to the single setting; {setting} trains on both tasks.")
    if partition is not None:
        if setting != "mixed":
            raise InputError(f"--partition only applies to the mixed setting, not to {setting}.")
        if partition != "switched":
            settings.partition_sources(partition)
    switched = partition is not None and "switched" in partition
    return [
        model
        for model in settings.models(setting, one_task=one_task, switched=switched)
        if (task is None or model.task == task) and (partition in (None, "switched", model.partition))
    ]


def _text_models(setting: str, task: str | None, partition: str | None, suite: str | None) -> list[settings.Model]:
    if partition:
        raise InputError("--partition only applies to the mixed setting, which text-to-text methods do not have.")
    if task and setting != "single":
        raise InputError(f"--task only applies to the single setting; {setting} trains on a suite (--suite).")
    if task:
        return [settings.Model(text_task(task).name)]
    return list(settings.models(setting, suite=suite or SUITES[0]))


def expand(
    method: str,
    *,
    setting: str,
    task: str | None = None,
    partition: str | None = None,
    suite: str | None = None,
    profile: str = "demo",
    seeds: Iterable[int | None] = (None,),
    **others: Any,
) -> list[RunSpec]:
    """Return the run specs of a method in a setting, for every chosen model and seed."""
    return [
        resolve(
            method,
            setting=setting,
            task=model.task,
            partition=model.partition,
            suite=suite or SUITES[0],
            seed=seed,
            profile=profile,
            **others,
        )
        for seed in seeds
        for model in chosen_models(method, setting, task=task, partition=partition, suite=suite, profile=profile)
    ]
