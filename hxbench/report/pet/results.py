"""What the artifacts of PET scaling are made from: the runs of an experiment by backbone, method and budget."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hxbench import experiment as experiments
from hxbench.report.estimate import Rows
from hxbench.report.families import Family
from hxbench.report.pet.rows import PAPER, PLACED, Backbone, title_of
from hxbench.report.pet.scores import RunSet, Tried
from hxbench.report.results import PaperResults
from hxbench.settings import Model

# what an artifact's numbers are: the last line of its heading
PUBLISHED = "ours: mean ± sample s.d. over the seeds; published: the paper's backbones on real data, 3 seeds"
COUNTED = "ours: counted in the runs; published: Table 2, two digits"


class At(NamedTuple):
    """One thing that an experiment compares: a method on a backbone, of APET with a budget."""

    size: str
    method: str
    budget: str | int | None = None


class Results(PaperResults[RunSet]):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER
    numbers = PUBLISHED
    made_up = "tasks"
    examples = "examples"

    def _read(self, family: Family, rows: Mapping[tuple[Model, int], Rows]) -> RunSet:
        return RunSet(family.models, family.seeds or self.scale.seeds, rows, family)

    def title_of(self, method: str) -> str:
        """Return what the tables call a method."""
        return title_of(method)

    def tried(self, experiment: str) -> dict[At, Tried]:
        """Return what an experiment compares, the runs at all learning rates together."""
        sets: dict[At, dict[float | None, RunSet]] = {}
        for one in self.conditions(experiment):
            at = At(one.block.size, one.method, one.block.options.get("budget"))
            sets.setdefault(at, {})[one.block.training.get("lr")] = one.run_set
        return {at: Tried(at.method, some) for at, some in sets.items()}

    def tasks_of(self, experiment: str) -> tuple[str, ...]:
        """Return the tasks that an experiment places parameters on at this profile: the paper's, then others."""
        blocks = experiments.blocks(PAPER, experiment, self._scale)
        return tuple(dict.fromkeys((*PLACED, *(task for block in blocks for task in block.every_task))))

    def parameters(self, tried: Mapping[At, Tried], backbone: Backbone) -> float | None:
        """Return the parameters of our backbone of a size, where a run tells them."""
        for at, one in tried.items():
            for runs in one.sets.values() if at.size == backbone.size else ():
                if (count := runs.cost("backbone_parameters").mean) is not None:
                    return count
        return None

    def without(self, backbones: Iterable[Backbone]) -> list[str]:
        """Return what to say of backbones that the profile lacks; nothing if it has them all."""
        absent = [one.title for one in backbones if one.size not in self.scale.sizes]
        return [f"profile {self.profile} has nothing in place of {', '.join(absent)}."] if absent else []
