"""Few-shot scores: the mean over the draws of the examples for each seed, then over the seeds."""

from collections import defaultdict
from dataclasses import dataclass, field

from hxbench.report.scores.averages import mean_of_each, means_by_seed
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.scores.run_set import Pairs, RunSet, Scoring, Tested, tested_in
from hxbench.spec.languages import find_language
from hxbench.spec.recipe import FewShotRecipe
from hxbench.spec.settings import Pair
from hxbench.store import DamagedRun, RunRecord

Draws = dict[int, dict[int, tuple[float, RunRecord]]]  # by seed, then by draw


@dataclass
class Shots:
    """The few-shot runs of one method, read once; `start` is what they start from, None if from nothing."""

    start: RunSet | None
    protocol: FewShotRecipe
    tuned: list[RunRecord]
    draws: int  # wanted of each seed; none of a method that no experiment asks for
    seeds: tuple[int, ...]  # wanted
    scoring: Scoring
    notes: list[str] = field(default_factory=list)
    found: dict[tuple[Pair, int], Draws] = field(default_factory=dict)  # by pair and number of examples

    def __post_init__(self) -> None:
        self.notes = [*(self.start.notes if self.start else ()), *self.notes]
        # of two runs of one draw, which only their inputs can tell apart, the newer one
        for record in sorted(self.tuned, key=lambda one: one.finished):
            spec = record.run_spec
            shot = spec.few_shot
            assert shot is not None
            pair = Pair(shot.task, find_language(shot.language).paper_code)
            try:
                value = self.scoring.scores(record.metrics(), sources=True).get(pair)
            except DamagedRun as error:
                self.notes.append(f"left out: {error} ({record.removal} removes it.)")
                continue
            if value is not None:
                of = self.found.setdefault((pair, shot.k), defaultdict(dict))
                of[spec.seed][shot.draw] = value, record

    @property
    def pairs(self) -> list[Pair]:
        """What the protocol tunes on."""
        return [Pair(task, code) for task in self.protocol.tasks for code in self.protocol.languages]

    @property
    def k(self) -> tuple[int, ...]:
        """The numbers of examples, none at all among them where that has a score."""
        return (0,) * self.scoring.zero_shot + tuple(self.protocol.k)

    def over(self, pairs: Pairs, k: int) -> Estimate:
        """Return the mean over some pairs at k examples, for every seed that has them all.

        At k = 0 it is that of the runs that the others start from.
        """
        zero = self.start.over(pairs) if self.start and self.scoring.zero_shot else None
        if zero is not None and (k == 0 or not zero.covers):
            return zero
        label = self.scoring.label
        # the others have nothing to be scored on
        covered = [pair for pair in pairs if zero is None or label(pair) in zero.covers]
        of = {pair: self.found.get((pair, k), {}) for pair in covered}
        draws = [{s: [v for v, _ in each.values()] for s, each in of[pair].items()} for pair in covered]
        means = means_by_seed([*map(mean_of_each, draws)])
        runs = (run for pair in covered for seed in means for _, run in of[pair][seed].values())
        wanted = set(range(self.draws))
        return Estimate(
            values=tuple(means.values()),
            covers=frozenset(map(label, covered)) if means or zero else frozenset(),
            lacking=zero.lacking if zero else (),
            seeds=tuple(means),
            runs=runs_behind(runs, {pair.task for pair in covered}),
            incomplete=any(not wanted <= set(of[pair].get(seed, ())) for pair in covered for seed in self.seeds),
        )

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the scores come from."""
        return [*(self.start.records if self.start else ()), *self.tuned]

    @property
    def lacks(self) -> bool:
        """Whether a run is missing that the experiment asks for."""
        return bool(self.draws) and any(self.over((pair,), k).incomplete for pair in self.pairs for k in self.k)


@dataclass(frozen=True)
class AtK:
    """The few-shot runs of one method at k examples, as something to compare by seed."""

    shots: Shots
    k: int

    @property
    def scoring(self) -> Scoring:
        """What a score is."""
        return self.shots.scoring

    def over(self, pairs: Pairs) -> Estimate:
        """Return the mean over some pairs."""
        return self.shots.over(pairs, self.k)

    def tested(self, pairs: Pairs, seed: int) -> list[Tested]:
        """Return the test sets of some pairs in the runs of a seed, draw by draw; none of unequal draws.

        With as many draws for every pair the mean over the draws, then over the pairs, is that over all.
        """
        of = {pair: self.shots.found[pair, self.k][seed] for pair in pairs}
        if len({len(draws) for draws in of.values()}) > 1:
            return []
        return [tested_in(record, pair) for pair, draws in of.items() for _, (_, record) in sorted(draws.items())]
