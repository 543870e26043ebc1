"""The batch script of one Slurm array: an index does one bundle, mostly a single run, by the ids of its runs."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from hxbench.runs.scheduler.jobs import environment

# Why so: when Slurm ends a job (preemption, scancel) it sends SIGTERM to every process of it, so the script only
# has to outlive its command, and Slurm knows itself whether to queue the job again. What only the script hears is
# the signal before the time limit; passed on as SIGTERM it makes the run save, and the index is queued again. So
# is one whose command was killed, but not for ever.
_TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}{at_a_time}
#SBATCH --cpus-per-task={threads}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={log}
#SBATCH --signal=B:USR1@90
{exports}
runs=(
{runs}
)
ending=
trap 'ending=slurm' TERM INT
trap 'ending=limit; kill -TERM "$child" 2>/dev/null' USR1
{command} ${{runs[$SLURM_ARRAY_TASK_ID]}} --plan {plan} &
child=$!
while true; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break  # else a signal ended the waiting, not the command
done
again=
[ -z "$ending" ] && [ "$code" -ge 128 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {retries} ] && again=killed
if [ "$ending" = limit ] || [ -n "$again" ]; then
  scontrol requeue "$SLURM_JOB_ID" && sleep 60  # until Slurm has taken this attempt away
fi
exit "$code"
"""


def batch_script(
    bundles: Sequence[Sequence[str]], plan: Path, *, name: str, threads: int, retries: int, at_a_time: int = 0
) -> str:
    """Return the script that does bundles of run ids with the plan in the folder `plan`.

    `threads` is what each index asks of CPUs, `at_a_time` how many indices go at a time, 0 for any number.
    """
    return _TEMPLATE.format(
        name=name,
        last=len(bundles) - 1,
        at_a_time=f"%{at_a_time}" if at_a_time else "",
        threads=threads,
        log=str(plan / "log" / "%A_%a.txt").replace(" ", "\\ "),
        exports="\n".join(
            f"export {key}={shlex.quote(value)}" for key, value in environment("PYTHONPATH").items()
        ),
        runs="\n".join(f'"{" ".join(bundle)}"' for bundle in bundles),
        command=f"{shlex.quote(sys.executable)} -m hxbench runs do",
        plan=shlex.quote(str(plan)),
        retries=retries,
    )
