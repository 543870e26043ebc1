"""What the artifacts of PHA are made from: run sets by suite, conditions, few-shot scores."""

from collections.abc import Iterable

from hxbench.report import results
from hxbench.report.papers.pha.rows import PAPER
from hxbench.report.select.identity import of_no_paper
from hxbench.spec import recipe


class Results(results.Results):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER
    suite = "glue"

    def own(self, setting: str) -> list[str]:
        """Return the methods of this setting that belong to no paper: yours, and ours."""
        shipped = (name for name in recipe.recipe_names("methods") if not of_no_paper(name))
        return self.own_methods(setting, set(shipped))

    def without(self, sizes: Iterable[str]) -> list[str]:
        """Return what to say of sizes of the backbone that the profile lacks; nothing if it has them all."""
        absent = [size for size in sizes if size not in self.scale.sizes]
        if not absent:
            return []
        others = [name for name in recipe.recipe_names("profiles") if recipe.scale(name, PAPER).sizes]
        return [
            f"profile {self.profile} has no backbone of size {', '.join(absent)}; of the shipped profiles "
            f"{', '.join(others)} have."
        ]
