"""`hxbench runs list`, `show`, `rm` and `verify`: what the store holds."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import options
from hxbench.cli.output import WIDTH, for_output, print_json, print_left_out, print_rows
from hxbench.cli.progress import progress
from hxbench.errors import InputError, did_you_mean
from hxbench.garbage import collecting_none
from hxbench.printing import printable, sentence

if TYPE_CHECKING:
    from hxbench.store import RunRecord


_ONE_LINE = 100_000  # letters: no row is as long


def _part(record: "RunRecord") -> str | None:
    """Return what tells a run from others of its method, setting and seed; None for one of another version."""
    if isinstance(record.spec, dict):
        return None
    changed = [word for name, word in record.spec.conditions.items() if word and name != "partition"]
    shot = record.spec.few_shot is not None
    return " ".join(word for word in [record.spec.part, *([] if shot else changed)] if word) or None


def _row(record: "RunRecord") -> dict[str, Any]:
    status = record.status
    return {
        "id": record.id,
        "method": record.said("method"),
        "setting": record.said("setting"),
        "part": _part(record),
        "backbone": record.said("backbone", "name"),
        "seed": record.said("seed"),
        "profile": record.said("profile"),
        "variant": record.said("variant"),
        "state": record.state,
        "plateau": record.plateaus,  # on or above, by task
        "step": status.get("step"),
        "updated": status.get("finished") or status.get("updated"),
    }


def _scores(record: "RunRecord") -> list[dict[str, Any]]:
    """Return the test scores of a run, none of one whose metrics are damaged or not there yet."""
    from hxbench.store import DamagedRun

    keys = ("task", "language", "role", "metric", "value")
    try:
        return [{key: row.get(key) for key in keys} for row in record.metrics() if row.get("split") == "test"]
    except DamagedRun:
        return []


def list_runs(
    method: Annotated[str | None, typer.Option(help="Only runs of this method.")] = None,
    setting: Annotated[str | None, typer.Option(help="Only single, multi, mixed or language.")] = None,
    profile: Annotated[str | None, typer.Option(help="Only runs of this profile.")] = None,
    state: Annotated[str | None, typer.Option(help="Only running, interrupted, failed or done.")] = None,
    as_json: options.Json = False,
    store: options.StoreDir = None,
) -> None:
    """List the runs, unfinished ones included."""
    from hxbench import api
    from hxbench.spec.settings import SETTINGS
    from hxbench.store.checks import STATES
    from hxbench.store.files import to_json_rows
    from hxbench.store.plateau import short

    for name, given, known in (("setting", setting, (*SETTINGS, "language")), ("state", state, STATES)):
        if given is not None and given not in known:
            raise InputError(did_you_mean(name, given, list(known)))
    wanted = {"method": method, "setting": setting, "profile": profile, "state": state}
    opened = api.open_store(store)
    with collecting_none():
        found = [(record, _row(record)) for record in opened.runs(complete_only=False)]
        found = [one for one in found if all(value in (None, one[1][key]) for key, value in wanted.items())]
        rows = [row | {"scores": _scores(record)} if as_json else row for record, row in found]
    order = ("profile", "method", "setting", "part", "seed", "id")
    rows.sort(key=lambda row: [str(row[key]) for key in order])
    if not as_json:
        for row in rows:
            row["updated"] = str(row["updated"] or "")[5:16].replace("T", " ")
            if row["plateau"]:
                row["state"] += f", {short(row['plateau'])}"
        usual = {"plateau", *(["variant"] if all(row["variant"] == "paper" for row in rows) else [])}
        # shown where it is all that tells two runs apart
        alike = [tuple(row[key] for key in ("method", "setting", "part", "seed", "profile")) for row in rows]
        if len(set(alike)) == len(rows):
            usual.add("backbone")
        rows = [{key: value for key, value in row.items() if key not in usual} for row in rows]
    # for whoever counts lines or searches them, a run is one line
    width = WIDTH if sys.stdout.isatty() else _ONE_LINE
    if as_json:  # a line each, too, which is also written in a tenth of the time
        print(for_output(to_json_rows(rows)))
    else:
        print_rows(rows, False, empty=f"No runs in {opened.root}.", width=width)
    print_left_out(opened)


def show_run(
    run: Annotated[str, typer.Argument(help="A run id, or the beginning of one.")],
    as_json: options.Json = False,
    store: options.StoreDir = None,
) -> None:
    """Show what a run is, how it ended, what it scored and where it comes from."""
    import json

    from hxbench import api
    from hxbench.plain_data import to_yaml
    from hxbench.store.plateau import short, warning

    record = api.open_store(store).get(run)
    rows = record.metrics()
    tested = [row for row in rows if row.get("split") == "test"]
    cost = {row["metric"]: row["value"] for row in rows if row.get("split") == "cost"}
    whole: dict[str, Any] = {
        "id": record.id,
        "title": record.title,
        "folder": str(record.folder),
        "status": {**record.status, "state": record.state},
        "plateau": record.plateaus,
        "spec": record.fields,
        "cost": cost,
        "provenance": record.provenance(),
    }
    if as_json:
        print_json({**whole, "metrics": rows}, indent=1)
        return
    plain = json.loads(json.dumps({**whole, "plateau": short(record.plateaus) or None}))
    print("\n".join(map(printable, to_yaml(plain, width=100).split("\n"))), end="")
    if said := warning(record.status):
        print(f"\n{sentence(said[0].upper() + said[1:])}")
    keys = ("task", "language", "role", "metric", "value")
    scores = [{key: row.get(key) for key in keys} for row in tested]
    for row in scores:
        row["value"] = f"{row['value']:.1f}" if row["value"] is not None else None
    print()
    print_rows(scores, False, empty="No test scores yet.")


def remove_runs(
    runs: Annotated[list[str], typer.Argument(help="Run ids, or unique beginnings of them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: options.StoreDir = None,
) -> None:
    """Delete runs with everything they wrote."""
    from hxbench import api

    opened = api.open_store(store)
    doomed: dict[str, str] = {}
    for reference in runs:
        try:
            record = opened.get(reference)
            doomed[record.id] = f"{record.id}  {record.title}, {record.state}"
        except InputError:
            # a damaged run cannot be read, but it can go
            near = opened.ids(reference)
            if len(near) != 1:
                raise
            doomed[near[0]] = f"{near[0]}  (damaged)"
    if not yes:
        for line in doomed.values():
            print(printable(line))
        try:
            agreed = typer.confirm(f"Delete {len(doomed)} run{'s' * (len(doomed) > 1)} from {opened.root}?")
        except typer.Abort:
            raise InputError("nothing was deleted: there was no answer; --yes deletes without asking.") from None
        if not agreed:
            print("Nothing was deleted.")
            return
    for run_id in doomed:
        opened.remove(run_id)
        print(f"deleted {run_id}")


def verify_runs(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Run ids, or unique beginnings of them; default: all finished runs.")
    ] = None,
    seal: Annotated[
        bool, typer.Option("--seal", help="Write a manifest for runs that were stored before there were any.")
    ] = False,
    as_json: options.Json = False,
    store: options.StoreDir = None,
) -> None:
    """Compare every file of the runs with its manifest, weights and predictions included.

    Exit code 1 when something does not fit. What does not fit is left out of every report.
    """
    from hxbench import api
    from hxbench.store.verifying import look, verify

    opened = api.open_store(store)
    if runs:
        named = [opened.get(reference) for reference in runs]
        chosen, unreadable = [record for record in named if record.state == "done"], list[str]()
    else:
        chosen, unreadable = look(opened)
    with progress(quiet=len(chosen) < 200) as tell:

        def counted() -> "Iterator[RunRecord]":
            for number, record in enumerate(chosen, 1):
                yield record
                tell(str(opened.root), "check runs", number, len(chosen))

        verdict = verify(opened, counted(), seal=seal)
    problems = sorted([*unreadable, *verdict.problems])
    if as_json:
        counts = {"fit": verdict.fit, "before_manifests": verdict.before_manifests, "sealed": verdict.sealed}
        print_json({"store": str(opened.root), **counts, "problems": problems}, indent=1)
    else:
        for problem in problems:
            print(problem)
        print(f"{verdict.fit} runs fit their manifests, {len(problems)} do not.")
        if verdict.sealed:
            print(f"{verdict.sealed} runs stored before manifests have one now.")
        elif verdict.before_manifests:
            print(f"{verdict.before_manifests} runs were stored before manifests; --seal writes theirs.")
    if problems:
        raise typer.Exit(1)
