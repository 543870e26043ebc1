"""`hxbench fewshot`: tune a trained model on a few sentences of a pair, and see what that brings."""

import shlex
import sys
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import execute, options
from hxbench.cli.output import print_rows
from hxbench.cli.plan import show_outlook
from hxbench.errors import InputError, did_you_mean
from hxbench.printing import shortened

if TYPE_CHECKING:
    from hxbench.runs.session import Planned
    from hxbench.spec.recipe import FewShotRecipe
    from hxbench.spec.run_spec import RunSpec
    from hxbench.store import Store


_DIGITS = 9  # of a number of examples


@options.with_run_options
def fewshot_command(
    method: options.Method,
    *,
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
    seed: options.Seeds = None,
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
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.Json = False,
) -> None:
    """Tune a method's models on k examples of a language and task, and score them there (Hyper-X 6.4, PHA 4.4)."""
    from hxbench.spec import experiment as experiments
    from hxbench.spec import recipe

    # a name that is none is said before torch is imported
    found: recipe.MethodRecipe = recipe.load("methods", method)
    launcher, where = where.launcher(check=not dry_run), where.on_ground()
    from hxbench.runs.execute import do, fetch, is_first_process, settled

    scale = recipe.scale(where.profile, found.ground)
    protocol = experiments.few_shot_protocol(found.ground, profile=where.profile)
    protocol = _narrowed(protocol, method, k, language, task)
    session = where.session(scale.data, dry_run=dry_run)
    setting = setting or found.start_setting
    given: dict[str, Any] = {
        "profile": where.profile, "variant": variant, "backbone_name": backbone, "origin": session.source.kind,
        "assignments": assign or (), "changes": experiments.few_shot_block(found.ground, method),
    }  # fmt: skip
    seeds, counts = seed or (None,), range(draws or scale.draws)
    nothing = found.few_shot_from == "nothing"

    def models() -> "list[RunSpec]":
        if not nothing:
            return recipe.expand(method, setting=setting, seeds=seeds, **given)
        pairs = product(seeds, protocol.tasks)
        return [recipe.resolve(method, setting="single", task=one, seed=number, **given) for number, one in pairs]

    audience = execute.terminal()
    starts = settled(session, models, lambda spec: spec, audience)
    tuned = experiments.few_shot_singles if nothing else experiments.few_shot_runs
    runs = [one for start in starts for one in tuned(start, protocol, draws=counts)]
    fetch(session, starts, audience)
    wanted = [session.add(one.spec, one.start, keep_weights=keep_weights) for one in runs]
    if not wanted:
        raise InputError(
            f"{method} ({setting}) was trained on all of what is asked for: nothing would be transferred."
        )
    if dry_run:
        show_outlook(session, launcher, as_json=as_json)
        return
    lost = [one.run_id for one in wanted if one.done and not session.store.has_weights(one.run_id)]
    if keep_weights and lost:
        removal = shlex.join(["hxbench", "runs", "rm", *lost, "--store", str(session.store.root)])
        print(
            f"In the store already, without weights: {removal} removes them, and this command makes them anew.",
            file=sys.stderr,
        )
    results = do(session, launcher, audience)
    if is_first_process():
        _show(session.store, wanted, as_json)
    execute.end(results)


def _narrowed(
    protocol: "FewShotRecipe", method: str, k: str | None, languages: list[str] | None, task: str | None
) -> "FewShotRecipe":
    """Return a protocol with the numbers of examples, languages and task that were asked for; else its own."""
    from hxbench.tasks import MLM, task_names, task_of

    texts = task_of(protocol.tasks[0]).answers_texts
    known = [name for name in task_names() if name != MLM and task_of(name).answers_texts == texts]
    if task not in (None, *known):
        raise InputError(did_you_mean("task", str(task), known))
    if languages and texts:
        raise InputError(f"--language only applies to tagging methods; the tasks of {method} are all in English.")
    changes: dict[str, Any] = {"k": _counts(k)} if k else {}
    changes |= {"languages": tuple(languages)} if languages else {}
    changes |= {"tasks": (task,)} if task else {}
    return protocol.model_copy(update=changes)


def _counts(text: str) -> tuple[int, ...]:
    """Return the numbers in a list like 5,10,20."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 0 < len(word) <= _DIGITS and int(word) > 0 for word in words):
        raise InputError(f"--k {shortened(text)}: expected numbers of examples from 1 up, such as 5,10,20,50.")
    return tuple(dict.fromkeys(map(int, words)))


def _show(store: "Store", wanted: "list[Planned]", as_json: bool) -> None:
    """Print the score of every pair by k: the mean over seeds and draws, k = 0 being the model it starts from."""
    from hxbench.report.scores.estimate import Estimate
    from hxbench.report.scores.run_scores import few_shot_scores
    from hxbench.spec.languages import find_language

    found = few_shot_scores(store, [one.job.spec for one in wanted])
    shown = sorted({k for cells in found.values() for k in cells})
    rows: list[dict[str, Any]] = []
    for (task, language), cells in found.items():
        row: dict[str, Any] = {"task": task, "language": language if as_json else find_language(language).label}
        for k in shown:
            score = cells.get(k, Estimate())
            if as_json:
                row[f"k={k}"] = {"mean": score.mean, "values": list(score.values)}
            else:
                deviation = f"±{score.sd:.1f}" if score.sd is not None else ""
                row[f"k={k}"] = f"{score.mean:.1f}{deviation}" if score.mean is not None else None
        rows.append(row)
    if not as_json:
        zero = "; k=0 is zero-shot" if 0 in shown else ""
        print(f"Score after tuning on k examples, mean ± s.d. over seeds and draws{zero}:\n")
    print_rows(rows, as_json)
