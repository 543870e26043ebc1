"""`hxbench runs verify`: is everything in the store as it was stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hxbench.store import RunRecord


def verify_command(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Run ids, or unique beginnings of them; default: all finished runs.")
    ] = None,
    seal: Annotated[
        bool, typer.Option("--seal", help="Write a manifest for runs that were stored before there were any.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    store: Annotated[Path | None, typer.Option(help="The results store; HXBENCH_STORE or ./results.")] = None,
) -> None:
    """Compare every file of the runs with its manifest, weights and predictions included.

    Exit code 1 when something does not fit. What does not fit is left out of every report.
    """
    from hxbench import places
    from hxbench.cli.output import print_json
    from hxbench.cli.progress import progress
    from hxbench.store import Store
    from hxbench.store.verifying import look, verify

    place = Store(places.store_dir(store))
    if runs:
        named = [place.get(reference) for reference in runs]
        chosen, unreadable = [record for record in named if record.state == "done"], list[str]()
    else:
        chosen, unreadable = look(place)
    with progress(quiet=len(chosen) < 200) as tell:

        def told() -> "Iterator[RunRecord]":
            for number, record in enumerate(chosen, 1):
                yield record
                tell(str(place.root), "check runs", number, len(chosen))

        verdict = verify(place, told(), seal=seal)
    problems = sorted([*unreadable, *verdict.problems])
    if as_json:
        counts = {"fit": verdict.fit, "before_manifests": verdict.before_manifests, "sealed": verdict.sealed}
        print_json({"store": str(place.root), **counts, "problems": problems}, indent=1)
    else:
        for sentence in problems:
            print(sentence)
        print(f"{verdict.fit} runs fit their manifests, {len(problems)} do not.")
        if verdict.sealed:
            print(f"{verdict.sealed} runs stored before manifests have one now.")
        elif verdict.before_manifests:
            print(f"{verdict.before_manifests} runs were stored before manifests; --seal writes theirs.")
    if problems:
        raise typer.Exit(1)
