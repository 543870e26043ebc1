"""The one interface behind `--on`: whoever can do planned jobs."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from hxbench.errors import InputError, did_you_mean
from hxbench.runs.scheduler.jobs import Observer, QueuedJob, Result

PLACES = ("local", "ray", "slurm")


class Launcher(Protocol):
    """Does jobs somewhere: in processes here, on a Ray cluster, as Slurm array jobs."""

    how: ClassVar[str]  # what a plan says of that, between a number of jobs and "N at a time"

    def require(self) -> None:
        """Raise `InputError` when the cluster is not there or an option does not fit it."""

    def at_a_time(self, threads: int) -> int | None:
        """Return how many jobs of so many threads (0: any) go at a time; None when the cluster decides."""

    def run(self, entries: Sequence[QueuedJob], observer: Observer) -> list[Result]:
        """Do the jobs; a failing one stops only those that need it.

        A job needs earlier ones of the list only. After SIGINT or SIGTERM no further job is started, and those at
        work save and stop.
        """


def launcher(
    on: str = "local",
    *,
    workers: int = 0,
    address: str | None = None,
    sbatch: str = "",
    wait: bool = True,
    check: bool = True,
) -> Launcher:
    """Return the launcher that `--on` names; with `check`, `InputError` when it cannot run anything here."""
    import shlex

    from hxbench.runs.scheduler.local import OnThisMachine
    from hxbench.runs.scheduler.on_ray import OnRay
    from hxbench.runs.scheduler.on_slurm import OnSlurm

    if on not in PLACES:
        raise InputError(did_you_mean("value of --on", on, list(PLACES)))
    only = {
        "--address": (address is not None, "ray"),
        "--sbatch": (bool(sbatch), "slurm"),
        "--no-wait": (not wait, "slurm"),
    }
    for option, (given, place) in only.items():
        if given and on != place:
            raise InputError(f"{option} only means something with --on {place}.")
    found: Launcher
    if on == "ray":
        found = OnRay(address, workers)
    elif on == "slurm":
        try:
            found = OnSlurm(tuple(shlex.split(sbatch)), workers, wait)
        except ValueError as error:
            raise InputError(f"--sbatch {sbatch}: {error}.") from None
    else:
        found = OnThisMachine(workers)
    if check:
        found.require()
    return found
