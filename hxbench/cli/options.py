"""Options that several commands share, one by one and, of those that do runs, together (`RunOptions`)."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.session import Session

Method = Annotated[str, typer.Argument(help="A method recipe (hxbench list methods) or a YAML file of your own.")]
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", help="May be given several times; default: the profile's first.")
]
Profile = Annotated[str, typer.Option(help="Scale: demo (synthetic, minutes), lab (real, small) or paper.")]
StoredProfile = Annotated[
    str | None, typer.Option(help="Runs of this profile; by default the store's only one, else demo.")
]
DataSource = Annotated[
    str | None,
    typer.Option("--data-source", help="sandbox, hub, or the folder of a local mirror; or HXBENCH_DATA."),
]
OwnData = Annotated[
    Path | None,
    typer.Option("--data", help="A YAML file that describes data of your own (docs/how-to/data.md)."),
]
StoreDir = Annotated[Path | None, typer.Option("--store", help="The results store; HXBENCH_STORE or ./results.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network; say at once what is missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
BackboneName = Annotated[
    str | None,
    typer.Option("--backbone", help="Backbone recipe, local folder or hub name; default: the profile's."),
]
StoredBackbone = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        help="Runs on this backbone in the place of the profile's: as train takes it, or by its name.",
    ),
]
RandomWeights = Annotated[
    bool,
    typer.Option("--random-weights", help="Random weights in the backbone's shape: the control for transfer."),
]
Suite = Annotated[str | None, typer.Option(help="glue or superglue; text-to-text methods only; default: glue.")]
Variant = Annotated[
    str, typer.Option(help="paper, or code for the published code's form (hxbench list variants).")
]
Assign = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one field: options.KEY=VALUE, training.KEY=VALUE or data.KEY=VALUE."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing: no data, no network.")]
PlanJson = Annotated[bool, typer.Option("--json", help="Print the plan, or how the runs ended, as JSON.")]
Workers = Annotated[
    int, typer.Option(min=0, max=10_000, help="Runs at a time; 0: as many as the cores or the cluster carry.")
]

On = Annotated[str, typer.Option("--on", help="Where the runs are done: local, ray or slurm.")]
Address = Annotated[
    str | None,
    typer.Option(help="Of a Ray cluster; RAY_ADDRESS, else one of this machine, else a new one."),
]
Sbatch = Annotated[str, typer.Option(help="Options of sbatch, such as '--partition=gpu --gpus=1 --time=4:00:00'.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Slurm: submit the runs and leave.")]


Track = Annotated[
    str | None,
    typer.Option(help="Follow runs with tensorboard, wandb, mlflow, … (accelerate's trackers), if installed."),
]


@dataclass(frozen=True)
class RunOptions:
    """Where and at which scale runs are done: each field is an option of every command that does runs."""

    profile: Profile = "demo"
    data: OwnData = None
    data_source: DataSource = None
    workers: Workers = 0
    on: On = "local"
    address: Address = None
    sbatch: Sbatch = ""
    no_wait: NoWait = False
    offline: Offline = False
    track: Track = None
    store: StoreDir = None

    @property
    def backbone(self) -> str | None:
        """The backbone in the place of the profile's, as it was asked for."""
        return getattr(self.profile, "given", "") or None

    def on_ground(self, backbone: str | None = None) -> "RunOptions":
        """Return the options with a profile on another backbone than its own, or with a user's data, if named."""
        from hxbench.api import on_ground

        return replace(self, profile=on_ground(self.profile, self.data, backbone))

    def launcher(self, *, check: bool = True) -> "Launcher":
        """Return who does the runs; `InputError` when there is no such cluster, unless only a plan is wanted."""
        from hxbench.spec import recipe

        recipe.load("profiles", self.profile)  # a name that is none is said before torch is imported
        from hxbench.runs.scheduler.launcher import launcher

        return launcher(
            self.on, workers=self.workers, address=self.address, sbatch=self.sbatch, wait=not self.no_wait,
            check=check,
        )  # fmt: skip

    def session(
        self, data: Mapping[str, Any], checkpoint_every: int | None = None, *, dry_run: bool = False
    ) -> "Session":
        """Return a session on what a profile says of its data, unless the options name another data source."""
        from hxbench.api import open_session

        return open_session(
            self.profile, data, data_source=self.data_source, store=self.store, offline=self.offline,
            checkpoint_every=checkpoint_every, track=self.track, dry_run=dry_run,
        )  # fmt: skip


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has the options of `RunOptions` in the place of its parameter of that type."""
    shared = inspect.signature(RunOptions).parameters
    given = inspect.signature(command).parameters
    (place,) = (name for name, one in given.items() if one.annotation is RunOptions)

    @wraps(command)
    def spread(**values: Any) -> None:
        together = RunOptions(**{name: values.pop(name) for name in shared})
        command(**values, **{place: together})

    parameters = [one for name in given for one in (shared.values() if name == place else [given[name]])]
    by_name = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters]
    spread.__signature__ = inspect.Signature(by_name)  # type: ignore[attr-defined]
    spread.__annotations__ = {one.name: one.annotation for one in by_name}
    return spread
