"""`hxbench train`: one method in one setting."""

import sys
from functools import partial
from typing import Annotated

import typer

from hxbench.cli import options


@options.with_run_options
def train_command(
    method: Annotated[
        str, typer.Argument(help="A method recipe (hxbench list methods) or a YAML file of your own.")
    ],
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
    seed: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: the profile's first.")
    ] = None,
    backbone: options.BackboneName = None,
    random_body: options.RandomBody = False,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(min=1, help="Updates between checkpoints; default: at every evaluation.")
    ] = None,
    where: options.RunOptions,
    as_json: options.Json = False,
) -> None:
    """Train a method and score it on every language or task; what is in the store already is not run again."""
    from hxbench import places
    from hxbench.cli import execute
    from hxbench.runs.inputs import DataSource
    from hxbench.runs.session import Session
    from hxbench.spec import recipe
    from hxbench.store import Store

    place = where.launcher()
    found: recipe.MethodRecipe = recipe.load("methods", method)
    scale = recipe.scale(where.profile, found.ground)
    setting = setting or found.settings[-1]
    source = DataSource.of(where.data_source, where.profile, scale.data)
    wanted_by = partial(
        recipe.expand, method, setting=setting, task=task, partition=partition, suite=suite,
        seeds=list(seed) if seed else (None,),
        profile=where.profile, variant=variant, backbone_name=backbone,
        backbone_weights="random" if random_body else "pretrained", origin=source.kind, assignments=assign or (),
    )  # fmt: skip
    root = places.store_dir(where.store)
    session = Session(source, root, offline=where.offline, checkpoint_every=checkpoint_every)
    specs = execute.settled(session, wanted_by, lambda spec: spec)
    execute.fetch(session, specs)
    wanted = [session.add(spec) for spec in specs]
    for one in wanted:
        if one.done:
            print(f"{one.job.spec.title}: in the store already, run {one.run_id}", file=sys.stderr)
    results = execute.do(session, place)
    if done := [one.run_id for one in wanted if Store(root).is_complete(one.run_id)]:
        execute.show_scores(Store(root), done, as_json)
    execute.end(results)
