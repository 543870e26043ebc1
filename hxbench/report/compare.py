"""Methods, settings or runs held against each other: differences over the same test sentences and seeds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from hxbench.errors import InputError, did_you_mean
from hxbench.report.comparison import MEAN, NO_COUNTS, OTHERS, Comparison, Line
from hxbench.report.scores.averages import mean, mean_of_resamples
from hxbench.report.select.where import Terms, read_terms
from hxbench.report.sides import Chooser, Pair, Side
from hxbench.report.stats.claims import Difference
from hxbench.report.stats.significance import Resampler, Tested
from hxbench.spec.languages import find_language, language_set
from hxbench.store import Store
from hxbench.tasks import task_names, task_of
from hxbench.tasks.scoring import bootstrap

Planned = tuple[Side, Side, str, str, str, list[Pair]]  # two sides, task, place, kind, pairs
NO_AVERAGE = "described by the user, and in no average: {own}. SEEN, UNSEEN and ALL are the paper's languages."
GROUPS = {"SEEN": ("seen",), "UNSEEN": ("unseen",), "ALL": ("seen", "unseen")}
# so that Holm's correction of many does not lack resamples: the least p of m, times m, is at most 0.025
_RESAMPLES_EACH, _MOST_RESAMPLES = 80, 20_000
_MOST_DRAWN = 20_000_000  # of the sentences of one test set: a byte each


def compare(
    store: Store,
    sides: Sequence[str],
    *,
    profile: str | None = None,
    backbone: str | None = None,
    where: Iterable[str] = (),
    all_pairs: bool = False,
) -> Comparison:
    """Return the differences of every side to the first, or of every pair of sides.

    `sides` and `where` are as `Chooser` takes them, `profile` is that of sides which are no runs; by default the
    store's only one, else `demo`. `backbone` is that of their runs in the place of the profile's. Raises
    `InputError` where a side has no runs, or no two have anything in common.
    """
    if len(sides) < 2:
        raise InputError("a comparison takes two sides or more: methods, METHOD:SETTING, or run ids.")
    if again := [one for number, one in enumerate(sides) if one in sides[:number]]:
        raise InputError(f"'{again[0]}' is given twice.")
    terms = read_terms(where)
    units: dict[str, tuple[str, ...]] = {n: terms.pop(n) for n in ("task", "place") if n in terms}
    chooser = Chooser(store, profile, terms, backbone)
    found = [chooser.side(one) for one in sides]
    for one, other in combinations(found, 2):
        if {run.id for run in one.records} & {run.id for run in other.records}:
            raise InputError(f"'{one.label}' and '{other.label}' share runs: compare two sides that share none.")
    pairs = [*combinations(found, 2)] if all_pairs else [(found[0], other) for other in found[1:]]
    planned = _asked([(one, other, *unit) for one, other in pairs for unit in _units(one, other)], units)
    notes = [note for one, other in pairs for note in _unpaired(one, other)]
    apart = {
        p[1] for one, *_, kind, of in planned for p in of if kind == "language" and one.group_of(p[1]) == "own"
    }
    if apart:
        notes.append(NO_AVERAGE.format(own=", ".join(sorted(apart))))
    if not planned:
        names = " and ".join(one.label for one in found)
        raise InputError(f"nothing can be compared: {names} share no test set with scores of the same seed.")
    resamples = _resamples(len(planned), found)
    measure = _Measure(Resampler(resamples))
    lines = [measure.line(*one) for one in planned]
    tested = [line.p for line in lines if line.p is not None]
    corrected = iter(bootstrap.holm(tested))
    lines = [replace(line, corrected=next(corrected) if line.p is not None else None) for line in lines]
    said = [note for side in found for note in dict.fromkeys(side.notes)]
    return Comparison(
        tuple(lines), resamples, tuple((one.label, other.label) for one, other in pairs),
        tuple(dict.fromkeys([*chooser.remarks, *said, *notes, *store.left_out()])),
    )  # fmt: skip


def _asked(planned: list[Planned], wanted: Terms) -> list[Planned]:
    """Return what is planned of some tasks and places, a language by its name or its code: the rest is no test."""
    for name, values in wanted.items():
        names = [
            {one[2]}
            if name == "task"
            else {one[3], one[3].partition(" (")[0], *(p[1] for p in one[5][:1] * (one[4] == "language"))}
            for one in planned
        ]
        known = sorted(set().union(*names))
        if lost := [value for value in values if value not in known]:
            raise InputError(did_you_mean(name, lost[0], known))
        planned = [one for one, of in zip(planned, names, strict=True) if of & {*values}]
    return planned


def _resamples(tests: int, sides: Iterable[Side]) -> int:
    """Return how many resamples so many tests need, as far as the largest test set lets them fit into memory."""
    scores = (score for side in sides for of in side.scores.values() for some in of.values() for score in some)
    largest = max(score.sentences for score in scores)
    most = min(_MOST_RESAMPLES, _MOST_DRAWN // max(1, largest))
    return max(bootstrap.RESAMPLES, min(most, _RESAMPLES_EACH * tests))


def _units(one: Side, other: Side) -> Iterator[tuple[str, str, str, list[Pair]]]:
    """Yield (task, place, kind, pairs) of all places in which both sides have scores of a seed."""
    shared = [p for p in one.scores if p in other.scores and one.seeds([p]) & other.seeds([p])]
    tasks = sorted({task for task, _ in shared}, key=task_names().index)
    order = [*language_set("hyperx"), *language_set("sandbox")]
    for task in tasks:
        pairs = [pair for pair in shared if pair[0] == task]
        if task_of(task).answers_texts:
            yield task, task_of(task).title, "task", pairs
            continue
        pairs.sort(key=lambda pair: (order.index(pair[1]) if pair[1] in order else len(order), pair[1]))
        for pair in pairs:
            yield task, find_language(pair[1]).label, "language", [pair]
        for group, members in GROUPS.items():
            some = [pair for pair in pairs if one.group_of(pair[1]) in members]
            if some and one.seeds(some) & other.seeds(some):
                yield task, group, "group", some
    texts = [pair for pair in shared if task_of(pair[0]).answers_texts]
    if len({task for task, _ in texts}) > 1 and one.seeds(texts) & other.seeds(texts):
        yield "", MEAN, MEAN, texts


def _unpaired(one: Side, other: Side) -> list[str]:
    """Return what the two do not share, a sentence each."""
    said = []
    for side, rival in ((one, other), (other, one)):
        lacking = [pair for pair in side.scores if side.scores[pair] and not rival.scores.get(pair)]
        by_task: dict[str, list[str]] = {}
        for task, language in lacking:
            by_task.setdefault(task, []).append(language)
        words = [
            task_of(task).title + ("" if task_of(task).answers_texts else f" {', '.join(of)}")
            for task, of in by_task.items()
        ]
        if words:
            said.append(f"not paired: {'; '.join(words)}: only {side.label} has scores there.")
        own = {seed for by_seed in side.scores.values() for seed in by_seed}
        theirs = {seed for by_seed in rival.scores.values() for seed in by_seed}
        if alone := sorted(own - theirs):
            named = f"seed{'s' * (len(alone) > 1)} {', '.join(map(str, alone))}"
            said.append(f"not paired: {named} of {side.label}, which {rival.label} lacks.")
    return said


class _Measure:
    """Makes lines; what is resampled of two sides on a pair in a seed is computed once."""

    def __init__(self, resampler: Resampler) -> None:
        self._resampler = resampler
        self._found: dict[tuple[str, str, Pair, int], bootstrap.Scores | None] = {}

    def line(self, one: Side, other: Side, task: str, place: str, kind: str, pairs: Sequence[Pair]) -> Line:
        """Return the difference of two sides over some pairs."""
        first, second = one.means(pairs), other.means(pairs)
        seeds = [seed for seed in first if seed in second]
        drawn = [[self._resampled(one, other, pair, seed) for pair in pairs] for seed in seeds]
        there = [[part for part in of_seed if part is not None] for of_seed in drawn]
        whole = sum(map(len, there)) == len(pairs) * len(seeds)
        counted = whole or all(
            self._resampler.paired([tested], [tested])
            for side in (one, other)
            for pair in pairs
            for seed in seeds
            for tested in _tested(side, pair, seed)
        )
        return Line(
            one, other, task, place, kind, tuple(pairs),
            Difference(
                by_seed={seed: first[seed] - second[seed] for seed in seeds},
                resampled=[mean_of_resamples(of_seed) for of_seed in there] if whole else None,
                covers=frozenset(language for _, language in pairs),
                wanted=len(pairs),
            ),
            (mean(first[seed] for seed in seeds), mean(second[seed] for seed in seeds)),
            untested="" if whole else OTHERS if counted else NO_COUNTS,
        )  # fmt: skip

    def _resampled(self, one: Side, other: Side, pair: Pair, seed: int) -> bootstrap.Scores | None:
        """Return the resampled difference on a pair, of the means over the models of each side."""
        where = one.label, other.label, pair, seed
        if where not in self._found:
            both = _tested(one, pair, seed), _tested(other, pair, seed)
            means = []
            for side, rival in (both, both[::-1]):
                # each model with one of the other side: then all have the same sentences
                found = [self._resampler.paired([model], [rival[0]]) for model in side]
                parts = [scores[0][0] for scores in found if scores]
                means += [mean_of_resamples(parts)] if len(parts) == len(side) else []
            self._found[where] = means[0] - means[1] if len(means) == len(both) else None
        return self._found[where]


def _tested(side: Side, pair: Pair, seed: int) -> list[Tested]:
    metric = task_of(pair[0]).metric if task_of(pair[0]).answers_texts else ""
    return [Tested(score.run, *pair, metric) for score in side.scores[pair][seed]]
