"""Tables and figures as files, in every format or in one, and the page of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hxbench.report.artifact.table import Table
from hxbench.report.draw import pictures
from hxbench.report.everything import part_of
from hxbench.report.registry import PAPERS, Made
from hxbench.report.render import FORMATS, PAGE, PICTURES, renderer, terminal
from hxbench.report.render.page import render_page
from hxbench.report.results import Results


@dataclass(frozen=True)
class Look:
    """What is shown of a table in letters, and around a figure."""

    wide: bool = False
    all_rows: bool = False
    bare: bool = False

    def in_letters(self, tables: list[Table], width: int, color: bool = False) -> str:
        """Return tables as a terminal of this width shows them."""
        return terminal.render(tables, None if self.wide else width, color, self.all_rows)


def files_of(
    made: Sequence[Made], format: str | None, results: Results, look: Look
) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the files in a format; without one in all, the page only of everything."""
    paper = made[0].artifact.paper
    for one in made:
        stem = f"{paper}-{one.artifact.name}"
        tables = list(one.tables)
        for kind, (_, suffix) in FORMATS.items():
            if format in (None, kind):
                text = look.in_letters(tables, terminal.WIDTH) if kind == "terminal" else renderer(kind)(tables)
                yield f"{stem}.{suffix}", text.encode()
        wanted = [kind for kind in PICTURES if format in (None, kind)]
        for figure in one.figures if wanted else ():
            name = stem if len(one.figures) == 1 else f"{paper}-{figure.name}"
            for kind, content in pictures(figure, wanted, alone=look.bare).items():
                yield f"{name}.{kind}", content
    if format == PAGE or (format is None and len(made) > 1):
        title = f"{PAPERS[paper]}: tables and figures" if len(made) > 1 else made[0].artifact.title
        name = paper if len(made) > 1 else f"{paper}-{made[0].artifact.name}"
        yield f"{name}.{PAGE}", render_page(title, [part_of(results, made)]).encode()
