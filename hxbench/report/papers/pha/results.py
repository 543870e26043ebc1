"""What the artifacts of PHA are made from: run sets by suite, conditions, few-shot scores."""

from collections.abc import Iterable, Mapping

from hxbench.report.papers.pha.few_shot import Shots
from hxbench.report.papers.pha.rows import NAMES, PAPER, title_of
from hxbench.report.papers.pha.scores import RunSet
from hxbench.report.results import PaperResults
from hxbench.report.scores.estimate import Rows
from hxbench.report.scores.shown import Condition
from hxbench.report.select.commands import argument
from hxbench.report.select.families import Family
from hxbench.report.select.identity import of_no_paper
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.settings import Model

# what an artifact's numbers are: the last line of its heading
PUBLISHED = (
    "ours: mean ± sample s.d. over the seeds; published: T5-base on real data, 5 runs, no deviations printed"
)
FEW_SHOT = "ours: mean ± sample s.d. over the seeds; published: T5-base on real data, 10 runs or quoted"
SIZES = "ours: mean ± sample s.d. over the seeds; published: T5 of these sizes on real data, 5 runs"
UNPUBLISHED = "mean ± sample s.d. over the seeds; not published as numbers"


class Results(PaperResults[RunSet]):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER
    numbers = PUBLISHED
    made_up = "tasks"
    examples = "examples"
    names = NAMES

    def _read(self, family: Family, wanted: tuple[int, ...], rows: Mapping[tuple[Model, int], Rows]) -> RunSet:
        return RunSet(family.models, wanted, rows, family)

    def title_of(self, method: str) -> str:
        """Return what the tables call a method."""
        return title_of(method)

    def own(self, setting: str) -> list[str]:
        """Return the methods of this setting that belong to no paper: yours, and ours."""
        shipped = (name for name in recipe.recipe_names("methods") if not of_no_paper(name))
        return self.own_methods(setting, set(shipped))

    def by_label(self, experiment: str) -> dict[tuple[str, str], Condition[RunSet]]:
        """Return what an experiment compares, by the labels of its blocks and what the tables call the methods."""
        return {(one.block.label, title_of(one.method)): one for one in self.conditions(experiment)}

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

    def few_shot(self, experiment: str = "table2") -> dict[str, Shots]:
        """Return the few-shot scores of an experiment by method, in its order, then of others that have any."""
        found: dict[str, Shots] = {}
        seeds, protocol = self.scale.seeds, experiments.few_shot_protocol(PAPER, experiment)
        for block in experiments.blocks(PAPER, experiment):
            for method in block.methods if block.few_shot else ():
                assert block.few_shot is not None
                start = self.run_set(method, block.setting, block)
                records = self.families.few_shot(start.family, block)
                alone = recipe.load("methods", method).few_shot_from == "nothing"
                found[method] = Shots(
                    method, None if alone else start, block.few_shot, records, self.scale.draws, seeds
                )
        shipped = recipe.recipe_names("methods")
        for method, setting in self.families.few_shot_methods():
            if method not in found and method not in shipped:
                start = self.run_set(method, setting, suite="glue")
                records = self.families.own_few_shot(start.family, protocol)
                told = f"{method} is not in the experiment: hxbench fewshot {argument(method)} makes its runs."
                found[method] = Shots(method, start, protocol, records, draws=0, seeds=(), notes=[told])
        return found
