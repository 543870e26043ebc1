"""`hxbench run`: everything an artifact needs that the store lacks."""

from typing import Annotated

import typer

from hxbench.cli import options


def run_command(
    experiment: Annotated[
        str,
        typer.Argument(
            help="PAPER/NAME (hxbench list recipes), such as hyperx/table2 or pha/all, or a YAML file of your own."
        ),
    ],
    profile: options.Profile = "demo",
    seed: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: all of the profile.")
    ] = None,
    dry_run: options.DryRun = False,
    workers: options.Workers = 0,
    on: options.On = "local",
    address: options.Address = None,
    sbatch: options.Sbatch = "",
    no_wait: options.NoWait = False,
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.PlanJson = False,
) -> None:
    """Plan and do the runs of an experiment that the store lacks, then print what it feeds."""
    from hxbench import experiment as experiments
    from hxbench.cli.carry_out import How, carry_out

    how = How(
        profile=profile, dry_run=dry_run, workers=workers, on=on, address=address, sbatch=sbatch, no_wait=no_wait,
        data_source=data_source, offline=offline, store=store, as_json=as_json,
    )  # fmt: skip
    carry_out(lambda: experiments.named(experiment), how, title=experiment, seeds=seed)
