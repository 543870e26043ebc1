"""The few-shot scores (PHA, Table 2): the mean over the draws for each seed, then over the seeds."""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean

from hxbench.report.papers.pha.rows import task_title
from hxbench.report.papers.pha.scores import RunSet
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.scores.plain import scores_in
from hxbench.spec.recipe import FewShotRecipe
from hxbench.spec.run_spec import RunSpec
from hxbench.store import DamagedRun, RunRecord

Draws = dict[tuple[str, int], dict[int, dict[int, float]]]  # (task, k) → seed → draw → score


@dataclass
class Shots:
    """The few-shot runs of one method, read once; `start` is what they start from, if from anything."""

    method: str
    start: RunSet | None
    protocol: FewShotRecipe
    tuned: list[RunRecord]
    draws: int  # wanted of each seed; none of a method that no experiment asks for
    seeds: tuple[int, ...]
    notes: list[str] = field(default_factory=list)
    scores: Draws = field(default_factory=dict)
    runs: dict[tuple[str, int], dict[tuple[int, int], RunRecord]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.notes = [*self.notes, *(self.start.notes if self.start else ())]
        found: Draws = defaultdict(lambda: defaultdict(dict))
        self.runs = defaultdict(dict)  # by seed and draw
        # of two runs of one draw, which only their inputs can tell apart, the newer one
        for record in sorted(self.tuned, key=lambda r: str(r.status.get("finished", ""))):
            spec = record.spec
            assert isinstance(spec, RunSpec)
            assert spec.few_shot is not None
            shot = spec.few_shot
            try:
                value = scores_in(record.metrics()).get((shot.task, shot.language))
            except DamagedRun as error:
                self.notes.append(f"left out: {error} ({record.removal} removes it.)")
                continue
            if value is not None:
                found[shot.task, shot.k][spec.seed][shot.draw] = value
                self.runs[shot.task, shot.k][spec.seed, shot.draw] = record
        self.scores = found

    def score(self, task: str, k: int) -> Estimate:
        """Return the score of a task at k examples."""
        of = self.scores.get((task, k), {})
        wanted = set(range(self.draws))
        return Estimate(
            values=tuple(fmean(of[seed].values()) for seed in sorted(of)),
            covers=frozenset({task_title(task)}) if of else frozenset(),
            seeds=tuple(sorted(of)),
            incomplete=any(not wanted <= set(of.get(seed, ())) for seed in self.seeds),
            runs=runs_behind(self.runs.get((task, k), {}).values(), (task,)),
        )

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the scores come from."""
        return [*(self.start.records if self.start else ()), *self.tuned]

    @property
    def lacks(self) -> bool:
        """Whether a run is missing that the experiment asks for."""
        return any(self.score(task, k).incomplete for task in self.protocol.tasks for k in self.protocol.k)
