"""Which runs may share a cell.

A *family* is all runs of one method and setting whose specs differ in nothing but seed, task, partition and the
fingerprints of their inputs. A cell is made from one family: the recipe's if the store has it, or the one that a
block of an experiment asks for. Runs that start from others, or read one language alone, are in no family.
"""

import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from hxbench.errors import InputError
from hxbench.report.select.asked import Asked
from hxbench.report.select.identity import (
    Identity,
    assignments,
    beyond,
    flat,
    identified,
    identity,
    key,
    matches,
    models_of,
    one_task,
    recipe_spec,
    said,
    same_ground,
)
from hxbench.report.select.left_out import LeftOut, Owner, difference
from hxbench.spec import experiment, recipe
from hxbench.spec.experiment import few_shot_runs
from hxbench.spec.recipe import ExperimentBlock, FewShotRecipe
from hxbench.spec.run_spec import START, RunSpec
from hxbench.spec.settings import Model, models
from hxbench.store import RunRecord
from hxbench.store.record import ProfileRuns


@dataclass
class Family:
    """The runs that make a method's cells in one setting."""

    method: str = ""
    setting: str = ""
    models: tuple[Model, ...] = ()
    runs: dict[tuple[Model, int], RunRecord] = field(default_factory=dict)
    options: str = ""  # what a command has to add to make more of them
    suite: str | None = None  # whose tasks the models are of
    together: tuple[str, ...] = ()  # or the tasks of one model that are no suite
    seeds: tuple[int, ...] = ()  # wanted where these are others than the profile's
    recipe: str = ""  # the method as it was asked for: its name, or the file of a recipe of the user's own
    experiment: str = ""  # of the user's own, that asks for these runs
    notes: list[str] = field(default_factory=list)

    def left_out(self, group: "_Group", shown: Identity | None) -> LeftOut:
        """Return what is said of stored runs that are not those `shown`."""
        owner = Owner(self.method, self.setting, group.key)
        return LeftOut({owner: len(group.records)}, difference(group.identity, shown))


@dataclass
class _Group:
    """The stored runs of one identity."""

    key: str  # of the identity
    identity: Identity
    records: list[RunRecord] = field(default_factory=list)
    elsewhere: bool | None = None  # whether it is expected beside the recipe's, once it is known

    @property
    def rank(self) -> tuple[int, str]:
        return len(self.records), _newest(self.records)


def model_of(spec: RunSpec) -> Model:
    """Return which of its setting's models a run is."""
    return Model(spec.task, spec.partition)


def _grouped(records: Iterable[RunRecord]) -> dict[tuple[str, str], dict[str, _Group]]:
    """Return runs of this version by method and setting, then by identity; not those of one language's text."""
    found: dict[tuple[str, str], dict[str, _Group]] = defaultdict(dict)
    for record, name, values in identified(records):
        if values["setting"] != "language":
            groups = found[values["method"], values["setting"]]
            groups.setdefault(name, _Group(name, values)).records.append(record)
    return found


def _newest(records: Iterable[RunRecord]) -> str:
    return max(record.finished for record in records)


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count > 1)}"


