"""`hxbench runs copy`, `pack` and `unpack`: runs into another store, or into a few checked files to publish."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_left_out
from hxbench.errors import InputError
from hxbench.printing import printable

if TYPE_CHECKING:
    from hxbench.store import RunRecord


def copy_runs(
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids, or unique beginnings of them.")] = None,
    to: Annotated[Path | None, typer.Option(help="The store to copy into.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every finished run of the store.")] = False,
    profile: Annotated[str | None, typer.Option(help="With --all: only runs of this profile.")] = None,
    store: options.StoreDir = None,
) -> None:
    """Copy finished runs into another store, without weights and predictions: what is published is small."""
    from hxbench import api
    from hxbench.store import DamagedRun, Store

    if to is None or everything == bool(runs):
        raise InputError("name the runs to copy, or --all of them, and the store they go --to.")
    source, target = api.open_store(store), Store(places.expanded(str(to), "--to"))
    if everything:
        chosen = [record for record in source.runs() if profile in (None, record.profile)]
        print_left_out(source)
    else:
        chosen = [source.get(reference) for reference in runs or ()]
    lost = 0
    for record in chosen:
        try:
            print(printable(f"{record.id}  {record.title} → {source.copy(record.id, target)}"))
        except DamagedRun as error:
            if not everything:
                raise
            lost += 1
            print(f"left out: {error}", file=sys.stderr)
    if everything:
        print(f"{len(chosen) - lost} runs are in {target.root}.")


def pack_runs(
    stores: Annotated[
        list[Path], typer.Argument(help="The stores; of a run that several have, the first's is kept.")
    ],
    to: Annotated[Path, typer.Option(help="The folder of the packed store: new, empty, or a packed store.")],
    profile: Annotated[str | None, typer.Option(help="Only runs of this profile.")] = None,
) -> None:
    """Pack all finished runs of stores into one that is small and checked, and is only read.

    Weights and predictions stay behind. A packed store that is in the folder already is replaced as a whole; name
    it among the stores to keep its runs.
    """
    from hxbench.store import Store
    from hxbench.store.packing import write_pack

    runs: dict[str, RunRecord] = {}
    for source in stores:
        if not source.is_dir():
            raise InputError(f"there is no store at {source}.")
        store = Store(source)
        found = store.runs()
        if store.problems:
            raise InputError(f"{source} has runs that cannot be packed: {store.problems[0]}")
        runs = {record.id: record for record in found if profile in (None, record.profile)} | runs
    if not runs:
        raise InputError("there is no finished run to pack.")
    files = write_pack(runs.values(), to)
    size = sum(one.bytes for one in files) / 1e6
    print(f"{len(runs)} runs are packed in {to}: {len(files)} files, {size:.1f} MB.")


def unpack_runs(
    packed: Annotated[Path, typer.Argument(help="The packed store.")],
    to: Annotated[Path, typer.Option(help="The store to write the runs into; those it has already are kept.")],
    profile: Annotated[str | None, typer.Option(help="Only runs of this profile.")] = None,
) -> None:
    """Write the runs of a packed store into one that can be added to, each checked against its digest."""
    from hxbench.store import Store

    if not packed.is_dir():
        raise InputError(f"there is no store at {packed}.")
    source, target = Store(packed), Store(to)
    if not source.pack:
        raise InputError(f"{packed} is not a packed store: hxbench runs copy copies runs of any other.")
    target.require_writable()
    chosen = [record for record in source.runs() if profile in (None, record.profile)]
    for problem in source.problems:
        print(f"left out: {problem}", file=sys.stderr)
    for record in chosen:
        source.copy(record.id, target)
    print(f"{len(chosen)} runs are in {target.root}.")
    if source.problems:
        raise typer.Exit(2)
