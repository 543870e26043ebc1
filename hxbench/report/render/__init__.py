"""One renderer a format; each turns the tables of an artifact into text.

A figure has a table of its points, so all of these hold for figures too; pictures and the page of everything are
made elsewhere (`hxbench.report.draw`, `hxbench.report.render.page`).
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hxbench.report.table import Table

# format → (module, file suffix)
FORMATS = {
    "terminal": ("terminal", "txt"),
    "markdown": ("markdown", "md"),
    "latex": ("latex", "tex"),
    "csv": ("long_csv", "csv"),
    "json": ("json_tree", "json"),
}
PICTURES = ("png", "svg", "pdf")  # of figures
PAGE = "html"


def check_format(name: str) -> None:
    """Raise `InputError` for a format there is not."""
    known = [*FORMATS, PAGE, *PICTURES]
    if name not in known:
        raise InputError(did_you_mean("format", name, known))


def renderer(name: str) -> "Callable[[list[Table]], str]":
    """Return the function that renders tables in a format."""
    if name not in FORMATS:
        raise InputError(did_you_mean("format", name, list(FORMATS)))
    render: Callable[[list[Table]], str] = import_module(f"hxbench.report.render.{FORMATS[name][0]}").render
    return render
