"""`hxbench cite`: what to cite, as BibTeX."""

from typing import Annotated

import typer

from hxbench import __version__, places
from hxbench.errors import InputError, did_you_mean

_SUITE = """@software{{hxbench,
  title = "hxbench: a benchmark suite for parameter-efficient transfer learning",
  author = "{{The hxbench developers}}",
  version = "{version}",
  year = "2026",
}}"""


def cite_command(
    papers: Annotated[
        list[str] | None, typer.Argument(help="hyperx, pha, pet, or several of them; default: all.")
    ] = None,
) -> None:
    """Print BibTeX entries of hxbench and of the papers that it rebuilds."""
    folder = places.shipped("published")
    known = sorted(path.stem for path in folder.glob("*.bib"))
    for paper in papers or ():
        if paper not in known:
            raise InputError(did_you_mean("paper", paper, known))
    entries = [(folder / f"{paper}.bib").read_text(encoding="utf-8").strip() for paper in papers or known]
    print("\n\n".join([_SUITE.format(version=__version__), *entries]))
