"""What `run` and `sweep` do with an experiment: plan its runs, do what the store lacks, show what became of it."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hxbench.cli.options import RunOptions
    from hxbench.runs.scheduler.estimate import Durations
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.session import Session
    from hxbench.spec.experiment import Wanted


def run_experiment(
    named: Callable[[], tuple[str, str]],
    where: "RunOptions",
    *,
    title: str,
    dry_run: bool,
    as_json: bool,
    seeds: Sequence[int] | None = None,
    choose: "Callable[[str, list[Wanted]], list[Wanted]] | None" = None,
) -> None:
    """Do the runs of the experiment that `named` finds and print its artifacts.

    `choose` gets the paper and the runs in the experiment's order; of those that it leaves the scores are printed
    instead: in the artifacts they would be lost among what was not asked for.
    """
    from hxbench import places
    from hxbench.cli import execute
    from hxbench.cli.output import print_left_out
    from hxbench.errors import LackingData
    from hxbench.report import ARTIFACTS
    from hxbench.runs.inputs import DataSource
    from hxbench.runs.scheduler.estimate import Durations
    from hxbench.runs.session import Session
    from hxbench.spec import experiment as experiments
    from hxbench.spec import recipe
    from hxbench.store import Store

    place = where.launcher(check=not dry_run)
    paper, name = named()
    artifacts = experiments.artifacts_of(paper, name)
    execute.require_artifacts(paper, artifacts)
    profile_data = recipe.scale(where.profile, paper).data
    source = DataSource.of(where.data_source, where.profile, profile_data)
    root = places.store_dir(where.store)
    session = Session(source, root, offline=where.offline)
    every = partial(experiments.runs_of, paper, name, where.profile, seeds=seeds, origin=source.kind)
    wanted = execute.settled(session, lambda: choose(paper, every()) if choose else every(), lambda one: one.spec)
    left_out = plan(session, wanted)
    if wanted and not session.planned:
        raise LackingData(f"nothing of {title} can be run: {next(iter(left_out))}")
    if not dry_run and (as_json or not session.todo()):
        done = len(session.planned) - len(session.todo())
        print(f"{title}: {done} of {len(session.planned)} runs are in the store.", file=sys.stderr)
    else:
        known = Store(root)
        durations = Durations(known.runs())
        print_left_out(known)
        show_plan(session, durations, place, left_out, as_json=as_json and dry_run)
    if dry_run:
        return
    results = execute.do(session, place)
    whole = [one.run_id for one in session.planned.values() if not one.job.spec.few_shot]
    there = [run_id for run_id in whole if Store(root).is_complete(run_id)]
    if as_json:
        execute.print_results(results)
    elif choose and whole:
        execute.show_scores(Store(root), there, False)
    elif artifacts and name in recipe.recipe_names(paper):
        execute.print_artifacts(paper, artifacts, Store(root), where.profile)
    elif paper in ARTIFACTS and source.is_of(profile_data):
        execute.print_experiment(paper, name, artifacts, Store(root), where.profile, seeds)
    else:  # data that are none of the profile's: no table of it may have them
        execute.show_scores(Store(root), there, False)
    execute.end(results)


def plan(
    session: "Session", wanted: "Sequence[Wanted]", is_elsewhere: Callable[[str], bool] = lambda run_id: False
) -> Counter[str]:
    """Plan runs; return how many of them lack their data, by the reason.

    Of a run that is finished elsewhere, by its id, neither itself nor what it needs is planned.
    """
    from hxbench.cli import execute
    from hxbench.errors import LackingData

    execute.fetch(session, [one.spec for one in wanted if one.start is None])
    left_out: Counter[str] = Counter()
    for one in wanted:
        given = {"keep_weights": one.spec.few_shot is None}
        try:
            if not is_elsewhere(session.resolve(one.spec, one.start, **given).run_id):
                session.add(one.spec, one.start, **given)
        except LackingData as lacking:
            left_out[str(lacking)] += 1
    return left_out


def show_plan(
    session: "Session", durations: "Durations", place: "Launcher", left_out: Counter[str], *, as_json: bool
) -> None:
    """Say which runs there are and which have to be done; a plan that was asked for goes to standard output."""
    from hxbench.cli.output import print_json, print_rows
    from hxbench.cli.run_names import groups_of
    from hxbench.printing import sentence
    from hxbench.report.table import format_value
    from hxbench.runs.scheduler.estimate import wall_seconds

    groups = groups_of(session.planned.values())
    count = place.at_a_time(max((one.job.spec.training.cpu_threads or 0 for one in session.todo()), default=0))
    # of a cluster that takes as many as it can carry only this is known: not less than the longest run
    seconds, unknown = wall_seconds(session.todo(), durations, count or len(session.todo()))
    rows = []
    for title, some in groups.items():
        todo = [one for one in some if not one.done]
        row = {"runs": title, "in the store": len(some) - len(todo), "to do": len(todo)}
        each = durations.mean(todo)
        rows.append({**row, "each": each if as_json else format_value(each, "duration") if each else None})
    if as_json:
        runs = [{"run": p.run_id, "title": p.job.spec.title, "done": p.done} for p in session.planned.values()]
        total = {"to_do": len(session.todo()), "workers": count, "seconds": seconds, "unknown": unknown}
        print_json({**total, "groups": rows, "left_out": dict(left_out), "runs": runs}, indent=1)
        return
    print_rows(rows, as_json=False)
    for text, times in left_out.items():
        print(f"left out, {times} run{'s' * (times > 1)}: {sentence(text)}")
    if not session.todo():
        print("\nNothing is to be done.\n", flush=True)
        return
    every = unknown == len(session.todo())
    guess = (
        "unknown, there are none like these in the store"
        if every
        else f"{'about' if count else 'at least'} {format_value(seconds, 'duration')}"
    )
    more = f", not counting {unknown} that are like none in the store" if unknown and not every else ""
    at_a_time = f"{count} at a time" if count else "as many at a time as the cluster takes"
    print(f"\n{len(session.todo())} runs to do, {at_a_time}; estimated time: {guess}{more}.\n", flush=True)
