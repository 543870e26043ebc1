"""Method, profile and what a command or an experiment changes → run specs."""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

from hxbench.closed import validated
from hxbench.errors import InputError, did_you_mean
from hxbench.spec import settings
from hxbench.spec.backbone import BackboneSpec, Weights
from hxbench.spec.recipe.assignments import parse_assignments
from hxbench.spec.recipe.reading import backbone, family, load, merge, own_data, papers, scale
from hxbench.spec.recipe.schema import MethodRecipe, Override, ProfileRecipe
from hxbench.spec.run_spec import NO_PAPER, RunSpec, tagging_tasks
from hxbench.tasks import SUITES, task_of, text_tasks
from hxbench.tasks.description import Described
from hxbench.tasks.task import TEXTS


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
    transfer: Iterable[str] = (),
    together: Iterable[str] = (),
) -> RunSpec:
    """Return the run spec for one model; data and backbone fingerprints are still empty.

    `changes` are those of an experiment's block, laid over the method and its variant; `size` is that of the
    backbone, where the profile has several; `transfer` are further tasks to score on; `together` are those that
    one model is of, in the place of a suite. Raises `InputError` for an unknown name, a value outside its range,
    or a setting the method does not have.
    """
    recipe: MethodRecipe = load("methods", method)
    ground, name, at = scale(profile, recipe.ground_for(task)), Path(method).stem, Path(profile).stem
    known = papers()
    for field, paper in (("paper", recipe.paper), ("scale", recipe.ground)):
        if paper not in known and (field, paper) != ("paper", NO_PAPER):
            raise InputError(f"{name}: {did_you_mean(field, paper, known)}")
    if setting not in settings.SETTINGS:
        raise InputError(did_you_mean("setting", setting, list(settings.SETTINGS)))
    if setting not in recipe.settings:
        raise InputError(f"{name} has no {setting} setting: it runs in {', '.join(recipe.settings)}.")
    if variant != "paper" and variant not in recipe.variants:
        raise InputError(f"{name} has no variant '{variant}'. Known: {', '.join(['paper', *recipe.variants])}.")
    given = parse_assignments(assignments)
    own = own_data(profile)
    if own and own.described.extends is None and ground.is_text and setting == "multi" and not task:
        together = own.described.tasks_of(*TEXTS)
    stands_on = backbone(backbone_name or _of_size(ground, size, profile), backbone_weights)
    layers: list[Override] = [recipe]
    for scaled in (recipe.profiles.get(at), recipe.variants.get(variant)):
        if scaled:
            layers += [scaled, scaled.families.get(stands_on.family, Override())]
    layers.append(changes or Override())
    # one model a partition or a task: the parts that do not apply to the setting stay out of the identity
    return validated(
        RunSpec,
        {
            "paper": recipe.paper,
            "method": name,
            "kind": recipe.kind,
            "variant": variant,
            "setting": setting,
            "suite": suite if ground.is_text and setting != "single" and not together else None,
            "task": task if setting == "single" or recipe.one_task else None,
            "partition": partition if setting == "mixed" else None,
            "together": tuple(together),
            "transfer": tuple(transfer),
            "seed": ground.seeds[0] if seed is None else seed,
            "profile": at,
            "options": merge(*(layer.options for layer in layers), given["options"]),
            "data": merge(
                _usual_data(ground, stands_on),
                ground.data,
                *(layer.data for layer in layers),
                given["data"],
                {"origin": origin} if origin else {},
            ),
            "backbone": stands_on,
            "training": _shortened(
                merge(ground.training, *(layer.training for layer in layers), given["training"]),
                prod(layer.shorten for layer in layers),
            ),
        },
        f"{name} ({setting}, {profile})",
    )


def _usual_data(ground: ProfileRecipe, backbone: BackboneSpec) -> dict[str, Any]:
    """Return the data fields that follow from the backbone where nothing says otherwise.

    A tokenizer that was not made here may be SentencePiece's, whose lone `▁` is no place for a label. A decoder
    has not read a word before its last token.
    """
    if ground.is_text:
        return {}
    if stacks_of(backbone) == "decoder":
        return {"label_token": "last"}
    return {} if backbone.pretrain else {"label_token": "character"}


def _shortened(training: dict[str, Any], share: float) -> dict[str, Any]:
    """Return training fields with only a share of their updates or epochs: a tenth of what is left warms up."""
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


