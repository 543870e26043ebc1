"""`hxbench train`: one method in one setting."""

import sys
from functools import partial
from typing import Annotated

import typer

from hxbench.cli import execute, options
from hxbench.cli.plan import show_outlook


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
    random_body: options.RandomBody = False,
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
    from hxbench.spec import recipe

    place, where = where.launcher(check=not dry_run), where.on_ground()
    found: recipe.MethodRecipe = recipe.load("methods", method)
    scale = recipe.scale(where.profile, found.ground_for(task))
    setting = setting or found.settings[-1]
    session = where.session(scale.data, checkpoint_every, dry_run=dry_run)
    wanted_by = partial(
        recipe.expand, method, setting=setting, task=task, partition=partition, suite=suite,
        seeds=seed or (None,),
        profile=where.profile, variant=variant, backbone_name=backbone,
        backbone_weights="random" if random_body else "pretrained", origin=session.source.kind,
        assignments=assign or (),
    )  # fmt: skip
    specs = execute.settled(session, wanted_by, lambda spec: spec)
    execute.fetch(session, specs)
    wanted = [session.add(spec) for spec in specs]
    if dry_run:
        show_outlook(session, place, as_json=as_json)
        return
    for one in wanted:
        if one.done:
            print(f"{one.job.spec.title}: in the store already, run {one.run_id}", file=sys.stderr)
    results = execute.do(session, place)
    if done := [one.run_id for one in wanted if session.store.is_complete(one.run_id)]:
        execute.show_scores(session.store, done, as_json)
    execute.end(results)
