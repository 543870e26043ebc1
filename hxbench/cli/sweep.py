"""`hxbench sweep`: the grids, whole or cut along their axes."""

from typing import TYPE_CHECKING, Annotated

import typer

from hxbench.cli import options

if TYPE_CHECKING:
    from hxbench.spec.experiment import Wanted

_TIMES = "may be given several times"


@options.with_run_options
def sweep_command(
    name: Annotated[
        str, typer.Argument(help="scaling, apet, transfer or low-data (hxbench list recipes), or a YAML file.")
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
    dry_run: options.DryRun = False,
    where: options.RunOptions,
    as_json: options.PlanJson = False,
) -> None:
    """Plan and do the runs of a grid that the store lacks, then print its artifacts; of a part of it, the scores.

    Finished cells are never run again, and a failing one does not stop the others.
    """
    from pathlib import Path

    from hxbench.cli.experiment import run_experiment
    from hxbench.spec import sweep

    seeds = [str(one) for one in seed or ()]
    asked = {"method": method, "size": size, "task": task, "seed": seeds, "budget": budget, "examples": examples}
    given = {axis: list(values) for axis, values in asked.items() if values}
    title = f"sweep {Path(name).stem} ({Path(where.profile).stem})"

    def chosen(paper: str, wanted: "list[Wanted]") -> "list[Wanted]":
        return sweep.cut(wanted, given, sweep.sizes_of(where.profile, paper), title)

    run_experiment(
        lambda: sweep.named(name), where, title=title, choose=chosen if given else None, dry_run=dry_run,
        as_json=as_json,
    )  # fmt: skip