def _of_size(ground: ProfileRecipe, size: str, profile: str) -> str | BackboneSpec:
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
    backbone_name: str | None = None,
) -> list[settings.Model]:
    """Return the models a command line asks for, by default all that the setting has and the backbone answers."""
    found: MethodRecipe = load("methods", method)
    one_task, ground = found.one_task, scale(profile, found.ground_for(task))
    data = own_data(profile)
    if data and _is_of_own(data.described, task, ground.is_text and not suite):
        return _models_of(data.described, method, ground.is_text, setting, task, partition, one_task)
    own = ground.own_tasks if ground.is_text else ()
    if suite and own:
        raise InputError(f"--suite only applies to methods of paper pha, and {method} is one of {found.ground}.")
    if own and not task:
        writes = stacks_of(backbone(backbone_name or ground.backbone)) != "encoder"
        return [settings.Model(one) for one in own if writes or task_of(one).labels]
    if ground.is_text:
        return _text_models(setting, task, partition, suite)
    if suite:
        raise InputError(
            f"--suite only applies to text-to-text methods, and {method} is a method of paper {found.ground}."
        )
    described = data.described if data else None
    if task and task not in (known := tagging_tasks(described)):
        if task in text_tasks():
            raise InputError(
                f"{task} answers texts as a whole, and {Path(method).stem} tags words: its recipe is of paper "
                f"{found.ground}. One with paper: pet, pha or none is for texts."
            )
        raise InputError(did_you_mean("task", task, list(known)))
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
        for model in settings.models(setting, one_task=one_task, switched=switched, described=described)
        if (task is None or model.task == task) and (partition in (None, "switched", model.partition))
    ]


def _is_of_own(described: Described, task: str | None, texts: bool) -> bool:
    """Return whether what is asked for is of a user's own tasks: where texts are answered, all that are named."""
    if described.extends is None or task in described.tasks:
        return True
    return texts and task is None and any(one.answers_texts for one in described.tasks.values())


def _models_of(
    described: Described,
    method: str,
    texts: bool,
    setting: str,
    task: str | None,
    partition: str | None,
    one_task: bool,
) -> list[settings.Model]:
    """Return the models of tasks of a user's own, which the method has to be one for."""
    known, others = described.tasks_of(*TEXTS), described.tasks_of("tagging")
    known, others = (known, others) if texts else (others, known)
    if task is not None and task not in known:
        if task in others:
            what = "tags words" if texts else "answers texts as a whole"
            raise InputError(f"{task} {what}, and {method} does not: see hxbench list methods.")
        raise InputError(did_you_mean("task", task, list(known)))
    if not known:
        what = "texts as a whole" if texts else "words"
        raise InputError(f"{described.title} has no task of {what}, which {method} is for.")
    if setting == "single":
        return [settings.Model(name) for name in ([task] if task else known)]
    if task and not one_task:
        raise InputError(f"--task only applies to the single setting; {setting} trains on all tasks.")
    if texts and len(known) < 2:
        raise InputError(f"{described.title} has one task of texts: --setting single (given: {setting}).")
    if texts:
        return [settings.Model()]
    models = settings.models(setting, one_task=one_task, described=described)
    if partition not in (None, *(one.partition for one in models)) or not models:
        raise InputError(
            f"{described.title} describes no partition {partition or 'a or b'}: the mixed setting needs "
            "partitions, by task the languages that are trained on beside those of sources."
        )
    return [one for one in models if task in (None, one.task) and partition in (None, one.partition)]


def stacks_of(backbone: BackboneSpec) -> str:
    """Return what a backbone consists of; nothing where its family is not known here, or not yet."""
    known = family(backbone.family, backbone.files)
    return known.stacks if known else ""


def _text_models(setting: str, task: str | None, partition: str | None, suite: str | None) -> list[settings.Model]:
    if partition:
        raise InputError("--partition only applies to the mixed setting, which text-to-text methods do not have.")
    if task and setting != "single":
        raise InputError(f"--task only applies to the single setting; {setting} trains on a suite (--suite).")
    if task:
        found = task_of(task)
        if suite not in (None, found.suite):
            raise InputError(f"{task} is a task of {found.suite}, not of {suite}.")
        return [settings.Model(found.name)]
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
    models = chosen_models(
        method, setting, task=task, partition=partition, suite=suite, profile=profile,
        backbone_name=others.get("backbone_name"),
    )  # fmt: skip
    given = {**others, "setting": setting, "suite": suite or SUITES[0], "profile": profile}
    return [
        resolve(method, task=model.task, partition=model.partition, seed=seed, **given)
        for seed in seeds
        for model in models
    ]
