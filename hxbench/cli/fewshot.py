"""`hxbench fewshot`: tune a trained model on a few sentences of a pair, and see what that brings."""

import sys
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import options

if TYPE_CHECKING:
    from hxbench.spec import RunSpec
    from hxbench.stages.session import Planned
    from hxbench.store import Store


_DIGITS = 9  # of a number of examples


def fewshot_command(
    method: Annotated[
        str, typer.Argument(help="A method recipe (hxbench list methods) or a YAML file of your own.")
    ],
    k: Annotated[
        str | None, typer.Option("--k", help="Numbers of examples, such as 5,10,20,50; default: the paper's.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(help="Language code; may be repeated; tagging only; default: the paper's five."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="One task; default: all of the paper's.")] = None,
    setting: Annotated[
        str | None,
        typer.Option(help="Whose models it starts from; default: as the paper has the method, mostly multi."),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Random draws of examples for each seed; default: the profile's."),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: the profile's first.")
    ] = None,
    profile: options.Profile = "demo",
    data_source: options.DataSource = None,
    backbone: options.BackboneName = None,
    variant: options.Variant = "paper",
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one field of the models it starts from; see train."),
    ] = None,
    keep_weights: Annotated[
        bool,
        typer.Option("--keep-weights", help="Keep the weights of each model, for eval and predict."),
    ] = False,
    workers: options.Workers = 0,
    on: options.On = "local",
    address: options.Address = None,
    sbatch: options.Sbatch = "",
    no_wait: options.NoWait = False,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Tune a method's models on k examples of a language and task, and score them there (Hyper-X 6.4, PHA 4.4)."""
    from hxbench import experiment as experiments
    from hxbench import places, recipe
    from hxbench.cli import work
    from hxbench.errors import InputError, did_you_mean
    from hxbench.launch.launcher import launcher
    from hxbench.stages.inputs import DataSource
    from hxbench.stages.session import Session
    from hxbench.tasks import TAGGING, suite_tasks, text_tasks

    place = launcher(on, workers=workers, address=address, sbatch=sbatch, wait=not no_wait)
    found: recipe.MethodRecipe = recipe.load("methods", method)
    scale = recipe.scale(profile, found.ground)
    known = list(text_tasks() if scale.is_text else suite_tasks(TAGGING))
    if task not in (None, *known):
        raise InputError(did_you_mean("task", str(task), known))
    if language and scale.is_text:
        raise InputError(f"--language only applies to tagging methods; the tasks of {method} are all in English.")
    protocol = experiments.few_shot_protocol(found.ground, profile=profile)
    changes: dict[str, Any] = {"k": _counts(k)} if k else {}
    changes |= {"languages": tuple(language)} if language else {}
    changes |= {"tasks": (task,)} if task else {}
    protocol = protocol.model_copy(update=changes)
    source = DataSource.of(data_source, profile, scale.data)
    setting = setting or found.start_setting
    given: dict[str, Any] = {
        "profile": profile, "variant": variant, "backbone_name": backbone, "origin": source.kind,
        "assignments": assign or (), "changes": experiments.few_shot_block(found.ground, method),
    }  # fmt: skip
    counts = range(draws or scale.draws)
    nothing = found.few_shot_from == "nothing"

    def models() -> "list[RunSpec]":
        if nothing:
            return [recipe.resolve(method, setting="single", task=one, seed=number, **given)
                    for number in seed or (None,) for one in protocol.tasks]  # fmt: skip
        return recipe.expand(
            method, setting=setting, task=task if setting == "single" and not scale.is_text else None,
            seeds=list(seed) if seed else (None,), **given,
        )  # fmt: skip

    session = Session(source, places.store_dir(store), offline=offline)
    starts = work.settled(session, models, lambda spec: spec)
    if nothing:
        runs = [one for start in starts for one in experiments.few_shot_singles(start, protocol, counts)]
    else:
        runs = [one for start in starts for one in experiments.few_shot_runs(start, protocol, draws=counts)]
    work.fetch(session, starts)
    wanted = [session.add(one.spec, one.start, keep_weights=keep_weights) for one in runs]
    if not wanted:
        raise InputError(
            f"{method} ({setting}) was trained on all of what is asked for: nothing would be transferred."
        )
    if keep_weights and (lost := [p for p in wanted if p.done and not session.store.has_weights(p.run_id)]):
        ids = " ".join(one.run_id for one in lost)
        print(
            f"In the store already, without weights: hxbench runs rm {ids} removes them, "
            "and this command makes them anew.",
            file=sys.stderr,
        )
    outcomes = work.do(session, place)
    if work.is_first_process():
        _show(session.store, wanted, as_json)
    work.end(outcomes)


def _counts(text: str) -> tuple[int, ...]:
    """Return the numbers in a list like 5,10,20."""
    from hxbench.errors import InputError
    from hxbench.printing import shortened

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < len(word) <= _DIGITS and int(word) > 0 for word in words):
        raise InputError(f"--k {shortened(text)}: expected numbers of examples from 1 up, such as 5,10,20,50.")
    return tuple(dict.fromkeys(map(int, words)))


def _show(store: "Store", wanted: "list[Planned]", as_json: bool) -> None:
    """Print the score of every pair by k: the mean over seeds and draws, k = 0 being the model it starts from."""
    from hxbench.cli.rows import print_rows
    from hxbench.languages import find_language
    from hxbench.methods.method import START

    if not wanted:
        return
    found: dict[tuple[str, str], dict[int, dict[str, float]]] = {}
    for one in wanted:
        shot = one.job.spec.few_shot
        assert shot is not None
        cells = found.setdefault((shot.task, shot.language), {})
        start = one.job.spec.after.get(START)  # a run from nothing has none, and no score at k = 0
        for k, run_id in (*([(0, start)] if start else []), (shot.k, one.run_id)):
            if (
                store.is_complete(run_id)
                and (value := _score(store, run_id, shot.task, shot.language)) is not None
            ):
                cells.setdefault(k, {})[run_id] = value
    shown = sorted({k for cells in found.values() for k in cells})
    rows: list[dict[str, Any]] = []
    for (task, language), cells in found.items():
        label = language if as_json else find_language(language).label
        row: dict[str, Any] = {"task": task, "language": label}
        for k in shown:
            values = list(cells.get(k, {}).values())
            if as_json:
                row[f"k={k}"] = {"mean": fmean(values) if values else None, "values": values}
            else:
                deviation = f"±{stdev(values):.1f}" if len(values) > 1 else ""
                row[f"k={k}"] = f"{fmean(values):.1f}{deviation}" if values else None
        rows.append(row)
    if not as_json:
        zero = "; k=0 is zero-shot" if 0 in shown else ""
        print(f"Score after tuning on k examples, mean ± s.d. over seeds and draws{zero}:\n")
    print_rows(rows, as_json)


def _score(store: "Store", run_id: str, task: str, language: str) -> float | None:
    rows = store.finished(run_id).metrics()
    tests = (row for row in rows if row.get("split") == "test")
    return next((row["value"] for row in tests if (row["task"], row["language"]) == (task, language)), None)
