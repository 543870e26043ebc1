"""The artifacts that can be rebuilt, by paper; each is imported when it is asked for."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hxbench.report.table import Table
    from hxbench.store import Store


@dataclass(frozen=True)
class Artifact:
    """A table of a paper: the module's `build(results)` makes it from the runs of one profile."""

    paper: str
    name: str
    title: str
    module: str


ARTIFACTS: dict[str, dict[str, Artifact]] = {
    "hyperx": {
        name: Artifact("hyperx", name, title, f"hxbench.report.hyperx.{name}")
        for name, title in {
            "table2": "Zero-shot transfer by setting: SEEN, UNSEEN and ALL (Hyper-X, Table 2)",
            "table3": "Parameters and training time (Hyper-X, Table 3)",
            "table6": "Zero-shot transfer by language (Hyper-X, Table 6)",
        }.items()
    }
}


def find_artifact(paper: str, name: str) -> Artifact:
    """Return an artifact by name (`table2`) or by number (`2`)."""
    if paper not in ARTIFACTS:
        raise InputError(did_you_mean("paper", paper, list(ARTIFACTS)))
    known = ARTIFACTS[paper]
    full = f"table{name}" if name.isdigit() else name.lower().replace(" ", "")
    if full not in known:
        raise InputError(did_you_mean("artifact", full, list(known)))
    return known[full]


def build(paper: str, artifact: str, store: "Store", profile: str | None = None) -> "list[Table]":
    """Return the tables of an artifact for one profile; without one, the store decides (see `choose_profile`)."""
    from hxbench.report.hyperx.results import Results

    found = find_artifact(paper, artifact)
    tables: list[Table] = import_module(found.module).build(Results(store, profile))
    return tables
