"""What the artifacts of Hyper-X are made from: run sets by setting, few-shot scores, names of languages."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from hxbench.report.artifact.table import Column
from hxbench.report.papers.hyperx.few_shot import FewShot, Shots
from hxbench.report.papers.hyperx.ground import said_of_ground
from hxbench.report.papers.hyperx.rows import BLOCKS, GROUPS, METRICS, MethodRow, title_of
from hxbench.report.papers.hyperx.scores import Model, RunSet
from hxbench.report.results import NOT_OF_PAPER, PaperResults
from hxbench.report.scores.estimate import Estimate, Rows
from hxbench.report.scores.shown import Shown
from hxbench.report.select.commands import argument
from hxbench.report.select.families import Family
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.languages import language_set

PAPER = "hyperx"
# what an artifact's numbers are: the last line of its heading
PUBLISHED = "ours: mean ± sample s.d. over the seeds; published: mBERT, 3 runs, no deviations printed"
UNPUBLISHED = "mean ± sample s.d. over the seeds; the paper prints no such numbers"
FEW_SHOT = "ours: mean ± sample s.d. over the seeds; published: mBERT, the paper does not say how many runs"
COSTS = "ours: mean over the runs that are there; published: mBERT"


def told_of(method: MethodRow, runs: RunSet) -> str:
    """Return what to say of a row: that the paper has none, and that held-out pairs have chosen its weights."""
    return "; ".join(filter(None, ["" if method.published else NOT_OF_PAPER, runs.help_from_targets]))


class Results(PaperResults[RunSet]):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER
    numbers = PUBLISHED
    made_up = "languages"

    def _read(self, family: Family, wanted: tuple[int, ...], rows: Mapping[tuple[Model, int], Rows]) -> RunSet:
        return RunSet(family.models, wanted, rows, family)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the paper's order, but those whose data have fewer languages behind the others.

        The first run set of Table 2 that has runs tells: all read the same data.
        """
        for block in BLOCKS:
            for method in block.methods:
                runs = self.run_set(method.method, block.setting)
                if runs.present:
                    lacking = {task: len(runs.group(task, "ALL").lacking) for task in METRICS}
                    return tuple(sorted(METRICS, key=lambda task: lacking[task]))
        return tuple(METRICS)

    def title_of(self, method: str) -> str:
        """Return what the tables call a method."""
        return title_of(method)

    def remarks(
        self, shown: Iterable[Shown], *, timed: bool = False, several_bodies: bool = False
    ) -> tuple[str, ...]:
        """Return what was chosen or left out, and what the runs stand on."""
        shown = list(shown)
        texts = super().remarks(shown, timed=timed, several_bodies=several_bodies)
        return (*texts, *said_of_ground((record for one in shown for record in one.records), self.title_of))

    def plain_scores(self, runs: RunSet) -> dict[Column, Estimate]:
        """Return SEEN, UNSEEN and ALL of the tasks that the runs are of."""
        tasks = [task for task in METRICS if any(model.task in (None, task) for model in runs.models)]
        return {
            Column(group, METRICS[task][1], paper=False): runs.group(task, group)
            for task in tasks
            for group in GROUPS
        }

    def few_shot(self, experiment: str = "table5") -> FewShot:
        """Return the few-shot scores of an experiment, its methods in its order, then others that have any."""
        found = {}
        protocol = experiments.few_shot_protocol(PAPER, experiment, self._scale)
        for block in experiments.blocks(PAPER, experiment, self._scale):
            for method in block.methods if block.few_shot else ():
                assert block.few_shot is not None
                start = self.run_set(method, block.setting, block)
                records = self.families.few_shot(start.family, block)
                found[method] = Shots(start, block.few_shot, records, self.scale.draws)
        for method, setting in self.families.few_shot_methods():
            if method not in found and setting in ("multi", "single"):  # which are trained on English alone
                start = self.run_set(method, setting)
                records = self.families.own_few_shot(start.family, protocol)
                told = f"{method} is not in the experiment: hxbench fewshot {argument(method)} makes its runs."
                found[method] = Shots(start, protocol, records, draws=0, notes=[told])
        return FewShot(found)

    @staticmethod
    def has(method: str, setting: str) -> bool:
        """Return whether the recipe of a method has a setting."""
        return method in recipe.recipe_names("methods") and setting in recipe.load("methods", method).settings

    @property
    def own_codes(self) -> dict[str, tuple[str, ...]]:
        """The languages that a user describes, by the task they have a corpus of; none is in an average."""
        described = experiments.described_in(self._scale)
        if described is None:
            return {}
        own = [(task, code) for task, code in described.pairs if code in described.languages]
        return {wanted: tuple(code for task, code in own if task == wanted) for wanted in METRICS}

    def label(self, code: str) -> str:
        """Return the title of a paper language's row: its code, or that of the sandbox language in its place."""
        languages = language_set("sandbox" if self.synthetic else "hyperx").values()
        return next(language.label for language in languages if language.paper_code == code)
