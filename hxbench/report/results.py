"""What the artifacts of a paper are made from: the runs of one profile, and what has to be said about them.

A paper is a subclass that says what its numbers are called and what a score is (`Scoring`).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from hxbench.report.artifact.cells import by_task
from hxbench.report.artifact.table import Column, Marks, notes_without_commands
from hxbench.report.commands import Commands, argument
from hxbench.report.paper import paper_file
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.few_shot import Shots
from hxbench.report.scores.rows import Rows
from hxbench.report.scores.run_set import TEXTS, Condition, RunSet, Scoring, Shown
from hxbench.report.select.families import Families
from hxbench.report.select.identity import identity, in_place_of, recipe_spec, said
from hxbench.report.select.left_out import LeftOut, together
from hxbench.report.stats.significance import MARK, SURE
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Model, Pair
from hxbench.store import DamagedRun, RunRecord, Store
from hxbench.store.record import ProfileRuns
from hxbench.tasks import ENGLISH, TAGGING, suite_tasks
from hxbench.tasks.description import OwnData

NOT_OF_PAPER = "not in the paper"  # a row beside the published ones
_DEFAULT = "demo"


class Results:
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper: ClassVar[str]
    scoring: ClassVar[Scoring] = TEXTS
    suite: ClassVar[str | None] = None  # whose tasks the models are of that few-shot runs start from

    def __init__(
        self,
        store: Store,
        profile: str | None = None,
        own: str | None = None,
        backbone: str | None = None,
        data: OwnData | None = None,
        require: Callable[[RunSpec], Any] | None = None,
    ) -> None:
        """Read what a store has; `own` is the file of an experiment whose runs go before the recipes'.

        `backbone` is another than the profile's, whose runs are shown in the place of its own; `data` are of the
        user's own, whose runs are shown in the place of those without. `require` raises `InputError` for runs that
        cannot be on a backbone.
        """
        self.store, self.file = store, paper_file(self.paper)
        found = store.by_profile(self.paper)
        self._scale, self._remarks = choose_profile(found, profile)  # maybe a file of the user's own
        self.profile = Path(self._scale).stem
        of_profile = found.get(self.profile, ProfileRuns(list, list))
        if backbone is not None or data is not None:
            other = backbone_of(backbone, of_profile.plain) if backbone else None
            self._scale = recipe.OnGround(self._scale, backbone=other, given=backbone or "", own=data)
        self.scale: recipe.ProfileRecipe = recipe.scale(self._scale, self.paper)
        self.to_type = Commands(self.paper, self._scale, store)
        self.own_experiment = own
        self._own = experiments.blocks(self.paper, own, self._scale) if own is not None else ()
        self.families = Families(of_profile, self.paper, self._scale, self._own, require)
        self._sets: dict[tuple[str, str, str, str], RunSet] = {}
        self._conditions: dict[str, list[Condition]] = {}

    def title_of(self, method: str) -> str:
        """Return what the tables call a method: as the paper does, by its own recipe, or by its name."""
        return title_of(self.paper, method)

    def run_set(
        self, method: str, setting: str, block: ExperimentBlock | None = None, suite: str | None = None
    ) -> RunSet:
        """Return the run set of a method in a setting, empty if the store has none.

        Without a block these are the runs of the plain recipe (of a suite, where tasks come in suites), or the
        only others on the same ground; with one, exactly those with its changes. Where the user's own experiment
        asks for runs in that place, these.
        """
        note = ""
        found = in_place_of(self._own, method, setting, block, suite)
        if found and found[1] is not block:
            theirs = recipe_spec(method, setting, self._scale, block=block, suite=suite)
            if note := self._told_of_own(*found, theirs):
                method, block = found
        told = {"label", "methods", "few_shot"}  # what changes no run of the setting
        asked = json.dumps(block.model_dump(exclude=told), sort_keys=True) if block else suite or ""
        key = method, setting, asked, note
        if key not in self._sets:
            family = self.families.choose(method, setting, block, suite)
            if note:
                family.experiment = str(self.own_experiment)
                family.notes.append(note)
            rows: dict[tuple[Model, int], Rows] = {}
            for which, record in list(family.runs.items()):
                try:
                    rows[which] = record.metrics()
                except DamagedRun as error:
                    family.notes.append(f"left out: {error} ({record.removal} removes it.)")
                    del family.runs[which]
            self._sets[key] = RunSet(family.models, family.seeds or self.scale.seeds, rows, self.scoring, family)
        return self._sets[key]

    def _told_of_own(self, method: str, block: ExperimentBlock, theirs: RunSpec | None) -> str:
        """Return what to say of runs that stand where the artifact has `theirs`; nothing for the same."""
        ours = recipe_spec(method, block.setting, self._scale, block=block)
        changes = said(identity(ours), identity(theirs)) if ours and theirs else ""
        shown = (
            f"{Path(method).stem} ({block.setting}): the runs that {Path(str(self.own_experiment)).name} asks for"
        )
        return f"{shown}, with {changes}." if changes else "" if theirs else f"{shown}."

    def plain_scores(self, runs: RunSet) -> dict[Column, Estimate]:
        """Return what to show of runs where no artifact says: the score of each task, and the mean of several."""
        suite = runs.family.together or suite_tasks(runs.family.suite or TAGGING)
        tasks = dict.fromkeys(task for m in runs.models for task in ((m.task,) if m.task else suite))
        return by_task([Pair(task, ENGLISH) for task in tasks], runs.over)

    def conditions(self, experiment: str) -> list[Condition]:
        """Return what an experiment of the paper compares, in its order."""
        if experiment not in self._conditions:
            self._conditions[experiment] = [
                self._condition(block, method)
                for block in experiments.blocks(self.paper, experiment, self._scale)
                for method in block.methods
            ]
        return self._conditions[experiment]

    def _condition(self, block: ExperimentBlock, method: str) -> Condition:
        title = self.title_of(Path(method).stem)
        label = block.label or title
        if block.label and len(block.methods) > 1:
            label = f"{title}, {block.label}"
        return Condition(label, method, block.setting, self.run_set(method, block.setting, block), block)

    def by_label(self, experiment: str) -> dict[tuple[str, str], Condition]:
        """Return what an experiment compares, by the labels of its blocks and what the tables call the methods."""
        return {(one.block.label, self.title_of(one.method)): one for one in self.conditions(experiment)}

    def own_methods(self, setting: str, known: set[str]) -> list[str]:
        """Return the methods of this setting that the paper does not have: yours, and ours of no paper."""
        return sorted({*self.families.methods(setting)} - known)

    def few_shot(self, experiment: str) -> dict[str, Shots]:
        """Return the few-shot scores of an experiment by method, in its order, then of others that have any."""
        found: dict[str, Shots] = {}
        for block in experiments.blocks(self.paper, experiment, self._scale):
            for method in block.methods if block.few_shot else ():
                found[method] = self.shots(self.run_set(method, block.setting, block), block)
        protocol = experiments.few_shot_protocol(self.paper, experiment, self._scale)
        for method, setting in self.families.few_shot_methods():
            if method not in found and self._tuned_beside(method, setting):
                start = self.run_set(method, setting, suite=self.suite)
                records = self.families.own_few_shot(start.family, protocol)
                told = f"{method} is not in the experiment: hxbench fewshot {argument(method)} makes its runs."
                found[method] = Shots(start, protocol, records, 0, start.wanted, self.scoring, [told])
        return found

    def shots(self, start: RunSet, block: ExperimentBlock, seeds: tuple[int, ...] = ()) -> Shots:
        """Return the few-shot runs that a block asks for; those of a method that starts from nothing alone."""
        assert block.few_shot is not None
        alone = recipe.load("methods", start.family.recipe).few_shot_from == "nothing"
        records = self.families.few_shot(start.family, block)
        of = None if alone else start
        return Shots(of, block.few_shot, records, self.scale.draws, seeds or start.wanted, self.scoring)

    def _tuned_beside(self, method: str, setting: str) -> bool:
        """Return whether few-shot runs of a method that no experiment has stand beside the others."""
        return method not in recipe.recipe_names("methods")

    @property
    def synthetic(self) -> bool:
        """Whether the profile's data are made up."""
        return self.scale.data.get("origin") == "sandbox"

    def heading(
        self,
        shown: Iterable[Shown],
        numbers: str = "published",
        *,
        sizes: Sequence[str] = (),
        seeds: Sequence[int] = (),
    ) -> tuple[str, ...]:
        """Return what a reader must see at a glance: profile, data, backbone, seeds and whose numbers they are.

        `numbers` is that line, or the name of one in the paper's file. `sizes` are those of the backbone that are
        shown, where it is more than the profile's own; if any of them has runs, only those that have are named.
        `seeds` are others than the profile's.
        """
        records = [record for one in shown for record in one.records]
        of_runs = [record.spec for record in records if isinstance(record.spec, RunSpec)]
        if self.synthetic:
            said = f"SYNTHETIC sandbox {self.file.made_up}, no evidence about real ones"
        else:
            most = {
                s: _most([getattr(one.data, f"{s}_sentences") for one in of_runs])
                if of_runs
                else self.scale.data.get(f"{s}_sentences")
                for s in ("train", "dev", "test")
            }
            caps = [f"{count} {s}" for s, count in most.items() if count]
            said = "real corpora" + (f", at most {', '.join(caps)} {self.file.examples} each" if caps else "")
        weights = fingerprints(records) - {""}
        names: list[str | BackboneSpec] = [
            self.scale.sizes[size] for size in sizes if size in self.scale.sizes
        ] or [self.scale.backbone]
        used = {spec.backbone.name: spec.backbone for spec in of_runs}
        wanted = {spec.name: spec for spec in map(recipe.backbone, names)}
        specs = [spec for name, spec in {**wanted, **used}.items() if name in used] or [*wanted.values()]
        made = ", pre-trained here" if specs[0].pretrain else ""
        said_of = [f"{spec.name} ({spec.origin}; {spec.licence})" if spec.wheel else spec.name for spec in specs]
        prints = f" [{', '.join(sorted(weights))}]" if weights else ""
        of_seeds = ", ".join(map(str, seeds or self.scale.seeds))
        plural = "s" * (len(specs) > 1)
        return (
            f"profile {self.profile}: {said}",
            f"backbone{plural} {', '.join(said_of)}{made}{prints}; seeds {of_seeds}",
            self.file.numbers.get(numbers, numbers),
        )

    def remarks(
        self, shown: Iterable[Shown], *, timed: bool = False, several_backbones: bool = False
    ) -> tuple[str, ...]:
        """Return what was chosen or left out, once each.

        `timed` adds what the times were measured on. `several_backbones` says that the artifact compares some.
        """
        shown = list(shown)
        notes = [note for one in shown for note in one.notes]
        texts = [*self._remarks, *self.scale.notes, *together(notes), *self.store.left_out()]
        left = [note for note in notes if isinstance(note, LeftOut) and any(note.counts.values())]
        if left:
            texts.append(f"runs that are left out stay in the store: {self.to_type.list_runs()} shows them.")
        if any(note.why.startswith("with backbone.name") for note in left):
            texts.append("runs on another backbone are shown by --backbone NAME.")
        if several_backbones and (asked := recipe.backbone_asked(self._scale)):
            texts.append(
                f"the backbones compared here are the profile's own: what was run on {asked} "
                f"is shown by hxbench report --experiment {self.paper}/NAME --backbone {asked}."
            )
        used = [record for one in shown for record in one.records]
        if len(fingerprints(used)) > 1 and not several_backbones:
            texts.append("the methods of this table do not share one backbone: their scores are not comparable.")
        devices = sorted({_device(record) for record in used}) if timed else []
        if devices:
            texts.append(f"time is the wall time of one model, mean over the runs, on {', '.join(devices)}.")
        specs = [record.spec for record in used if not isinstance(record.spec, dict)]
        built = dict.fromkeys(self.title_of(spec.method) for spec in specs if spec.after and not spec.few_shot)
        if timed and built:
            texts.append(
                f"the time of {', '.join(built)} is that of both tasks, with all runs that a model builds on."
            )
        return tuple(dict.fromkeys(texts))

    def told(
        self,
        name: str,
        shown: Iterable[Shown],
        marks: Marks,
        *,
        experiment: str | None = None,
        numbers: str = "",
        sizes: Sequence[str] = (),
        seeds: Sequence[int] = (),
        before: Iterable[str] = (),
        after: Iterable[str] = (),
        caption: Iterable[str] = (),
        several_backbones: bool = False,
        lacking: Iterable[Shown] | None = None,
        can_be_made: bool = True,
        sure: bool = False,
        facts: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return what every table and figure has: name and title, heading, notes, remarks, commands and facts.

        Most of it the paper's file says of the artifact. `before` and `after` are more remarks: below those that
        the file has before the remarks on the runs, and below those that it has after. `caption` are more
        sentences above the file's. The commands are those of the `experiment`, by default the file's or the one
        called as the artifact is, for what is `lacking`, by default anything that is `shown`; none without
        `can_be_made`. `sure` says that leads are tested, and marked where they are sure.
        """
        shown, entry, text = list(shown), self.file.entry(name), self.file.text
        missing, notes = shown if lacking is None else lacking, marks.notes()
        experiment = entry.experiment if experiment is None else experiment
        experiment = name if experiment is None else experiment
        remarks = self.remarks(shown, timed=entry.timed, several_backbones=several_backbones or bool(entry.sizes))
        captions = (*caption, *map(text, entry.caption))
        return {
            **self.named(name, facts or {}),
            "heading": self.heading(shown, numbers or entry.numbers, sizes=sizes or entry.sizes, seeds=seeds),
            "notes": (*(notes if can_be_made else notes_without_commands(notes)), *[(MARK, SURE)] * sure),
            "remarks": (*map(text, entry.before), *before, *remarks, *map(text, entry.after), *after),
            "commands": self.commands(missing, experiment) if can_be_made and experiment and missing else (),
            **({"caption": captions} if captions else {}),
        }

    def named(self, name: str, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
        """Return name, title and what rows are, as the paper's file says, and what a program reads of it."""
        entry = self.file.entry(name)
        titled = {"name": name, "title": entry.heading} if entry.heading else {}
        stub = {"stub": entry.stub} if entry.stub else {}
        return {**titled, **stub, "facts": {"paper": self.paper, "profile": self.profile, **more}}

    def commands(self, shown: Iterable[Shown], experiment: str) -> tuple[str, ...]:
        """Return the commands that make the runs these lack; nothing when they lack none."""
        return self.to_type.that_fill(shown, experiment)


def backbone_of(name: str, records: Iterable[RunRecord]) -> BackboneSpec:
    """Return a backbone by its name, as some runs have it or as it is found here."""
    specs = (record.spec.backbone for record in records if isinstance(record.spec, RunSpec))
    plain = {"fingerprint": "", "weights": "pretrained"}
    found = {spec.model_copy(update=plain).model_dump_json() for spec in specs if spec.name == name}
    if len(found) == 1:
        return BackboneSpec.model_validate_json(found.pop())
    return recipe.backbone(name)


def _most(limits: Sequence[int | None]) -> int | None:
    """Return the largest limit; None where there is one without."""
    return None if None in limits else max(one for one in limits if one is not None)


def fingerprints(records: Iterable[RunRecord]) -> set[str]:
    """Return the fingerprints of the runs' backbones."""
    return {record.spec.backbone.fingerprint for record in records if not isinstance(record.spec, dict)}


_PROVENANCES: dict[str, dict[str, Any]] = {}  # by the digest of the file, which thousands of runs may share


def provenance_of(record: RunRecord) -> dict[str, Any]:
    """Return a run's provenance, nothing where it is damaged: the scores are as good as they were."""
    digest = (record.digests or {}).get("provenance.json", "")
    if digest not in _PROVENANCES:
        try:
            found = record.provenance()
        except DamagedRun:
            return {}
        if not digest:
            return found
        _PROVENANCES[digest] = found
    return _PROVENANCES[digest]


def _device(record: RunRecord) -> str:
    return str(provenance_of(record).get("device", "an unknown device"))


def title_of(paper: str, method: str) -> str:
    """Return what the tables of a paper call a method."""
    rows = paper_file(paper).rows.values()
    if row := next((row for row in rows if method in (row.method, *row.also)), None):
        return row.title
    return str(recipe.load("methods", method).title) if method in recipe.recipe_names("methods") else method


def choose_profile(there: Iterable[str], given: str | None) -> tuple[str, list[str]]:
    """Return the profile and what to say about the choice: the given one, the store's only one, else `demo`.

    `there` are the profiles that have runs.
    """
    if given is not None:
        recipe.load("profiles", given)  # an unknown name is told at once
        return given, []
    there = sorted(there)
    known = [name for name in there if name in recipe.recipe_names("profiles")]
    chosen = known[0] if len(known) == 1 else _DEFAULT
    if others := [name for name in there if name != chosen]:
        # a profile of the user's own is named by its file
        return chosen, [f"the store also has runs of {', '.join(others)}: see them with --profile."]
    return chosen, []
