"""One side of a comparison: the runs that a few words ask for, and what they scored by pair and seed."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hxbench.errors import InputError, did_you_mean
from hxbench.printing import shortened, shown
from hxbench.report.results import backbone_of, choose_profile
from hxbench.report.scores.averages import mean_of_each, means_by_seed
from hxbench.report.select.identity import beyond, flat, identified, identity, is_switched, recipe_spec
from hxbench.report.select.where import NONE, Terms, chosen, read_terms
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.languages import languages_for
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord, Store
from hxbench.store.frame import frame, run_frame
from hxbench.store.plateau import footnote
from hxbench.tasks import task_of

if TYPE_CHECKING:
    import pandas as pd

_ID = re.compile("[0-9a-f]{4,12}")
_DESCRIBED = "data.described."  # fields of a user's own data
_NAMED = 4  # values, and fields, in a sentence
Pair = tuple[str, str]  # task, language


class Score(NamedTuple):
    """What a run scored on a pair, 0–100 or of a correlation −100–100, and over how many sentences or examples."""

    value: float
    run: RunRecord
    sentences: int


@dataclass
class Side:
    """Runs that differ in seed, task, partition and draw alone.

    `scores` are by (task, language) and seed, one of every model that is asked about the pair.
    """

    label: str
    records: list[RunRecord]
    scores: dict[Pair, dict[int, list[Score]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def spec(self) -> RunSpec:
        """What its runs have in common, seed and task aside."""
        return self.records[0].run_spec

    def group_of(self, language: str) -> str:
        """Return `source`, `seen` or `unseen`, of which a mean over languages is made; `own` where none counts it.

        That is a user's language beside a paper's, whose averages are of its own languages, as in its tables.
        """
        described = self.spec.data.described
        known = languages_for(self.spec.data.origin, None if described and described.extends else described)
        if language in known:
            return known[language].group
        return "own" if described and language in described.languages else "source"

    def seeds(self, pairs: Iterable[Pair]) -> set[int]:
        """Return the seeds that have all of these pairs."""
        return set.intersection(*({*self.scores.get(pair, ())} for pair in pairs))

    def means(self, pairs: Sequence[Pair]) -> dict[int, float]:
        """Return the mean over some pairs by seed, of each over its models."""
        values = [{seed: [one.value for one in of] for seed, of in self.scores[pair].items()} for pair in pairs]
        return means_by_seed([*map(mean_of_each, values)])


class Chooser:
    """Finds the sides of comparisons among the finished runs of a store, read once."""

    def __init__(self, store: Store, profile: str | None, where: Terms, backbone: str | None = None) -> None:
        """Read the store; `where` are terms that hold for every side, as does a `backbone`."""
        every = [record for record in store.runs() if not isinstance(record.spec, dict)]
        if not every:
            raise InputError(
                f"the store {store.root} has no finished runs to compare: hxbench train METHOD makes one, and "
                "--store names another store."
            )
        self.store, self.by_id = store, {record.id: record for record in every}
        partitions = ["switched" if is_switched(one.run_spec) else "original" for one in every]
        self._runs = run_frame(every).assign(partitions=partitions)
        self._where, self._given = dict(where), profile
        self._backbone = backbone_of(backbone, every) if backbone else None
        if self._backbone:
            self._where["backbone"] = (self._backbone.name,)
        self.remarks: list[str] = []

    def side(self, text: str) -> Side:
        """Return the runs of `METHOD`, `METHOD:SETTING`, `METHOD,COLUMN=VALUE,…` or of one or several run ids.

        Raises `InputError` where nothing is called so, nothing fits, or what fits are runs of several kinds.
        """
        words = text.split(",")
        bare = [word.strip() for word in words[: next((n for n, w in enumerate(words) if "=" in w), len(words))]]
        terms = read_terms([",".join(words[len(bare) :])]) if len(words) > len(bare) else {}
        methods = {str(one) for one in self._runs.method}
        if bare and bare[0].partition(":")[0] not in methods and not bare[0].partition(":")[1]:
            if terms or self._where:
                raise InputError(f"'{shortened(text)}': name runs by their ids or choose them by terms, not both.")
            records = self._by_ids(bare, methods)
            kinds = _by_kind(records)
            if len(kinds) > 1:
                told = ", ".join([*_apart([one[0] for one in kinds.values()])][:_NAMED])
                raise InputError(
                    f"'{shortened(text)}' are runs that differ in {told}: those of one side differ in nothing but "
                    "seed, task and partition."
                )
        else:
            if len(bare) > 1:
                raise InputError(f"'{shortened(text)}': one method makes a side; another is a side of its own.")
            method, _, setting = bare[0].partition(":") if bare else ("", "", "")
            if method and method not in methods:
                raise InputError(did_you_mean("method", method, sorted(methods)))
            terms |= {"method": (method,)} if method else {}
            terms |= {"setting": (setting,)} if setting else {}
            records = self._by_terms(text, {**self._where, **terms})
        return self._scored(text, records)

    def _by_ids(self, words: Sequence[str], methods: Iterable[str]) -> list[RunRecord]:
        found = {}
        for word in words:
            near = [run_id for run_id in self.by_id if _ID.fullmatch(word) and run_id.startswith(word)]
            if not near:
                raise InputError(did_you_mean("method or run", word, sorted(methods)))
            if len(near) > 1:
                raise InputError(f"'{word}' fits {len(near)} runs: {', '.join(near[:_NAMED])}, …")
            found[near[0]] = self.by_id[near[0]]
        return [*found.values()]

    def _by_terms(self, text: str, terms: Terms) -> list[RunRecord]:
        """Return the runs that fit; of those of several kinds the recipe's, where that is clear."""
        fields = [name for name in terms if "." in name]  # of the spec, such as training.lr
        rows, at = self._runs, ""
        if "profile" not in terms:
            profile, said = choose_profile({str(one) for one in rows.profile}, self._given)
            self.remarks += [one for one in said if one not in self.remarks]
            rows, at = (
                rows[(rows.profile == Path(profile).stem).fillna(False)],
                f" of profile {Path(profile).stem}",
            )
        rows = rows[(rows.setting != "language").fillna(False)]
        if not {"k", "draw", "shot_task", "shot_language"} & {*terms}:
            rows = rows[rows.k.isna()]
        if fields:
            rows = rows.assign(**self._spec_columns(rows.run, fields))
        chosen(self._runs.assign(**{name: rows[name] for name in fields}), terms)  # an unknown value anywhere
        try:
            rows = chosen(rows, terms)
        except InputError:
            rows = rows.iloc[:0]
        if rows.empty:
            raise InputError(
                f"no finished runs{at} fit '{shortened(text)}' in {self.store.root}: hxbench runs list shows what "
                "is there, --profile names another profile, and few-shot runs are chosen by k=…"
            )
        groups = _by_kind(self.by_id[run_id] for run_id in rows.run)
        apart = {name: _departures(one[0], terms, self._backbone) for name, one in groups.items()}
        plain = [name for name, own in apart.items() if all(own <= other for other in apart.values())]
        if len(plain) != 1:
            raise InputError(_differing(text, [groups[name][0] for name in plain or groups]))
        if apart[plain[0]] and not groups[plain[0]][0].few_shot:
            own = sorted(name for name in apart[plain[0]] if not name.startswith(_DESCRIBED))
            names = ", ".join(map(shown, own[:_NAMED])) + (f" and {len(own) - _NAMED} more" * (len(own) > _NAMED))
            self.remarks += [f"{text}: its runs depart from today's recipe in {names}."] if own else []
        if described := groups[plain[0]][0].run_spec.data.described:
            self.remarks.append(f"{text}: its runs are on {described.title}, data of the user's own.")
        return groups[plain[0]]

    def _spec_columns(self, runs: "pd.Series", fields: Iterable[str]) -> dict[str, Any]:
        import pandas as pd

        found = {run_id: flat(self.by_id[run_id].fields) for run_id in runs}
        known = sorted({name for one in found.values() for name in one})
        for name in fields:
            if name not in known:
                raise InputError(did_you_mean("field of a run", name, known))
        return {
            name: pd.array([_word(found[run_id].get(name)) for run_id in runs], dtype="string") for name in fields
        }

    def _scored(self, text: str, records: Sequence[RunRecord]) -> Side:
        side = Side(text, [])
        newest: dict[tuple[Any, ...], RunRecord] = {}
        for record in sorted(records, key=lambda one: one.finished):
            spec = record.run_spec
            newest[spec.seed, spec.task, spec.partition, spec.few_shot] = record
        side.records = [*newest.values()]
        if others := len(records) - len(side.records):
            side.notes.append(
                f"{text}: {others} run{'s' * (others > 1)} left out, as there is a newer one on other inputs."
            )
        if len({record.fields["backbone"]["fingerprint"] for record in side.records}) > 1:
            side.notes.append(f"{text}: not all of its runs are on the same weights of the backbone.")
        if ended := footnote(record.plateaus for record in side.records):
            side.notes.append(f"{text}: {ended}. Their scores are no result of the method.")
        _fill(side, self.store)
        return side


