"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Profile = Annotated[str, typer.Option(help="Scale: demo (synthetic, minutes), lab (real, small) or paper.")]
DataSource = Annotated[
    str | None,
    typer.Option("--data-source", help="sandbox, hub, or the folder of a local mirror. [env: HXBENCH_DATA]"),
]
StoreDir = Annotated[
    Path | None, typer.Option("--store", help="Results store. [env: HXBENCH_STORE; default: ./results]")
]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network; say at once what is missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
BackboneName = Annotated[
    str | None,
    typer.Option("--backbone", help="Backbone recipe, local folder or hub name; default: the profile's."),
]
RandomBody = Annotated[
    bool, typer.Option("--random-body", help="Random weights in the backbone's shape: the control for transfer.")
]
Suite = Annotated[str | None, typer.Option(help="glue or superglue; text-to-text methods only; default: glue.")]
Variant = Annotated[
    str, typer.Option(help="paper, or code for the published code's form (hxbench list variants).")
]
Assign = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one field: options.KEY=VALUE, training.KEY=VALUE or data.KEY=VALUE."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")]
PlanJson = Annotated[bool, typer.Option("--json", help="Print the plan, or how the runs ended, as JSON.")]
Workers = Annotated[
    int, typer.Option(min=0, max=10_000, help="Runs at a time; 0: as many as the cores or the cluster carry.")
]

On = Annotated[str, typer.Option("--on", help="Where the runs are done: local, ray or slurm.")]
Address = Annotated[
    str | None,
    typer.Option(help="Of a Ray cluster. [env: RAY_ADDRESS; default: one of this machine, else a new one]"),
]
Sbatch = Annotated[str, typer.Option(help="Options of sbatch, such as '--partition=gpu --gpus=1 --time=4:00:00'.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Slurm: submit the runs and leave.")]
