"""Whether the names in a `paper.yaml` lead anywhere: to recipes, to the package's modules, and within the file."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hxbench.report.paper import PaperFile

Name = tuple[str, str, str]  # the field, what it names, and the name


def require_names(paper: str, file: "PaperFile", path: Path) -> None:
    """Raise `InputError` for the first name of a paper's file that leads nowhere."""
    from hxbench.spec import recipe

    methods = recipe.recipe_names("methods")
    experiments = recipe.recipe_names(paper) if paper in recipe.papers() else []
    modules = [one.name for one in iter_modules([str(path.parent)])]
    known: dict[str, Sequence[str]] = {
        "method": methods, "experiment": experiments, "row": [*file.rows], "setting": [*file.blocks],
        "module": modules, "line of numbers": [*file.numbers], "text": [*file.texts],
    }  # fmt: skip
    for field, what, name in _names(file):
        if what == "size":
            profiles = recipe.recipe_names("profiles")
            known.setdefault(what, sorted({size for one in profiles for size in recipe.scale(one, paper).sizes}))
        if name and name not in known[what]:
            raise InputError(f"{path}: {field}: {did_you_mean(what, name, [*known[what]])}")
    for name, entry in file.artifacts.items():
        kind = next((one for one in ("table", "figure") if name.startswith(one)), entry.kind)
        if entry.kind != kind and entry.kind:
            raise InputError(
                f"{path}: artifacts.{name}.kind is {entry.kind}, but its name says {kind}: leave kind out."
            )
        if entry.module and "." in entry.module and not _is_module(entry.module):
            raise InputError(f"{path}: artifacts.{name}.module: there is no module {entry.module}.")


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _names(file: "PaperFile") -> Iterator[Name]:
    """Yield all names of a file, with the empty ones; what has a blank is a sentence, not the name of one."""
    yield "formulas", "module", file.formulas
    for name, row in file.rows.items():
        for method in (row.method, *row.also):
            yield f"rows.{name}", "method", method
    for name, block in file.blocks.items():
        for row_name in block.rows:
            yield f"blocks.{name}.rows", "row", row_name
    for name, family in file.families.items():
        for size in family.sizes:
            yield f"families.{name}.sizes", "size", size
    for number, claim in enumerate(file.claims, 1):
        for key, side in (("more", claim.more), ("less", claim.less)):
            yield f"claims.{number}.{key}.row", "row", side.row
            yield f"claims.{number}.{key}.setting", "setting", side.setting
            yield f"claims.{number}.{key}.experiment", "experiment", side.experiment
    for name, entry in file.artifacts.items():
        at = f"artifacts.{name}"
        yield f"{at}.experiment", "experiment", entry.experiment or ""
        yield f"{at}.module", "module", "" if "." in (entry.module or ".") else str(entry.module)
        yield f"{at}.numbers", "line of numbers", "" if " " in entry.numbers else entry.numbers
        yield f"{at}.comparison.known", "row", entry.comparison.known if entry.comparison else ""
        for row_name in entry.rows:
            yield f"{at}.rows", "row", row_name
        for size in entry.sizes:
            yield f"{at}.sizes", "size", size
        for row in entry.methods:
            yield f"{at}.methods", "method", row.method
        for key in ("before", "after", "caption"):
            for text in getattr(entry, key):
                yield f"{at}.{key}", "text", "" if " " in text else text
