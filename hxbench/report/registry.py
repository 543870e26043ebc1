"""The artifacts that can be rebuilt, by paper; each is imported when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError
from hxbench.garbage import collecting_none
from hxbench.report.paper import Entry, Kind, paper_file, papers
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.tasks import SUITES
from hxbench.tasks.data_file import read_data_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from hxbench.report.artifact.figure import Figure
    from hxbench.report.artifact.table import Table
    from hxbench.report.results import Results
    from hxbench.spec.run_spec import RunSpec
    from hxbench.store import Store
    from hxbench.tasks.description import OwnData


@dataclass(frozen=True)
class Artifact:
    """A table or figure of a paper: the module's `build(results)` makes it from the runs of one profile."""

    paper: str
    name: str
    title: str
    module: str
    kind: Kind = "table"

    @property
    def number(self) -> str:
        """Its number in the paper."""
        return self.name.removeprefix(self.kind)


@dataclass(frozen=True)
class Made:
    """What an artifact was made into: a figure's tables hold its points."""

    artifact: Artifact
    tables: "tuple[Table, ...]"
    figures: "tuple[Figure, ...]" = ()


def artifacts(paper: str) -> dict[str, Artifact]:
    """Return what can be rebuilt of a paper."""
    return {name: _artifact(paper, name, entry) for name, entry in paper_file(paper).artifacts.items()}


def _artifact(paper: str, name: str, entry: Entry) -> Artifact:
    module = entry.module or name
    kind: Kind = entry.kind or ("figure" if name.startswith("figure") else "table")
    return Artifact(paper, name, entry.title, module if "." in module else f"{papers()[paper]}.{module}", kind)


PAPERS = {paper: paper_file(paper).title for paper in papers()}
ARTIFACTS = {paper: artifacts(paper) for paper in PAPERS}


def find_artifact(paper: str, name: str, kind: Kind = "table") -> Artifact:
    """Return an artifact by name (`table2`, `Figure 3`), or by the number of its kind (`2`)."""
    known = artifacts(paper)
    full = name.lower().replace(" ", "")
    full = f"{kind}{full}" if full.isdigit() else full
    if full in known and known[full].kind != kind:
        other = known[full].kind
        raise InputError(f"{full} of {paper} is no {kind} but a {other}: --{other} {known[full].number} names it.")
    if full not in known:
        numbers = ", ".join(one.number for one in known.values() if one.kind == kind)
        asked = full.removeprefix(kind)
        raise InputError(f"{kind} {asked} of {paper} cannot be rebuilt; known: {numbers}.")
    return known[full]


@collecting_none()
def read_results(
    paper: str,
    store: "Store",
    profile: str | None = None,
    own: str | None = None,
    backbone: str | None = None,
    data: "OwnData | None" = None,
    require: "Callable[[RunSpec], Any] | None" = None,
) -> "Results":
    """Return what a paper's artifacts are made from; without a profile the store decides (`choose_profile`).

    `own` is the file of an experiment of the user's own, whose runs go before the recipes' in every artifact;
    `backbone` is one in the place of the profile's, `data` are of the user's own, by default the experiment's.
    `require` raises `InputError` for runs that cannot be on a backbone.
    """
    paper_file(paper)
    if own and data is None and (file := experiments.data_file(paper, own)):
        data = read_data_file(file)
    package = papers()[paper]
    if find_spec(f"{package}.results") is None:  # nothing of it is otherwise than every paper's
        from hxbench.report.results import Results

        of_paper: type[Results] = type("Results", (Results,), {"paper": paper})
    else:
        of_paper = import_module(f"{package}.results").Results
    return of_paper(store, profile, own, backbone, data=data, require=require)


@collecting_none()
def make(artifact: Artifact, results: "Results") -> Made:
    """Return an artifact as tables, and as figures if it is one."""
    build = _builder(artifact)
    # a module of several artifacts is told which
    built = build(results) if artifact.module.endswith(f".{artifact.name}") else build(results, artifact.name)
    built = tuple(built)
    if any(hasattr(one, "panels") != (artifact.kind == "figure") for one in built):
        other = "table" if artifact.kind == "figure" else "figure"
        raise InputError(
            f"{artifact.module} makes a {other}, but the paper.yaml of {artifact.paper} has {artifact.name} as a "
            f"{artifact.kind}: kind: {other} mends it."
        )
    if artifact.kind == "table":
        return Made(artifact, built)
    return Made(artifact, tuple(table for figure in built for table in figure.tables()), built)


def _builder(artifact: Artifact) -> "Callable[..., Any]":
    what = f"the {artifact.kind} {artifact.name} of {artifact.paper}"
    try:
        module = import_module(artifact.module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{artifact.module}.".startswith(f"{error.name}."):
            raise  # something that the module itself imports
        raise InputError(f"{what}: there is no module {error.name}, which its paper.yaml leads to.") from None
    if not callable(found := getattr(module, "build", None)):
        raise InputError(f"{what}: {artifact.module} has no function build.")
    return found


def build(paper: str, artifact: str, store: "Store", profile: str | None = None) -> "list[Table]":
    """Return the tables of an artifact for one profile; those of a figure hold its points."""
    known = artifacts(paper).get(artifact)
    kind: Kind = "figure" if artifact.lower().startswith("figure") else "table"
    one = known or find_artifact(paper, artifact, kind)
    return list(make(one, read_results(paper, store, profile)).tables)


def parameters_per_task(spec: "RunSpec", counted: int, *, plain: bool) -> dict[str, int]:
    """Return a run's counted parameters per task, and what its paper has for them: by its formula, and in print.

    The paper's own stand beside its `plain` recipe on its own backbone only: others would be of another model.
    """
    values = {"counted_per_task": round(counted / len(spec.tasks))}
    of_suite = spec.suite in (None, SUITES[0]) and not spec.together
    formulas = paper_file(spec.paper).formulas if spec.paper in papers() else ""
    if not (plain and formulas and of_suite):
        return values
    if spec.backbone.name == recipe.scale("paper", spec.paper).backbone:
        values |= import_module(f"{papers()[spec.paper]}.{formulas}").published_per_task(spec.method)
    return values
