"""`hxbench runs do`: one planned run, as the batch script of a cluster asks for it; not for people."""

from pathlib import Path
from typing import Annotated

import typer


def do_command(
    run: Annotated[str, typer.Argument(help="The id of a run in the plan.")],
    plan: Annotated[Path, typer.Option(help="The folder of the plan.")],
) -> None:
    """Do a run of a plan file, and leave beside it how that ended."""
    import sys

    from hxbench.errors import InputError, Stopped
    from hxbench.launch.plan_file import PlanFile
    from hxbench.launch.turns import PATIENCE, Outcome, attempt, not_tried, stopped_by
    from hxbench.store import Store

    file = PlanFile(plan)
    file.forget(run)
    runs = file.read()
    if run not in runs:
        raise InputError(f"{plan} plans no run {run}.")
    job, needs = runs[run]
    outcome: Outcome
    try:
        lost = next((need for need in needs if not Store(job.store).is_complete(need)), None)
        outcome = not_tried(runs[lost][0]) if lost else attempt(job, lambda *told: None, PATIENCE)
    except Stopped as stopped:
        outcome = stopped_by(stopped.signal_number)
    file.tell(run, outcome)
    print(f"{job.spec.title}: {outcome.state}, {outcome.message}", file=sys.stderr)
    if outcome.state != "done":
        code = 128 + outcome.signal if outcome.state == "interrupted" else 2 if outcome.state == "input" else 1
        raise typer.Exit(code)
