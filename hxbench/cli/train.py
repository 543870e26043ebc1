"""`hxbench train`: one method in one setting."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import execute, options
from hxbench.cli.plan import show_outlook

if TYPE_CHECKING:
    from hxbench.runs.scheduler.jobs import Result
    from hxbench.runs.session import Planned


@options.with_run_options
def train_command(
    method: options.Method,
    *,
    setting: Annotated[
        str | None, typer.Option(help="single, multi or mixed; default: the last of these that the method has.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="One task; single setting only; default: all of them, one run each.")
    ] = None,
    suite: options.Suite = None,
    partition: Annotated[
        str | None,
        typer.Option(
            help="a, b, a-switched, b-switched, or switched for these two; mixed only; default: a and b."
        ),
    ] = None,
    seed: options.Seeds = None,
    backbone: options.BackboneName = None,
    random_weights: options.RandomWeights = False,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(min=1, help="Updates between checkpoints; default: at every evaluation.")
    ] = None,
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.Json = False,
) -> None:
    """Train a method and score it on every language or task; what is in the store already is not run again."""
    from hxbench import api
    from hxbench.spec import recipe

    recipe.load("methods", method)  # a name that is none is said before torch is imported
    given: dict[str, Any] = {
        "setting": setting, "task": task, "suite": suite, "partition": partition, "seeds": seed or (),
        "profile": where.profile, "backbone": backbone, "random_weights": random_weights, "variant": variant,
        "changes": assign or (), "data": where.data, "data_source": where.data_source, "store": where.store,
        "offline": where.offline, "checkpoint_every": checkpoint_every, "track": where.track,
    }  # fmt: skip
    launcher = where.launcher(check=not dry_run)
    if dry_run:
        session, _ = api.planned(method, **given, dry_run=True, audience=execute.terminal())
        show_outlook(session, launcher, as_json=as_json)
        return
    results: list[tuple[Planned, Result]] = []
    try:
        records = api.train(method, **given, launcher=launcher, audience=execute.terminal())
    except api.Unfinished as error:
        records, results = error.records, error.results
    if records:
        execute.show_scores(records, as_json)
    execute.end(results)
