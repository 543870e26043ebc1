"""`hxbench runs do`: planned runs by their ids, as the batch script of a cluster asks for it; not for people."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench.errors import InputError, Stopped

if TYPE_CHECKING:
    from hxbench.runs.scheduler.jobs import Result
    from hxbench.runs.session import Job


def worker_command(
    run: Annotated[list[str], typer.Argument(help="The id of a run in the plan; several share this process.")],
    plan: Annotated[Path, typer.Option(help="The folder of the plan.")],
) -> None:
    """Do runs of a plan file, and leave beside it how each of them ended."""
    from hxbench.runs.scheduler.plan_file import PlanFile

    file = PlanFile(plan)
    planned = file.read()
    if unknown := [run_id for run_id in run if run_id not in planned]:
        raise InputError(f"{plan} plans no run {unknown[0]}.")
    code = 0
    for run_id in run:
        file.forget(run_id)
        result = _attempt(run_id, planned)
        file.tell(run_id, result)
        print(f"{planned[run_id][0].spec.title}: {result.state}, {result.message}", file=sys.stderr, flush=True)
        if result.state == "interrupted":
            raise typer.Exit(128 + result.signal)
        code = {"done": code, "input": code or 2}.get(result.state, 1)
    if code:
        raise typer.Exit(code)


def _attempt(run_id: str, planned: "Mapping[str, tuple[Job, tuple[str, ...]]]") -> "Result":
    """Do a run if those that it needs are done."""
    from hxbench.runs.scheduler.jobs import PATIENCE, attempt, not_tried, stopped_by
    from hxbench.store import Store

    job, needs = planned[run_id]
    try:
        lost = [need for need in needs if not Store(job.store).is_complete(need)]
        return not_tried(planned[lost[0]][0]) if lost else attempt(job, lambda *told: None, PATIENCE)
    except Stopped as stopped:
        return stopped_by(stopped.signal_number)
