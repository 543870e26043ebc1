"""Planned jobs as a file, from which a process on another machine does one of them by its run id."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hxbench.closed import Closed, validated
from hxbench.errors import InputError
from hxbench.runs.inputs import DataSource
from hxbench.runs.scheduler.jobs import QueuedJob, Result
from hxbench.runs.session import Job
from hxbench.spec.run_spec import RunSpec
from hxbench.store.files import replace_text, to_json
from hxbench.store.record import DamagedRun, read_mapping
from hxbench.tasks.data_file import read_data_file

_AS_IN_A_JOB = ("offline", "checkpoint_every", "keep_weights", "track")


class _Source(Closed):
    kind: str
    folder: Path | None
    own: Path | None = None  # the file of a user's own data

    def opened(self) -> DataSource:
        """Return the data source."""
        return DataSource(self.kind, self.folder, read_data_file(self.own) if self.own else None)


class _Entry(Closed):
    """One job; all paths are absolute."""

    spec: RunSpec
    source: _Source
    store: Path
    offline: bool
    checkpoint_every: int | None
    keep_weights: bool
    track: str = ""
    needs: tuple[str, ...]


class _Plan(Closed):
    version: Literal[1]
    runs: dict[str, _Entry]


class PlanFile:
    """The jobs in `folder/plan.json` by run id, and how they ended, a file each beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, entries: Sequence[QueuedJob]) -> None:
        """Write the jobs with what they need."""
        ids = [entry.job.spec.run_id for entry in entries]
        runs = {}
        for run_id, entry in zip(ids, entries, strict=True):
            job, folder, own = entry.job, entry.job.source.folder, entry.job.source.own
            runs[run_id] = _Entry(
                spec=job.spec,
                source=_Source(
                    kind=job.source.kind,
                    folder=folder.absolute() if folder else None,
                    own=own.path.absolute() if own else None,
                ),
                store=job.store.absolute(),
                needs=tuple(ids[need] for need in sorted(entry.needs)),
                **{name: getattr(job, name) for name in _AS_IN_A_JOB},
            )
        plan = _Plan(version=1, runs=runs)
        replace_text(self.folder / "plan.json", to_json(plan.model_dump(mode="json"), indent=1))

    def read(self) -> dict[str, tuple[Job, tuple[str, ...]]]:
        """Return each run's job and the ids of those it needs; `InputError` for a file that is no plan."""
        path = self.folder / "plan.json"
        try:
            fields = read_mapping(path)
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such plan.") from None
        except DamagedRun as damaged:
            raise InputError(str(damaged)) from None
        plan = validated(_Plan, fields, str(path))
        return {
            run_id: (
                Job(
                    one.spec, one.source.opened(), one.store, **{name: getattr(one, name) for name in _AS_IN_A_JOB}
                ),
                one.needs,
            )
            for run_id, one in plan.runs.items()
        }

    def _ending(self, run_id: str) -> Path:
        return self.folder / "ended" / f"{run_id}.json"

    def forget(self, run_id: str) -> None:
        """Forget how an earlier attempt ended: another one begins."""
        self._ending(run_id).unlink(missing_ok=True)

    def tell(self, run_id: str, result: Result) -> None:
        """Say how a job ended."""
        replace_text(self._ending(run_id), to_json(vars(result)))

    def told(self, run_id: str) -> Result | None:
        """Return how a job said that it ended, None while it has said nothing."""
        try:
            return Result(**read_mapping(self._ending(run_id)))
        except (FileNotFoundError, DamagedRun, TypeError):
            return None
