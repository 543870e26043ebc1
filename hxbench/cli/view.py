"""`hxbench view` and `report --page`: the store as a page, in the browser or in a file."""

import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.output import print_left_out
from hxbench.cli.streams import complain
from hxbench.errors import InputError
from hxbench.printing import printable

if TYPE_CHECKING:
    from hxbench.store import Store


def view_command(
    profile: Annotated[str | None, typer.Option(help="Runs of this profile alone; default: of all.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Make the page and print where it is.")] = False,
    store: options.StoreDir = None,
) -> None:
    """Show all results of the store in the browser: tables and figures to sort, filter and open."""

    from hxbench import api

    opened = api.open_store(store)
    # one place a store: a page that is open there is the same one after a reload
    name = f"{opened.root.name}-{sha256(str(opened.root.resolve()).encode()).hexdigest()[:8]}.html"
    file = write_page(opened, profile, places.cache_dir() / "pages" / name)
    print(printable(str(file)))
    if no_open:
        return
    if not _has_display():
        complain("there is no display here to open it on: copy the file to where a browser is, it is whole.")
        return
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        complain("no browser was found: open the file by hand.")


def write_page(store: "Store", profile: str | None, out: Path | None, experiment: str | None = None) -> Path:
    """Write the page of a store into a file, by default `hxbench.html`, and return where it is."""
    from hxbench.cli.progress import progress
    from hxbench.report.everything import everything
    from hxbench.report.render.page import render_page
    from hxbench.spec.experiment import named
    from hxbench.store.files import replace_file

    file = places.expanded(str(out or "hxbench.html"), "--out")
    if file.is_dir():
        raise InputError(f"{file} is a folder: --page writes one file, as in --out {file / 'hxbench.html'}.")
    store.require_outside(file, "--out")
    with progress() as tell:
        chosen = experiment and named(experiment)
        parts = everything(store, lambda what, *far: tell(what, what, *far), profile, chosen or None)
        content = render_page(f"hxbench: {store.root.name}", parts).encode()
    print_left_out(store)
    replace_file(file, lambda temporary: temporary.write_bytes(content))
    return file


def _has_display() -> bool:
    """Return whether a window can be opened: without one, `webbrowser` would start a browser in the terminal."""
    if sys.platform in ("darwin", "win32") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