def _by_kind(records: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return runs by everything in which those of one side are alike."""
    found: dict[str, list[RunRecord]] = defaultdict(list)
    for record, name, _ in identified(records):
        shot = record.run_spec.few_shot
        found[f"{name} {shot.k if shot else 0}"].append(record)
    return found


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _departures(record: RunRecord, terms: Terms, backbone: BackboneSpec | None) -> set[str]:
    """Return the fields in which a run is not the plain recipe's at its profile, those of the terms aside.

    With a `backbone` it is the recipe's on that one, as `hxbench report --backbone` shows it.
    """
    spec = record.run_spec
    ground = recipe.OnGround(spec.profile, backbone=backbone) if backbone else spec.profile
    terms = {name: of for name, of in terms.items() if not (backbone and name == "backbone")}
    wanted = recipe_spec(
        spec.method, spec.setting, ground, variant=spec.variant, suite=spec.suite, origin=spec.data.origin
    )
    if wanted is None:
        return set()
    asked = [f"{part}." for part in ("backbone", "data") if {part, "weights", "own_data"} & {*terms}]
    found = beyond(identity(spec), identity(wanted))
    return {name for name in found if name not in terms and not any(name.startswith(one) for one in asked)}


def _apart(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Return the fields in which runs differ, what a person names first at the front, with their values."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        spec = record.run_spec
        values = {**identity(spec), "k": spec.few_shot.k if spec.few_shot else NONE}
        for name, value in values.items():
            found[name].setdefault(str(_word(value)))
    if len(found["backbone.name"]) > 1:  # and with the name goes what is behind it
        found = {name: of for name, of in found.items() if not name.startswith("backbone.")} | {
            "backbone": found["backbone.name"]
        }
    first = ("method", "setting", "suite", "backbone", "variant", "k", "training.lr", "partitions")
    names = sorted(found, key=lambda name: (first.index(name) if name in first else len(first), name))
    return {name: sorted(found[name]) for name in names if len(found[name]) > 1}


def _differing(text: str, records: Sequence[RunRecord]) -> str:
    """Return the sentence that says in what the runs differ which a side fits, and how to say which."""
    apart = _apart(records)
    told = [f"{shown(name)} ({', '.join(map(shortened, of[:_NAMED]))})" for name, of in [*apart.items()][:_NAMED]]
    plain = [(name, one) for name, values in apart.items() for one in values if one.isalnum()]
    example = f", such as {text},{plain[0][0]}={plain[0][1]}" if plain else ""
    return f"'{shortened(text)}' fits runs that differ in {' and '.join(told)}: say which{example}."


def _fill(side: Side, store: Store) -> None:
    """Give a side its test scores, each of the models that are asked about the pair.

    These are the models that were not trained on it. Where all were, as on English, they are all of them; in the
    mixed setting that needs both partitions. A seed that lacks one of the models has no score of the pair.
    """
    metrics = frame(side.records, store.problems)
    tests = metrics[(metrics.split == "test") & metrics.value.notna()].copy()
    wanted = {task: task_of(task).metric for task in tests.task.dropna().unique()}
    tests = tests[tests.metric == tests.task.map(wanted)]
    tests = tests[tests.k.isna() | ((tests.task == tests.shot_task) & (tests.language == tests.shot_language))]
    model = ["own_task", "partition", "shot_task", "shot_language", "draw"]
    records: Mapping[str, RunRecord] = {record.id: record for record in side.records}
    for (task, language), rows in tests.groupby(["task", "language"], sort=False):
        foreign = rows[rows.role != "source"]
        asked = foreign if len(foreign) else rows
        if asked is rows and (rows.setting == "mixed").all() and rows.partition.nunique() < 2:
            continue  # one partition alone: nobody's to score
        models = asked[model].drop_duplicates()
        by_seed: dict[int, list[Score]] = {}
        for seed, of_seed in asked.groupby(asked.seed.astype(int)):
            if len(of_seed) == len(models):
                numbers = zip(of_seed.value, of_seed.run, of_seed.n.fillna(0), strict=True)
                by_seed[int(str(seed))] = [
                    Score(float(value), records[run_id], int(n)) for value, run_id, n in numbers
                ]
            else:
                what = task_of(str(task)).title
                side.notes.append(
                    f"{side.label}: seed {seed} lacks a model of {what}, so it has no score of {language}."
                )
        side.scores[str(task), str(language)] = by_seed
