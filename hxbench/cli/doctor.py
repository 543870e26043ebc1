"""`hxbench doctor`: what there is on this machine, and what to do where something is wrong."""

import textwrap
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_columns, print_json, terminal_width


def doctor_command(
    network: Annotated[bool, typer.Option("--network", help="Ask the hub whether it answers.")] = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Look at versions, device, disk, cache, store, clusters and the hub.

    Ends with 1 where something keeps hxbench from running; what is merely absent is no fault.
    """
    from hxbench.runs.doctor import findings

    found = list(findings(places.store_dir(store), ask_network=network))
    wrong = [one for one in found if one.wrong]
    if as_json:
        print_json({"usable": not wrong, "findings": [vars(one) for one in found]}, indent=1)
    else:
        lines = [
            ("✗" if one.wrong else "·" if one.advice else "✓", one.name,
             f"{one.found}; {one.advice}" if one.advice else one.found)
            for one in found
        ]  # fmt: skip
        width = terminal_width()
        print_columns(lines, (False, False, False), width)
        said = f"hxbench cannot run: {', '.join(one.name for one in wrong)}." if wrong else "hxbench can run."
        print(f"\n{textwrap.fill(said, width)}")
    if wrong:
        raise typer.Exit(1)
