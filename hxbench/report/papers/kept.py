"""Runs by the development sets that chose their weights: what learning rates are chosen by (in no paper)."""

from collections.abc import Collection

from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.rows import kept_in
from hxbench.report.scores.run_set import RunSet, Scoring
from hxbench.spec.settings import Model, Pair


class Kept(RunSet):
    """Some runs, each pair scored by the models whose runs chose their weights by it.

    `pairs` are all of these; `wanted` are the seeds that there should be, by default the runs' own.
    """

    def __init__(self, runs: RunSet, wanted: Collection[int] = ()) -> None:
        self.pairs: dict[Pair, dict[Model, None]] = {}
        for (model, _), some in runs.rows.items():
            for pair in kept_in(some):
                self.pairs.setdefault(pair, {})[model] = None
        of = Scoring(
            scores=lambda rows, *, sources=False: kept_in(rows),
            models=lambda models, pair, _: tuple(self.pairs.get(pair, ())),
            label=lambda pair: pair.task,
            members=lambda group: (),
        )
        # a run without development scores is none here: it would be one that every pair lacks a score of
        rows = {which: some for which, some in runs.rows.items() if kept_in(some)}
        super().__init__(runs.models, tuple(wanted or runs.wanted), rows, of, runs.family)

    def of(self, tasks: Collection[str]) -> Estimate:
        """Return the mean over all pairs of some tasks; nothing where one of their models has no runs."""
        models = {model for model in self.models if model.task in (None, *tasks)}
        if not models <= {model for model, _ in self.present}:
            return Estimate(incomplete=True)
        return self.over([pair for pair in self.pairs if pair.task in tasks])
