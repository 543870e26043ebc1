"""The few-shot scores (Hyper-X, section 6.4, Table 5 and Figure 6).

A score at k sentences is the mean over the draws of the sentences for each seed, then over the seeds. At k = 0 it
is the zero-shot score of the runs that the others start from.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean

from hxbench.report.papers.hyperx.scores import RunSet, members, scores_in
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.stats.significance import Tested
from hxbench.spec.experiment import code_here
from hxbench.spec.languages import find_language
from hxbench.spec.recipe import FewShotRecipe
from hxbench.spec.run_spec import RunSpec
from hxbench.store import DamagedRun, RunRecord

Draws = dict[tuple[str, str, int], dict[int, dict[int, float]]]  # (task, paper code, k) → seed → draw → score


@dataclass
class Shots:
    """The few-shot runs of one method, read once."""

    start: RunSet
    protocol: FewShotRecipe
    records: list[RunRecord]
    draws: int  # wanted of each seed; none of a method that no experiment asks for
    notes: list[str] = field(default_factory=list)
    scores: Draws = field(default_factory=dict)
    scored: dict[tuple[str, str, int], dict[int, dict[int, RunRecord]]] = field(
        default_factory=dict
    )  # as `scores`

    def __post_init__(self) -> None:
        found: Draws = defaultdict(lambda: defaultdict(dict))
        scored: dict[tuple[str, str, int], dict[int, dict[int, RunRecord]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        # of two runs of one draw, which only their inputs can tell apart, the newer one
        for record in sorted(self.records, key=lambda r: str(r.status.get("finished", ""))):
            spec = record.spec
            assert isinstance(spec, RunSpec)
            assert spec.few_shot is not None
            shot = spec.few_shot
            where = shot.task, find_language(shot.language).paper_code
            try:
                value = scores_in(record.metrics(), sources=True).get(where)
            except DamagedRun as error:
                self.notes.append(f"left out: {error} ({record.removal} removes it.)")
                continue
            if value is not None:
                found[(*where, shot.k)][spec.seed][shot.draw] = value
                scored[(*where, shot.k)][spec.seed][shot.draw] = record
        self.scores, self.scored = found, scored

    def over(self, task: str, codes: tuple[str, ...], k: int) -> Estimate:
        """Return the mean over some languages at k sentences, for every seed that has them all."""
        zero = self.start.over(task, codes)
        if k == 0 or not zero.covers:
            return zero
        covered = [code for code in codes if code in zero.covers]  # the others have nothing to be scored on
        of = {code: self.scores.get((task, code, k), {}) for code in covered}
        whole = sorted(set.intersection(*(set(seeds) for seeds in of.values())))
        wanted = set(range(self.draws))
        return Estimate(
            values=tuple(fmean(fmean(of[code][seed].values()) for code in covered) for seed in whole),
            covers=frozenset(covered),
            lacking=zero.lacking,
            seeds=tuple(whole),
            runs=runs_behind(
                (
                    record
                    for code in covered
                    for seed in whole
                    for record in self.scored[task, code, k][seed].values()
                ),
                (task,),
            ),
            incomplete=any(
                not wanted <= set(of[code].get(seed, ())) for code in covered for seed in self.start.wanted
            ),
        )


@dataclass(frozen=True)
class AtK:
    """The few-shot runs of one method at k sentences, as something to compare by seed."""

    shots: Shots
    k: int

    def over(self, task: str, codes: tuple[str, ...]) -> Estimate:
        """Return the mean over some languages."""
        return self.shots.over(task, codes, self.k)

    def by_seed(self, task: str, codes: tuple[str, ...]) -> dict[int, float]:
        """Return the mean over some languages for each seed that has them all."""
        of = [self.shots.scores.get((task, code, self.k), {}) for code in codes]
        whole = sorted(set.intersection(*map(set, of))) if of else []
        return {seed: fmean(fmean(seeds[seed].values()) for seeds in of) for seed in whole}

    def tested(self, task: str, codes: tuple[str, ...], seed: int) -> list[Tested]:
        """Return the test sets of some languages in the runs of a seed, draw by draw; none of unequal draws.

        With as many draws for every language the mean over the draws, then over the languages, is that over all.
        """
        of = {code: self.shots.scored[task, code, self.k][seed] for code in codes}
        if len({len(draws) for draws in of.values()}) > 1:
            return []
        return [
            Tested(record, task, code_here(code, record.spec.data))
            for code, draws in of.items()
            for _, record in sorted(draws.items())
            if isinstance(record.spec, RunSpec)
        ]


class FewShot:
    """The few-shot scores of every method of an experiment."""

    def __init__(self, shots: dict[str, Shots]) -> None:
        self._shots = shots
        self.methods = tuple(shots)
        self.own = tuple(name for name, shot in shots.items() if not shot.draws)
        protocols = [shot.protocol for shot in shots.values()]
        self.k = (0, *dict.fromkeys(k for protocol in protocols for k in protocol.k))
        self.languages = tuple(dict.fromkeys(code for protocol in protocols for code in protocol.languages))

    def score(self, method: str, task: str, language: str, k: int) -> Estimate:
        """Return the score of a pair at k sentences; the language by its paper code."""
        return self._shots[method].over(task, (language,), k)

    def shots(self, method: str) -> Shots:
        """Return the few-shot runs of a method."""
        return self._shots[method]

    def group(self, method: str, task: str, group: str, k: int) -> Estimate:
        """Return the mean over the protocol's languages of SEEN or UNSEEN at k sentences."""
        return self._shots[method].over(task, tuple(c for c in self.languages if c in members(group)), k)

    @property
    def own_starts(self) -> list[RunSet]:
        """What the runs of methods that no experiment asks for start from."""
        return [self._shots[name].start for name in self.own]

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the scores come from."""
        return [record for shots in self._shots.values() for record in (*shots.start.records, *shots.records)]

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return [note for shots in self._shots.values() for note in (*shots.start.notes, *shots.notes)]

    @property
    def lacks(self) -> bool:
        """Whether a run is missing that the experiment asks for."""
        return any(
            self.score(method, task, code, k).incomplete
            for method, shots in self._shots.items()
            if method not in self.own
            for task in shots.protocol.tasks
            for code in self.languages
            for k in self.k
        )
