"""`hxbench run`: everything an artifact needs that the store lacks."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench.cli import options

if TYPE_CHECKING:
    from hxbench.launch.estimate import Durations
    from hxbench.stages.session import Planned, Session


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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and do nothing.")] = False,
    workers: options.Workers = 0,
    data_source: options.DataSource = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the plan, or how the runs ended, as JSON.")
    ] = False,
) -> None:
    """Plan and do the runs of an experiment that the store lacks, then print what it feeds."""
    from hxbench import experiment as experiments
    from hxbench import places, recipe
    from hxbench.cli import work
    from hxbench.errors import LackingData
    from hxbench.launch.estimate import Durations
    from hxbench.report import ARTIFACTS
    from hxbench.stages.inputs import DataSource
    from hxbench.stages.session import Session
    from hxbench.store import Store

    paper, name = experiments.named(experiment)
    artifacts = experiments.artifacts_of(paper, name)
    work.require_artifacts(paper, artifacts)
    profile_data = recipe.scale(profile, paper).data
    source = DataSource.of(data_source, profile, profile_data)
    wanted = experiments.runs_of(paper, name, profile, seeds=seed, origin=source.kind)
    root = places.store_dir(store)
    session = Session(source, root, offline=offline)
    work.fetch(session, [one.spec for one in wanted if one.start is None])
    left_out: Counter[str] = Counter()
    for one in wanted:
        try:
            session.add(one.spec, one.start, keep_weights=one.spec.few_shot is None)
        except LackingData as lacking:
            left_out[str(lacking)] += 1
    if wanted and not session.planned:
        raise LackingData(f"nothing of {experiment} can be run: {next(iter(left_out))}")
    if not dry_run and (as_json or not session.todo()):
        there = len(session.planned) - len(session.todo())
        print(f"{experiment}: {there} of {len(session.planned)} runs are in the store.", file=sys.stderr)
    else:
        _show_plan(session, Durations(Store(root).runs()), workers, left_out, as_json=as_json and dry_run)
    if dry_run:
        return
    outcomes = work.do(session, workers)
    if as_json:
        work.print_outcomes(outcomes)
    elif artifacts and name in recipe.recipe_names(paper):
        work.print_artifacts(paper, artifacts, Store(root), profile)
    elif paper in ARTIFACTS and source.is_of(profile_data):
        work.print_experiment(paper, name, artifacts, Store(root), profile, seed)
    else:  # data that are none of the profile's: no table of it may have them
        whole = [one.run_id for one in session.planned.values() if not one.job.spec.few_shot]
        work.show_scores(Store(root), [run_id for run_id in whole if Store(root).is_complete(run_id)], False)
    work.end(outcomes)


def _show_plan(
    session: "Session", durations: "Durations", workers: int, left_out: Counter[str], *, as_json: bool
) -> None:
    """Say which runs there are and which have to be done; a plan that was asked for goes to standard output."""
    from hxbench.cli import work
    from hxbench.cli.rows import print_rows
    from hxbench.launch.estimate import wall_seconds
    from hxbench.report.table import format_value

    groups = _groups(session.planned.values())
    count = work.worker_count(workers, session.todo())
    seconds, unknown = wall_seconds(session.todo(), durations, count)
    rows = []
    for title, some in groups.items():
        todo = [one for one in some if not one.done]
        known = [t for one in todo if (t := durations.of(one.job.spec)) is not None]
        row = {"runs": title, "in the store": len(some) - len(todo), "to do": len(todo)}
        each = sum(known) / len(known) if known else None
        rows.append({**row, "each": each if as_json else format_value(each, "duration") if each else None})
    if as_json:
        import json

        runs = [{"run": p.run_id, "title": p.job.spec.title, "done": p.done} for p in session.planned.values()]
        total = {"to_do": len(session.todo()), "workers": count, "seconds": seconds, "unknown": unknown}
        print(json.dumps({**total, "groups": rows, "left_out": dict(left_out), "runs": runs}, indent=1))
        return
    print_rows(rows, as_json=False)
    for text, times in left_out.items():
        print(f"left out, {times} run{'s' * (times > 1)}: {text}")
    if not session.todo():
        print("\nNothing is to be done.\n", flush=True)
        return
    every = unknown == len(session.todo())
    guess = (
        "unknown, there are none like these in the store"
        if every
        else f"about {format_value(seconds, 'duration')}"
    )
    more = f", not counting {unknown} that are like none in the store" if unknown and not every else ""
    print(f"\n{len(session.todo())} runs to do, {count} at a time; estimated time: {guess}{more}.\n", flush=True)


def _groups(runs: "Iterable[Planned]") -> "dict[str, list[Planned]]":
    """Return the runs by what a plan calls them: method, setting, and what sets some of these apart."""
    alike: dict[str, list[Planned]] = {}
    for one in runs:
        spec = one.job.spec
        alike.setdefault(f"{spec.method} {spec.setting}{' few-shot' * bool(spec.few_shot)}", []).append(one)
    groups: dict[str, list[Planned]] = {}
    for title, some in alike.items():
        values = [one.job.spec.conditions for one in some]
        telling = [name for name in values[0] if len({value[name] for value in values}) > 1]
        for one, value in zip(some, values, strict=True):
            words = [title, *(value[name] for name in telling if value[name])]
            groups.setdefault(" ".join(words), []).append(one)
    return groups
