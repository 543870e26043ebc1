"""What the artifacts of PET scaling are made from: the runs of an experiment by backbone, method and budget."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from hxbench.report import results
from hxbench.report.artifact.table import format_value
from hxbench.report.papers.pet.answers import answered
from hxbench.report.papers.pet.rows import FAMILIES, FILE, PAPER, Backbone, Family
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.scores.protocol import divided
from hxbench.report.scores.run_set import RunSet, Shown
from hxbench.spec import experiment as experiments
from hxbench.tasks import task_of


class At(NamedTuple):
    """One thing that an experiment compares: a method on a backbone, of APET with a budget."""

    size: str
    method: str
    budget: str | int | None = None


class Results(results.Results):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER

    def tried(self, experiment: str) -> dict[At, Tried]:
        """Return what an experiment compares, the runs at all learning rates together."""
        if experiment not in self._tried:
            sets: dict[At, dict[float | None, RunSet]] = {}
            for one in self.conditions(experiment):
                at = At(one.block.size, one.method, one.block.options.get("budget"))
                sets.setdefault(at, {})[one.block.training.get("lr")] = one.run_set
            self._tried[experiment] = {at: Tried(at.method, some) for at, some in sets.items()}
        return self._tried[experiment]

    @cached_property
    def _tried(self) -> dict[str, dict[At, Tried]]:
        return {}

    def tasks_of(self, family: Family) -> tuple[str, ...]:
        """Return the tasks that a family is run on at this profile (Figure 2): the paper's, or what there is."""
        sizes = {one.size for one in family.backbones}
        blocks = [block for block in experiments.blocks(PAPER, "figure2", self._scale) if block.size in sizes]
        return tuple(dict.fromkeys(task for block in blocks for task in block.every_task)) or family.tasks

    def other_tasks(self) -> list[str]:
        """Return what to say of families whose means are not over the paper's tasks."""
        words = []
        for family in FAMILIES:
            tasks = self.tasks_of(family)
            if set(tasks) != set(family.tasks):
                ours, theirs = (", ".join(task_of(one).title for one in some) for some in (tasks, family.tasks))
                words.append(FILE.text("other_tasks", family=family.title, ours=ours, theirs=theirs))
        return words

    def remarks(
        self, shown: Iterable[Shown], *, timed: bool = False, several_backbones: bool = False
    ) -> tuple[str, ...]:
        """Return how answers were given, then what was chosen or left out."""
        shown = list(shown)
        return (*answered(shown), *super().remarks(shown, timed=timed, several_backbones=several_backbones))

    def other_answers(self) -> list[str]:
        """Return how Table 2 and Figure 4 are had with other answers; nothing where something was asked for."""
        if self.own_experiment or not experiments.blocks(PAPER, "choosing", self._scale):
            return []
        return [f"the same with answers that are chosen among the labels: {self.to_type.report('choosing')}."]

    def splits(self, shown: Iterable[Shown]) -> list[str]:
        """Return what to say of development sets, which the paper scores and its code selects by as a whole."""
        words = divided(record for one in shown for record in one.records).said() if not self.synthetic else ""
        return [FILE.text("whole_sets", sets=words)] if words else []

    def parameters(self, tried: Mapping[At, Tried], backbone: Backbone) -> float | None:
        """Return the parameters of our backbone of a size, where a run tells them."""
        for at, one in tried.items():
            for runs in one.sets.values() if at.size == backbone.size else ():
                if (count := runs.cost("backbone_parameters").mean) is not None:
                    return count
        return None

    def our_names(
        self, backbones: Iterable[Backbone], count: Callable[[Backbone], float | None], form: str
    ) -> tuple[tuple[str, str], ...]:
        """Return what a picture calls the paper's backbones; `form` says how ours and theirs are told."""
        found = []
        for one in backbones:
            end = one.size.rpartition("-")[2]
            size = format_value(parameters, "parameters") if (parameters := count(one)) else ""
            told = ", ".join(filter(None, (end, size)))
            ours = f"{one.title.partition(' ')[0]} {told}"
            found.append((one.title, form.format(ours=ours, end=told, size=size or end, paper=one.short)))
        return tuple(found)

    def ticks(self, tried: Mapping[At, Tried], backbones: Iterable[Backbone], form: str) -> tuple[str, ...]:
        """Return what stands below the points of some backbones."""
        return tuple(ours for _, ours in self.our_names(backbones, lambda one: self.parameters(tried, one), form))

    def without(self, backbones: Iterable[Backbone]) -> list[str]:
        """Return what to say of backbones that the profile lacks; nothing if it has them all."""
        absent = [one.title for one in backbones if one.size not in self.scale.sizes]
        return [f"profile {self.profile} has nothing in place of {', '.join(absent)}."] if absent else []
