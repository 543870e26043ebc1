"""`hxbench view`: the store as a page, in the browser."""

import os
import sys
from hashlib import sha256
from typing import Annotated

import typer

from hxbench import places
from hxbench.cli import options
from hxbench.cli.report import write_page
from hxbench.cli.streams import complain
from hxbench.printing import printable


def view_command(
    profile: Annotated[str | None, typer.Option(help="Runs of this profile alone; default: of all.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Make the page and print where it is.")] = False,
    store: options.StoreDir = None,
) -> None:
    """Show all results of the store in the browser: tables and figures to sort, filter and open."""
    from hxbench.store import Store

    opened = Store(places.store_dir(store))
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


def _has_display() -> bool:
    """Return whether a window can be opened: without one, `webbrowser` would start a browser in the terminal."""
    if sys.platform in ("darwin", "win32") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
