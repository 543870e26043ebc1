"""Tables and figures of a paper as the store fills them: what programs get of a report."""

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean
from hxbench.report.artifact.table import Table
from hxbench.report.registry import Made
from hxbench.report.results import Results

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rebuilt:
    """Tables and figures of a paper as the store fills them."""

    made: tuple[Made, ...]
    results: Results

    @property
    def tables(self) -> list[Table]:
        """All tables; those of a figure hold its points."""
        return [table for one in self.made for table in one.tables]

    def frame(self) -> "pd.DataFrame":
        """Return a row a cell that holds anything, with nothing rounded.

        Columns: table, profile, block and row (the titles of both), group and column, unit, mean, sd, low and high
        (an interval), n (seeds or runs), seeds (value by seed), published, best, text, on_plateau (how many
        runs ended on or above it), runs (their ids) and notes.
        """
        import pandas as pd

        from hxbench.report.render.unrounded import render_csv

        found = pd.read_csv(StringIO(render_csv(self.tables)), keep_default_na=False, na_values=[""])
        found = found.rename(columns={"column_group": "group"})
        found["seeds"] = found.seeds.fillna("").astype(str).map(_by_seed)
        found["runs"] = found.runs.fillna("").astype(str).str.split()
        return found

    def text(self, format: str = "terminal") -> str:
        """Return the tables as terminal, markdown, latex, csv or json."""
        from hxbench.report.render import renderer

        return renderer(str(format))(self.tables)

    def pictures(self, format: str = "png") -> dict[str, bytes]:
        """Return the figures by name as png, svg or pdf."""
        from hxbench.report.draw import pictures
        from hxbench.report.render import PICTURES

        if format not in PICTURES:
            raise InputError(did_you_mean("format of pictures", str(format), list(PICTURES)))
        return {one.name: pictures(one, [format])[format] for made in self.made for one in made.figures}


def _by_seed(text: str) -> dict[int, float]:
    found = (part.partition("=") for part in text.split("; ") if part)
    return {int(seed): float(value) for seed, _, value in found}
