"""One renderer a format: each turns the tables of an artifact into text, along the same `walk`.

A figure has a table of its points, so all of these hold for figures too; pictures and the page of everything are
made elsewhere (`hxbench.report.draw`, `hxbench.report.render.page`).
"""

from collections.abc import Callable

from hxbench.errors import InputError, did_you_mean
from hxbench.report.artifact.table import Table
from hxbench.report.render import latex, markdown, terminal, unrounded

# format → (its renderer, file suffix)
FORMATS: dict[str, tuple[Callable[[list[Table]], str], str]] = {
    "terminal": (terminal.render, "txt"),
    "markdown": (markdown.render, "md"),
    "latex": (latex.render, "tex"),
    "csv": (unrounded.render_csv, "csv"),
    "json": (unrounded.render_json, "json"),
}
PICTURES = ("png", "svg", "pdf")  # of figures
PAGE = "html"


def check_format(name: str) -> None:
    """Raise `InputError` for a format there is not."""
    known = [*FORMATS, PAGE, *PICTURES]
    if name not in known:
        raise InputError(did_you_mean("format", name, known))


def renderer(name: str) -> Callable[[list[Table]], str]:
    """Return the function that renders tables in a format."""
    if name not in FORMATS:
        raise InputError(did_you_mean("format", name, list(FORMATS)))
    return FORMATS[name][0]
