"""`hxbench run`: everything an artifact needs that the store lacks."""

from typing import Annotated

import typer

from hxbench.cli import options


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
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.PlanJson = False,
) -> None:
    """Plan and do the runs of an experiment that the store lacks, then print what it feeds."""
    from hxbench.cli.experiment import run_experiment
    from hxbench.spec import experiment as experiments

    run_experiment(
        lambda: experiments.named(experiment), where, title=experiment, seeds=seed, dry_run=dry_run,
        as_json=as_json,
    )  # fmt: skip
