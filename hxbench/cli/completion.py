"""What a shell completes: the values of options and arguments, by the names that these have in all commands."""

import inspect
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import typer
from typer.models import ParameterInfo

VARIABLE = "_HXBENCH_COMPLETE"  # which a shell sets that asks for completions
# written here, as what they are read from imports torch; a test compares them
PLACES = ("local", "ray", "slurm")
TRACKERS = ("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "tensorboard", "trackio", "wandb")


def _recipes(kind: str) -> Iterable[str]:
    from hxbench.spec import recipe

    return recipe.recipe_names(kind)


def _experiments() -> Iterable[str]:
    from hxbench.spec import recipe

    return [f"{paper}/{name}" for paper in recipe.papers() for name in recipe.recipe_names(paper)]


def _papers() -> Iterable[str]:
    from hxbench.spec import recipe

    return recipe.papers()


def _sweeps() -> Iterable[str]:
    from hxbench.spec import sweep

    return sweep.sweeps()


def _tasks() -> Iterable[str]:
    from hxbench.tasks import MLM, task_names

    return [name for name in task_names() if name != MLM]


def _languages() -> Iterable[str]:
    from hxbench.spec.languages import language_set

    return [*language_set("hyperx"), *language_set("sandbox")]


def _runs(store: Any) -> Iterable[str]:
    from hxbench import api

    found = api.open_store(store)
    if found.pack:
        return found.pack.ids
    names = os.listdir(found.root / "runs")
    return sorted(name for name in names if re.fullmatch("[0-9a-f]{12}", name))


_VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "backbone": partial(_recipes, "backbones"),
    "experiment": _experiments,
    "language": _languages,
    "method": partial(_recipes, "methods"),
    "name": _sweeps,
    "on": lambda: PLACES,
    "paper": _papers,
    "partition": lambda: ("a", "b", "a-switched", "b-switched", "switched"),
    "profile": partial(_recipes, "profiles"),
    "setting": lambda: ("single", "multi", "mixed"),
    "suite": lambda: ("glue", "superglue"),
    "task": _tasks,
    "track": lambda: TRACKERS,
    "variant": lambda: ("paper", "code"),
}
_OF_THE_STORE = ("run", "runs")


def complete_values(app: typer.Typer) -> None:
    """Let the shell complete the values of every parameter whose name says what they are."""
    for group in app.registered_groups:
        if group.typer_instance:
            complete_values(group.typer_instance)
    for command in app.registered_commands:
        for name, one in inspect.signature(command.callback or complete_values).parameters.items():
            for said in getattr(one.annotation, "__metadata__", ()):
                if isinstance(said, ParameterInfo) and (values := _completion_of(name)):
                    said.autocompletion = values


def _completion_of(name: str) -> Callable[..., list[str]] | None:
    if name in _OF_THE_STORE:
        return _of_runs
    if name not in _VALUES:
        return None

    def complete(incomplete: str) -> list[str]:
        return _beginning(incomplete, _VALUES[name])

    return complete


def _of_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    return _beginning(incomplete, partial(_runs, ctx.params.get("store")))


def _beginning(incomplete: str, values: Callable[[], Iterable[str]]) -> list[str]:
    """Return the values that begin so; none where they cannot be read, as a shell has no place for complaints."""
    try:
        return [value for value in values() if value.startswith(incomplete)]
    except Exception:
        return []
