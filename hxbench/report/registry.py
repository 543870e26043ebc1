"""The artifacts that can be rebuilt, by paper; each is imported when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from hxbench.errors import InputError, did_you_mean
from hxbench.spec import recipe
from hxbench.tasks import SUITES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hxbench.report.artifact.figure import Figure
    from hxbench.report.artifact.table import Table
    from hxbench.report.results import Results
    from hxbench.spec.run_spec import RunSpec
    from hxbench.store import Store
    from hxbench.tasks.description import OwnData

Kind = Literal["table", "figure"]
PAPERS = {"hyperx": "Hyper-X", "pha": "PHA", "pet": "PET scaling"}
_WITH_FORMULAS = {"pha": "hxbench.report.papers.pha.parameters"}
_UNNUMBERED = ("parameters", "convergence", "frontier")  # figures


@dataclass(frozen=True)
class Artifact:
    """A table or figure of a paper: the module's `build(results)` makes it from the runs of one profile."""

    paper: str
    name: str
    title: str
    module: str

    @property
    def kind(self) -> Kind:
        """What it is."""
        return "figure" if self.name.startswith("figure") or self.name in _UNNUMBERED else "table"

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


_TITLES = {
    "hyperx": {
        "table1": "What the approaches can do (Hyper-X, Table 1)",
        "table2": "Zero-shot transfer by setting: SEEN, UNSEEN and ALL (Hyper-X, Table 2)",
        "table3": "Parameters and training time (Hyper-X, Table 3)",
        "table4": "Languages and the sizes of their corpora (Hyper-X, Table 4)",
        "table5": "Few-shot transfer by language (Hyper-X, Table 5)",
        "table6": "Zero-shot transfer by language (Hyper-X, Table 6)",
        "figure3": "The role of masked language modelling (Hyper-X, Figure 3)",
        "figure4": "Source languages, Hyper-X Base (Hyper-X, Figure 4)",
        "figure5": "Source languages, mBERT (Hyper-X, Figure 5)",
        "figure6": "Few-shot transfer (Hyper-X, Figure 6)",
        "figure7": "Sampling by temperature and by size (Hyper-X, Figure 7)",
        "interpolation": "Languages held out of all training, by their embedding",
        "claims": "The paper's claims held against our runs, each with an interval and a verdict",
        "controls": "Transfer against a body with random weights (not in the paper)",
        "rates": "Learning rates tried (not in the paper)",
    },
    "pha": {
        "table1": "Scores on GLUE and SuperGLUE (PHA, Table 1)",
        "table2": "Few-shot transfer (PHA, Table 2)",
        "table3": "Without prototypes, without the retriever (PHA, Table 3)",
        "table4": "Low data on SuperGLUE (PHA, Table 4)",
        "table5": "Summaries and translation with little data (PHA, Table 5)",
        "figure2": "Low data on GLUE (PHA, Figure 2)",
        "figure3": "Size of the backbone (PHA, Figure 3)",
        "figure4": "What the retriever does to instances (PHA, Figure 4)",
        "figure5": "Prototypes and instances (PHA, Figure 5)",
        "parameters": "Parameters by number of tasks and of layers (PHA, Appendix B)",
    },
    "pet": {
        "table1": "What the methods tune, and where (PET scaling, Table 1)",
        "table2": "Parameters that APET tunes (PET scaling, Table 2)",
        "figure2": "Five ways of tuning on nine backbones (PET scaling, Figure 2)",
        "figure4": "APET at random places (PET scaling, Figure 4)",
        "figure5": "APET by number of tuned parameters (PET scaling, Figure 5)",
        "figure7": "Transfer between tasks (PET scaling, Figure 7)",
        "rates": "Learning rates tried (not in the paper)",
        "convergence": "Steps to 95 % of the final score (not in the paper)",
        "frontier": "Cost and score of every way of tuning (not in the paper)",
    },
}
# what several artifacts share a module with, and what is of more than one paper
_MODULES = (
    {("hyperx", name): "hyperx.comparisons" for name in ("figure3", "figure4", "figure5", "figure7", "controls")}
    | {("pha", name): "pha.curves" for name in ("figure2", "figure3")}
    | {("pet", "frontier"): "frontier"}
)


def _module(paper: str, name: str) -> str:
    return f"hxbench.report.papers.{_MODULES.get((paper, name), f'{paper}.{name}')}"


ARTIFACTS: dict[str, dict[str, Artifact]] = {
    paper: {name: Artifact(paper, name, title, _module(paper, name)) for name, title in titles.items()}
    for paper, titles in _TITLES.items()
}


def artifacts(paper: str) -> dict[str, Artifact]:
    """Return what can be rebuilt of a paper."""
    if paper not in ARTIFACTS:
        raise InputError(did_you_mean("paper", paper, list(ARTIFACTS)))
    return ARTIFACTS[paper]


def find_artifact(paper: str, name: str, kind: Kind = "table") -> Artifact:
    """Return an artifact by name (`table2`, `Figure 3`), or by the number of its kind (`2`)."""
    known = artifacts(paper)
    full = name.lower().replace(" ", "")
    full = f"{kind}{full}" if full.isdigit() else full
    if full not in known or known[full].kind != kind:
        numbers = ", ".join(one.number for one in known.values() if one.kind == kind)
        asked = full.removeprefix(kind)
        raise InputError(f"{kind} {asked} of {paper} cannot be rebuilt; known: {numbers}.")
    return known[full]


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
    `backbone` is one in the place of the profile's, `data` are of the user's own. `require` raises `InputError`
    for runs that cannot be on a backbone.
    """
    artifacts(paper)
    results = import_module(f"hxbench.report.papers.{paper}.results").Results
    return results(store, profile, own, backbone, data=data, require=require)


def make(artifact: Artifact, results: "Results") -> Made:
    """Return an artifact as tables, and as figures if it is one."""
    build = import_module(artifact.module).build
    # a module of several artifacts is told which
    built = build(results) if artifact.module.endswith(f".{artifact.name}") else build(results, artifact.name)
    if artifact.kind == "table":
        return Made(artifact, tuple(built))
    return Made(artifact, tuple(table for figure in built for table in figure.tables()), tuple(built))


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
    if not (plain and spec.paper in _WITH_FORMULAS and of_suite):
        return values
    if spec.backbone.name == recipe.scale("paper", spec.paper).backbone:
        values |= import_module(_WITH_FORMULAS[spec.paper]).published_per_task(spec.method)
    return values
