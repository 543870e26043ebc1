"""What a paper says, as data: its `paper.yaml` beside the modules of its tables and figures.

Papers ship with hxbench or come from other packages: the entry point `hxbench.papers` names each and its package.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hxbench.closed import Closed, read_mapping, validated
from hxbench.errors import InputError, did_you_mean
from hxbench.report.paper_names import require_names

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
    elsewhere: str = ""  # its title on a backbone that was asked for, where the title names the paper's
    method: str = ""
    setting: str = ""
    also: tuple[str, ...] = ()


class BackboneFamily(Closed):
    """A family of backbones: our sizes, from the smallest, with what the paper prints; `guessing` may be right."""

    title: str
    sizes: Mapping[str, str]
    guessing: bool = False


class SettingBlock(Closed):
    """A setting as the paper titles it, with the names of the rows that it shows there."""

    title: str
    rows: tuple[str, ...]


class Contrast(Closed):
    """An experiment whose conditions stand side by side; its gain is the scores of `more` minus those of `less`.

    Both are positions in the experiment. The panels show the gains of the groups `gains`, which the paper prints
    at `printed` (artifact, row, column). `known` is the row of the paper's table that the first condition is.
    """

    groups: tuple[str, ...]
    more: int
    less: int
    gains: tuple[str, ...]
    printed: tuple[str, str, str] | None = None
    known: str = ""


class ClaimRuns(Closed):
    """Runs that a claim is about: a row in a setting, or a condition by its position in an experiment."""

    row: str = ""
    setting: str = ""
    experiment: str = ""
    position: int = 0


class Claim(Closed):
    """A claim of the paper that `more` scores above `less`, or near it, as `expects` says by group.

    `printed` is where the paper prints the difference: artifact, row, column.
    """

    title: str
    more: ClaimRuns
    less: ClaimRuns
    expects: Mapping[str, Literal["above", "near", "level"]]
    printed: tuple[str, str, str] | None = None


class Entry(Closed):
    """A table or figure: its titles, and what it shows whatever the runs are.

    `title` stands in lists, `heading` above it; without one its module makes it. `module` is that of the paper's
    package where it is not named for the artifact, or one with its package. A sentence in `before` and `after`,
    the remarks above and below those on the runs, and in `caption`, which a picture has too, may be the name of
    one of the paper's `texts`.
    """

    title: str
    heading: str = ""
    kind: Kind | None = None  # of what is not named for it
    module: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")] | None = None
    stub: str = ""  # what a row is
    numbers: str = "published"  # whose numbers it shows: the name of one of the paper's lines, or the line itself
    experiment: str | None = None  # that makes its runs, where it is not named for the artifact
    sizes: tuple[str, ...] = ()  # of the backbones that it compares
    timed: bool = False  # whether it shows times
    rows: tuple[str, ...] = ()  # the paper's rows that it has, by name
    methods: tuple[MethodRow, ...] = ()  # where it calls them otherwise
    terms: Mapping[str, str] = {}  # what it calls columns, panels or tasks, or says of them, by their names
    labels: tuple[str, ...] = ()  # conditions or tasks, in its order
    comparison: Contrast | None = None
    caption: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class PaperFile(Closed):
    """A paper: what its numbers and data are called, its rows, settings, claims and artifacts, and notes on it."""

    title: str
    made_up: str  # what a synthetic profile's data are called
    examples: str = "sentences"
    tasks: Mapping[str, str] = {}  # what its figures call tasks where that is neither name nor title
    formulas: str = ""  # the module that computes parameters as the paper does
    numbers: Mapping[str, str]  # whose numbers an artifact shows: `published` unless it says another
    rows: Mapping[str, MethodRow] = {}
    blocks: Mapping[str, SettingBlock] = {}
    families: Mapping[str, BackboneFamily] = {}
    artifacts: Mapping[str, Entry]
    claims: tuple[Claim, ...] = ()
    notes: Mapping[str, str] = {}
    texts: Mapping[str, str] = {}  # sentences by name, with room for what runs say

    def text(self, name: str, **values: object) -> str:
        """Return a sentence by its name, with these values in it; what is no name is the sentence itself."""
        text = self.texts.get(name, name)
        return text.format(**values) if values else text

    def entry(self, artifact: str) -> Entry:
        """Return what the file says of an artifact; of one that it does not have, nothing."""
        return self.artifacts.get(artifact) or Entry(title="")


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
    """Return what a paper says.

    Raises `InputError` for one that is not known, and for a file that cannot be read or has names of nothing.
    """
    known = papers()
    if paper not in known:
        raise InputError(did_you_mean("paper", paper, list(known)))
    try:
        package = find_spec(known[paper])
    except (ImportError, ValueError):
        package = None
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "paper.yaml"
        found = validated(PaperFile, read_mapping(path), str(path))
        if paper not in _SHIPPED:  # a test looks at these
            require_names(paper, found, path)
        return found
    raise InputError(f"entry point {paper} of {_GROUP}: there is no package {known[paper]}.")
