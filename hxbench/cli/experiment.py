"""`hxbench run` and `sweep`: plan the runs of an experiment, do what the store lacks, show what became of it."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench.cli import execute, options
from hxbench.cli.output import print_json, terminal_width
from hxbench.cli.plan import show_outlook, show_plan
from hxbench.errors import LackingData

if TYPE_CHECKING:
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.session import Session
    from hxbench.spec.experiment import Wanted

_TIMES = "may be given several times"


@options.with_run_options
def run_command(
    experiment: Annotated[
        str,
        typer.Argument(
            help="PAPER/NAME (hxbench list recipes), such as hyperx/table2 or pha/all, or a YAML file of your own."
        ),
    ],
    *,
    seed: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: all of the profile.")
    ] = None,
    backbone: options.BackboneName = None,
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.PlanJson = False,
) -> None:
    """Train the runs of an experiment that the store lacks, then print its tables and figures."""
    from hxbench.spec import experiment as experiments

    launcher, where = where.launcher(check=not dry_run), where.on_ground(backbone)
    _run(
        experiments.named(experiment),
        where,
        launcher,
        title=experiment,
        seeds=seed,
        dry_run=dry_run,
        as_json=as_json,
    )


@options.with_run_options
def sweep_command(
    name: Annotated[
        str,
        typer.Argument(help="scaling, apet, transfer, low-data, encoder (hxbench list recipes), or a YAML file."),
    ],
    *,
    method: Annotated[list[str] | None, typer.Option(help=f"Only runs of this method; {_TIMES}.")] = None,
    size: Annotated[
        list[str] | None, typer.Option(help=f"Only runs on the backbone of this size, such as t5-small; {_TIMES}.")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help=f"Only runs of this task, not models of a suite; {_TIMES}.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help=f"Only runs of this seed; {_TIMES}.")] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(help=f"Only runs with so many tuned parameters, by name (lora) or number; {_TIMES}."),
    ] = None,
    examples: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only runs on training sets of so many examples (100), or such a share (5%); {_TIMES}."
        ),
    ] = None,
    backbone: options.BackboneName = None,
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.PlanJson = False,
) -> None:
    """Train the runs of a grid that the store lacks, then print its artifacts, or the scores of a part of it.

    Finished cells are never run again, and a failing one does not stop the others.
    """
    from hxbench.spec import sweep

    seeds = [str(one) for one in seed or ()]
    chosen = {"method": method, "size": size, "task": task, "seed": seeds, "budget": budget, "examples": examples}
    given = {axis: list(values) for axis, values in chosen.items() if values}
    title = f"sweep {Path(name).stem} ({Path(where.profile).stem})"
    launcher, where = where.launcher(check=not dry_run), where.on_ground(backbone)
    paper, found = sweep.named(name)

    def cut(wanted: "list[Wanted]") -> "list[Wanted]":
        return sweep.cut(wanted, given, sweep.sizes_of(where.profile, paper), title)

    _run(
        (paper, found), where, launcher, title=title, cut=cut if given else None, dry_run=dry_run, as_json=as_json
    )


def _run(
    experiment: tuple[str, str],
    where: options.RunOptions,
    launcher: "Launcher",
    *,
    title: str,
    dry_run: bool,
    as_json: bool,
    seeds: Sequence[int] | None = None,
    cut: "Callable[[list[Wanted]], list[Wanted]] | None" = None,
) -> None:
    """Do the runs of an experiment, given by its paper and name, and print its artifacts.

    Of the runs that `cut` leaves the scores are printed instead: the artifacts are full of what was not asked for.
    """
    from hxbench.report import ARTIFACTS
    from hxbench.runs.execute import do, plan, settled
    from hxbench.spec import experiment as experiments
    from hxbench.spec import recipe

    paper, name = experiment
    if where.data is None and (file := experiments.data_file(paper, name)):
        where = replace(where, data=file).on_ground(where.backbone)
    artifacts = experiments.artifacts_of(paper, name)
    execute.require_artifacts(paper, artifacts)
    profile_data = recipe.scale(where.profile, paper).data
    session = where.session(profile_data, dry_run=dry_run)
    every = partial(experiments.runs_of, paper, name, where.profile, seeds=seeds, origin=session.source.kind)
    audience = execute.terminal()
    wanted = settled(session, lambda: cut(every()) if cut else every(), lambda one: one.spec, audience)
    left_out = plan(session, wanted, audience)
    if wanted and not session.planned:
        raise LackingData(f"nothing of {title} can be run: {next(iter(left_out))}")
    if dry_run:
        show_outlook(session, launcher, as_json=as_json)
        return
    if as_json or not session.todo():
        there = len(session.planned) - len(session.todo())
        print(f"{title}: {there} of {len(session.planned)} runs are in the store.", file=sys.stderr)
    else:
        show_plan(session, launcher, left_out)
    results = do(session, launcher, audience)
    whole = [one.run_id for one in session.planned.values() if not one.job.spec.few_shot]
    own = not artifacts or name not in recipe.recipe_names(paper) or bool(where.backbone)
    # no table of a user's own experiment may have what was run on other data than the profile's
    of_the_profile = not own or (paper in ARTIFACTS and session.source.is_of(profile_data))
    if as_json:
        rows = [
            {"run": one.run_id, "title": one.job.spec.title, "state": result.state, "message": result.message}
            for one, result in results
        ]
        print_json(rows, indent=1)
    elif of_the_profile and not (cut and whole):
        _print_artifacts(paper, name, artifacts, session, where, seeds, own=own)
    else:
        store = session.store
        execute.show_scores([store.finished(run_id) for run_id in whole if store.is_complete(run_id)], False)
    execute.end(results)


def _print_artifacts(
    paper: str,
    name: str,
    artifacts: Sequence[str],
    session: "Session",
    where: options.RunOptions,
    seeds: Sequence[int] | None,
    *,
    own: bool,
) -> None:
    """Print artifacts as far as the store fills them; before them what was run of an experiment of one's `own`."""
    from hxbench.report import make, read_results
    from hxbench.report.papers.own import experiment as own_experiment
    from hxbench.report.registry import artifacts as known
    from hxbench.report.render import terminal
    from hxbench.runs.assemble import with_options
    from hxbench.runs.execute import is_first_process
    from hxbench.spec import recipe

    if not is_first_process():
        return
    mine, data = name if own else None, recipe.own_data(where.profile)
    results = read_results(
        paper, session.store, where.profile, mine, where.backbone, data=data, require=with_options
    )
    tables = [list(own_experiment.build(results, name, seeds))] if own else []
    for one in (*tables, *(list(make(known(paper)[one], results).tables) for one in artifacts)):
        print(terminal.render(one, terminal_width(), color=sys.stdout.isatty()), flush=True)