class Families:
    """The runs of one paper and profile (a name, or a YAML file of the user's own), grouped once.

    `asked` are the blocks of an experiment of the user's own: nothing has to be said of their runs either.
    `require` raises `InputError` for a run that cannot be on the backbone that was asked for.
    """

    def __init__(
        self,
        runs: ProfileRuns,
        paper: str,
        profile: str,
        asked: Iterable[ExperimentBlock] = (),
        require: Callable[[RunSpec], Any] | None = None,
    ) -> None:
        self.paper, self.profile, self._require = paper, profile, require
        self._runs = runs
        self.by_id = {record.id: record for record in runs.plain}
        self._asked = Asked(paper, profile, asked)
        self._foreign = [record for record in runs.plain if isinstance(record.spec, dict)]  # of another version
        self._plain = _grouped(runs.plain)

    @cached_property
    def _few_shot(self) -> "dict[tuple[str, str], dict[str, _Group]]":
        return _grouped(self._runs.few_shot)

    @cached_property
    def _backbones(self) -> Counter[str]:
        """How many runs each backbone has, few-shot ones included."""
        specs = (record.spec for record in (*self._runs.plain, *self._runs.few_shot))
        return Counter(spec.backbone.fingerprint for spec in specs if not isinstance(spec, dict))

    def methods(self, setting: str) -> list[str]:
        """Return the methods that have runs in a setting."""
        return sorted({method for method, there in self._plain if there == setting})

    def choose(
        self, method: str, setting: str, block: ExperimentBlock | None = None, suite: str | None = None
    ) -> Family:
        """Return the runs that make a method's cells; what was left out, and why, is in its notes.

        With a block only runs exactly as it asks for count, or those of before the recipe changed. Of others those
        are told that have its changes on another recipe. Without a block, `suite` says whose tasks the models are
        of, where tasks come in suites.
        """
        name = Path(method).stem  # a recipe of the user's own is a file
        family = Family(
            name, setting, suite=block.suite if block else suite, seeds=block.seeds if block else (), recipe=method
        )
        groups = self._plain.get((name, setting), {})
        if block is None:  # a model of one task is of no suite, and tasks put together are none
            whole_ones = [g for g in groups.values() if not g.identity.get("together")]
            groups = {g.key: g for g in whole_ones if g.identity.get("suite") in (None, suite)}
            family.notes += self._written_elsewhere(method, setting)
            chosen = self._recipes_or_lone(groups, family)
        else:
            wanted = list(self._asked.wanted(method, setting, block))
            chosen = self._exactly(groups.values(), wanted)
            if chosen is None and groups:
                chosen = self._of_before(groups.values(), family, block)
            family.notes += self._of_another_recipe(groups.values(), wanted, chosen, family)
        if one_task(method) is None:  # a method without a recipe here: its runs tell
            alone = any(r.run_spec.task for g in groups.values() for r in g.records)
            family.models = models(setting, one_task=alone, suite=suite)
        else:
            family.models = models_of(method, setting, self.profile, block, suite)
        family.together = experiment.together_of(block) if block else ()
        if chosen is None:
            if recipe.backbone_asked(self.profile):
                why = self._why_none(family, block)
                family.notes += [LeftOut({Owner(name, setting): 0}, why)] * bool(why)
            return family
        members = self._one_basis(chosen.records, family)
        members = self._one_input(members, "backbone", lambda print_: self._backbones[print_], family.notes)
        # what a run reads depends on its task and partition, so only the seeds of one model share its fingerprint
        for model in family.models:
            if of_model := [record for record in members if model_of(record.run_spec) == model]:
                for record in self._one_input(of_model, "data", lambda _: 0, family.notes):
                    family.runs[model, record.run_spec.seed] = record
        return family

    def _why_none(self, family: Family, block: ExperimentBlock | None) -> str:
        """Return why an own backbone has no runs of a family; nothing where its notes say it."""
        spec = recipe_spec(family.recipe, family.setting, self.profile, block=block, suite=family.suite)
        name = recipe.backbone(recipe.scale(self.profile, self.paper).backbone).name
        if spec and self._require:
            try:
                self._require(spec)
            except InputError as refusal:  # so that methods with one reason are told together
                reason = str(refusal).removeprefix(f"{family.method} ").rstrip(".")
                return f"can be on {name}: {reason}"
        return "" if family.notes else f"on {name} are in the store"

    @staticmethod
    def _exactly(groups: Iterable[_Group], wanted: Iterable[Identity]) -> _Group | None:
        groups = list(groups)
        for one in wanted:
            matching = [group for group in groups if matches(group.identity, one)]
            if matching:
                return max(matching, key=lambda group: group.rank)
        return None

    def _before(self, method: str, block: ExperimentBlock) -> ExperimentBlock | None:
        """Return a block as it was before the method's recipe changed; None where nothing is known of that."""
        try:
            before = recipe.load("methods", method).before
        except InputError:
            return None
        parts = ("options", "training", "data")
        changed = {part: {**getattr(block, part), **getattr(before, part)} for part in parts} if before else {}
        return block.model_copy(update=changed) if before else None

    def _of_before(self, groups: Iterable[_Group], family: Family, block: ExperimentBlock) -> _Group | None:
        """Return the runs that a block asked for before the recipe had other options, with a note on these."""
        earlier = self._before(family.recipe, block)
        if earlier is None:
            return None
        chosen = self._exactly(groups, self._asked.wanted(family.recipe, family.setting, earlier))
        if chosen and (wanted := next(self._asked.wanted(family.recipe, family.setting, block), None)):
            changes = said(chosen.identity, wanted)
            label = f"{family.method} ({family.setting})"
            family.notes.append(f"{label}: runs of before stand in for today's, with {changes}.")
        return chosen

    def _recipes_or_lone(self, groups: dict[str, _Group], family: Family) -> _Group | None:
        """Return the recipe's runs, else the only others on the same ground; the rest goes into the notes."""
        label = f"{family.method} ({family.setting})"
        spec = recipe_spec(family.method, family.setting, self.profile, suite=family.suite)
        wanted = identity(spec) if spec else None
        chosen = self._exactly(groups.values(), [wanted]) if wanted else None
        others = [group for group in groups.values() if group is not chosen and not self._of_elsewhere(group)]
        if chosen is None:
            able = [g for g in others if same_ground(g.identity, self.profile, self.paper)]
            able = [g for g in able if g.identity["partitions"] == "original" and not self._block_of(g, wanted)]
            chosen = able[0] if len(able) == 1 else None
            if chosen and wanted:
                changes = said(chosen.identity, wanted)
                family.notes.append(
                    f"{label}: the store has the recipe only with {changes}; these runs are shown."
                )
            elif chosen and one_task(family.recipe) is None:
                trained = chosen.records[0].run_spec.training
                length = f"{trained.updates:,} updates" if trained.updates else f"{trained.epochs:g} epochs"
                family.notes.append(
                    f"{label}: trained for {length} at a rate of {trained.lr:g}; its recipe is not known here to "
                    "compare with."
                )
            elif len(able) > 1:
                family.notes.append(f"{label}: the store has {len(able)} variants, none of them the recipe's.")
        reference = chosen.identity if chosen else wanted
        own = recipe.own_data(self.profile)  # on which no block of the paper is
        family.notes += [
            family.left_out(group, (None if own else self._block_of(group, wanted)) or reference)
            for group in others
            if group is not chosen
        ]
        if chosen and wanted:
            variant = chosen.identity["variant"]
            of_it = recipe_spec(family.method, family.setting, self.profile, variant=variant, suite=family.suite)
            words = [] if variant == "paper" else ["--variant", variant]
            base = identity(of_it) if of_it else wanted
            family.options = shlex.join([*words, *assignments(chosen.identity, base)])
        return chosen

    def _of_another_recipe(
        self, groups: Iterable[_Group], wanted: list[Identity], chosen: _Group | None, family: Family
    ) -> list[str]:
        """Return what is said of runs that have a block's changes, and differ from it where no block does."""
        if not wanted:
            return []
        told_apart = self._asked.told_apart(family.method, family.setting)
        compared = self._asked.compared(family.method, family.setting) or wanted
        backbones = {one["backbone.name"] for one in (*compared, wanted[0])}
        found: list[str] = []
        for group in groups:
            if group is chosen or self._of_elsewhere(group):
                continue
            if (
                group.identity["backbone.name"] not in backbones
            ):  # where sizes are compared, too: that of none of them
                found.append(family.left_out(group, compared[0]))
            elif (group.identity["backbone.weights"], group.identity["partitions"]) == (
                wanted[0]["backbone.weights"],
                wanted[0]["partitions"],
            ) and not told_apart & beyond(group.identity, wanted[0]).keys():
                found.append(family.left_out(group, chosen.identity if chosen else wanted[0]))
        return found

    def _block_of(self, group: _Group, recipes: Identity | None) -> Identity | None:
        """Return what a block of the paper's asks for that a group has the changes of, on whatever recipe.

        None for one that has no block's changes, or the plain recipe's.
        """
        where = group.identity["method"], group.identity["setting"]
        told_apart = self._asked.told_apart(*where)
        if recipes is not None and not told_apart & beyond(group.identity, recipes).keys():
            return None
        return next(
            (o for o in self._asked.compared(*where) if not told_apart & beyond(group.identity, o).keys()), None
        )

    def _one_basis(self, records: list[RunRecord], family: Family) -> list[RunRecord]:
        """Return the runs that build on runs of one kind, the newest: MAD-X on language adapters trained alike.

        A run's own spec names what it builds on by ids alone.
        """
        groups: dict[frozenset[str], list[RunRecord]] = defaultdict(list)
        for record in records:
            below = (self.by_id.get(one) for one in record.run_spec.after.values())
            known = (one.spec for one in below if one)
            groups[frozenset(key(identity(s)) for s in known if not isinstance(s, dict))].append(record)
        if len(groups) == 1:
            return records
        newest = max(groups.values(), key=_newest)
        why = "that build on runs of another recipe than the newest do"
        family.notes.append(LeftOut({Owner(family.method, family.setting): len(records) - len(newest)}, why))
        return newest

    def _of_elsewhere(self, group: _Group) -> bool:
        """Return whether runs that are not the recipe's are expected: a control, or another artifact's."""
        if group.elsewhere is None:
            ours = group.identity
            wanted = self._asked.every(ours["method"], ours["setting"])
            group.elsewhere = ours["backbone.weights"] == "random" or any(matches(ours, one) for one in wanted)
        return group.elsewhere

    def _written_elsewhere(self, method: str, setting: str) -> list[str]:
        wanted = {"method": method, "setting": setting, "profile": Path(self.profile).stem}
        foreign = [one.fields for one in self._foreign]
        count = sum(all(fields.get(name) == value for name, value in wanted.items()) for fields in foreign)
        label = f"{method} ({setting})"
        return [f"left out: {_runs(count)} of {label}, written by another version of hxbench."] if count else []

    @staticmethod
    def _one_input(
        records: list[RunRecord], what: str, weight: Callable[[str], int], notes: list[str]
    ) -> list[RunRecord]:
        """Return the runs of one input fingerprint: the one most runs have, the newest of equals."""
        groups = defaultdict(list)
        for record in records:
            groups[getattr(record.spec, what).fingerprint].append(record)
        if len(groups) == 1:
            return records
        best = max(groups, key=lambda print_: (weight(print_), len(groups[print_]), _newest(groups[print_])))
        if others := len(records) - len(groups[best]):
            spec = records[0].fields
            notes.append(
                f"left out: {_runs(others)} of {spec['method']} ({spec['setting']}) "
                f"with another {what} fingerprint than {best or 'none'}."
            )
        return groups[best]

    def few_shot(self, start: Family, block: ExperimentBlock) -> list[RunRecord]:
        """Return the few-shot runs that a block asks for, or asked for before, and that start from `start`'s."""
        assert block.few_shot is not None
        method = start.recipe or start.method
        groups = self._few_shot.get((start.method, start.setting), {}).values()
        records: list[RunRecord] = []
        for one in filter(None, (block, self._before(method, block))):
            wanted = []
            for spec in self._asked.specs(method, start.setting, one):
                # any one of them: they differ in nothing that a family's runs may not differ in
                wanted += [identity(it.spec) for it in islice(few_shot_runs(spec, block.few_shot, draws=[0]), 1)]
            chosen = self._exactly(groups, wanted)
            records = chosen.records if chosen else []
            records = records if _starts_from_nothing(method) else _from(start, records)
            if records:
                break
        return records

    def few_shot_methods(self) -> list[tuple[str, str]]:
        """Return the methods and settings that have few-shot runs."""
        return sorted(self._few_shot)

    def own_few_shot(self, start: Family, protocol: FewShotRecipe) -> list[RunRecord]:
        """Return the few-shot runs from those of `start` that are tuned by a protocol, whatever method it is."""
        groups = self._few_shot.get((start.method, start.setting), {}).values()
        wanted = flat({"training": protocol.training})
        alike = [g for g in groups if all(g.identity.get(name) == value for name, value in wanted.items())]
        records = max(alike, key=lambda group: group.rank).records if alike else []
        return records if _starts_from_nothing(start.recipe or start.method) else _from(start, records)


def _starts_from_nothing(method: str) -> bool:
    """Return whether a method's few-shot runs are single-task ones from the beginning."""
    try:
        return bool(recipe.load("methods", method).few_shot_from == "nothing")
    except InputError:
        return False


def _from(start: Family, records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the few-shot runs that go on from the runs of `start`."""
    starts = {record.id for record in start.runs.values()}
    return [r for r in records if isinstance(r.spec, RunSpec) and r.spec.after.get(START) in starts]
