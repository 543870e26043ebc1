"""What a paper says, as data: its `paper.yaml` beside the modules of its tables and figures.

Papers ship with hxbench or come from other packages: the entry point `hxbench.papers` names each and its package.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hxbench.closed import Closed, read_mapping, validated
from hxbench.errors import InputError, did_you_mean

Kind = Literal["table", "figure"]
_SHIPPED = {name: f"hxbench.report.papers.{name}" for name in ("hyperx", "pha", "pet")}
_GROUP = "hxbench.papers"


class MethodRow(Closed):
    """A method as the paper prints it, and our recipe; `published` is its row in the printed numbers.

    Other tables may abbreviate it (`short`); recipes of the same method under other names are `also` called so.
    """

    published: str = ""
    short: str = ""
    title: str
    method: str = ""
    setting: str = ""
    also: tuple[str, ...] = ()


class SettingBlock(Closed):
    """A setting as the paper titles it, with the names of the rows that it shows there."""

    title: str
    rows: tuple[str, ...]


class Entry(Closed):
    """A table or figure: its title in lists, and the one above it, without which its module makes one.

    `module` is that of the paper's package where it is not named for the artifact, or one with its package.
    """

    title: str
    heading: str = ""
    kind: Kind | None = None  # of what is not named for it
    module: str = ""


class PaperFile(Closed):
    """A paper: what its numbers and data are called, its rows, settings and artifacts, and notes on it."""

    title: str
    made_up: str  # what a synthetic profile's data are called
    examples: str = "sentences"
    names: str = ""  # what short names of methods stand for
    tasks: Mapping[str, str] = {}  # what its figures call tasks where that is neither name nor title
    formulas: str = ""  # the module that computes parameters as the paper does
    numbers: Mapping[str, str]  # whose numbers an artifact shows: `published` unless it says another
    rows: Mapping[str, MethodRow] = {}
    blocks: Mapping[str, SettingBlock] = {}
    artifacts: Mapping[str, Entry]
    notes: Mapping[str, str] = {}


def papers() -> dict[str, str]:
    """Return the package of every paper by name, ours first; `InputError` for one that is there twice."""
    return _papers(tuple(sys.path))


@cache
def _papers(_path: tuple[str, ...]) -> dict[str, str]:
    from importlib.metadata import entry_points  # which imports much

    found = dict(_SHIPPED)
    for point in sorted(entry_points(group=_GROUP), key=lambda one: (one.name, one.value)):
        if point.name in found:
            raise InputError(f"paper {point.name} is there twice: {found[point.name]} and {point.value}.")
        found[point.name] = point.value
    return found


@cache
def paper_file(paper: str) -> PaperFile:
    """Return what a paper says; `InputError` for one that is not known, or whose file cannot be read."""
    known = papers()
    if paper not in known:
        raise InputError(did_you_mean("paper", paper, list(known)))
    try:
        package = find_spec(known[paper])
    except (ImportError, ValueError):
        package = None
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "paper.yaml"
        return validated(PaperFile, read_mapping(path), str(path))
    raise InputError(f"entry point {paper} of {_GROUP}: there is no package {known[paper]}.")
