"""What the artifacts of Hyper-X are made from: the store's runs of one profile, sorted into run sets."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hxbench import experiment as experiments
from hxbench import places, recipe
from hxbench.languages import language_set
from hxbench.recipe import ExperimentBlock
from hxbench.report.families import Families
from hxbench.report.hyperx.few_shot import FewShot, Shots
from hxbench.report.hyperx.rows import title_of
from hxbench.report.hyperx.scores import Model, RunSet
from hxbench.report.profile import choose_profile
from hxbench.store import DamagedRun, RunRecord, Store

PAPER = "hyperx"
# what an artifact's numbers are: the last line of its heading
PUBLISHED = "ours: mean ± sample s.d. over the seeds; published: mBERT, 3 runs, no deviations printed"
UNPUBLISHED = "mean ± sample s.d. over the seeds; the paper prints no such numbers"
FEW_SHOT = "ours: mean ± sample s.d. over the seeds; published: mBERT, the paper does not say how many runs"
COSTS = "ours: mean over the runs that are there; published: mBERT"
_FEW = 3  # commands that a reader may be asked to give one by one


class Shown(Protocol):
    """Something that an artifact shows: a run set, a condition, few-shot scores."""

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""


@dataclass(frozen=True)
class Condition:
    """One thing that an experiment compares with others."""

    label: str
    method: str
    setting: str
    run_set: RunSet

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""
        return self.run_set.records

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return self.run_set.notes

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return self.run_set.lacks


def _device(record: RunRecord) -> str:
    try:
        return str(record.provenance().get("device", "an unknown device"))
    except DamagedRun:  # the scores are as good as they were
        return "an unknown device"


def _bodies(records: Iterable[RunRecord]) -> set[str]:
    return {record.spec.backbone.fingerprint for record in records if not isinstance(record.spec, dict)}


class Results:
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    def __init__(self, store: Store, profile: str | None = None) -> None:
        # the commands must fill the store that was reported on, wherever it is
        self._place = [] if store.root == places.store_dir() else ["--store", str(store.root)]
        found = [r for r in store.runs() if _field(r, "paper") == PAPER]
        self._scale, self._remarks = choose_profile(found, profile)  # maybe a file of the user's own
        self.profile = Path(self._scale).stem
        self._problems = [f"left out: {problem}" for problem in store.problems]
        self.scale: recipe.ProfileRecipe = recipe.load("profiles", self._scale)
        of_profile = [record for record in found if _field(record, "profile") == self.profile]
        self.families = Families(of_profile, PAPER, self._scale)
        self._sets: dict[tuple[str, str, str], RunSet] = {}

    def run_set(self, method: str, setting: str, block: ExperimentBlock | None = None) -> RunSet:
        """Return the run set of a method in a setting, empty if the store has none.

        Without a block these are the runs of the plain recipe, or the only others on the same ground; with one,
        exactly those with its changes.
        """
        changes = {"options", "training", "data", "switched", "weights"}
        asked = json.dumps(block.model_dump(include=changes), sort_keys=True) if block else ""
        key = method, setting, asked
        if key not in self._sets:
            family = self.families.choose(method, setting, block)
            rows = {}
            for which, record in list(family.runs.items()):
                try:
                    rows[which] = record.metrics()
                except DamagedRun as error:
                    family.notes.append(f"left out: {error} ({record.removal} removes it.)")
                    del family.runs[which]
            self._sets[key] = RunSet(family.models, self.scale.seeds, rows, family)
        return self._sets[key]

    def conditions(self, experiment: str) -> list[Condition]:
        """Return what an experiment of the paper compares, in its order."""
        found = []
        for block in experiments.blocks(PAPER, experiment):
            for method in block.methods:
                label = block.label or title_of(method)
                if block.label and len(block.methods) > 1:
                    label = f"{title_of(method)}, {block.label}"
                found.append(Condition(label, method, block.setting, self.run_set(method, block.setting, block)))
        return found

    def few_shot(self, experiment: str = "table5") -> FewShot:
        """Return the few-shot scores of an experiment, its methods in its order, then others that have any."""
        found = {}
        protocol = experiments.few_shot_protocol(PAPER, experiment)
        for block in experiments.blocks(PAPER, experiment):
            for method in block.methods if block.few_shot else ():
                assert block.few_shot is not None
                start = self.run_set(method, block.setting, block)
                records = self.families.few_shot(start.family, block)
                found[method] = Shots(start, block.few_shot, records, self.scale.draws)
        for method, setting in self.families.few_shot_methods():
            if method not in found and setting in ("multi", "single"):  # which are trained on English alone
                start = self.run_set(method, setting)
                records = self.families.own_few_shot(start.family, protocol)
                told = f"{method} is not in the experiment: hxbench fewshot {_argument(method)} makes its runs."
                found[method] = Shots(start, protocol, records, draws=0, notes=[told])
        return FewShot(found)

    @staticmethod
    def has(method: str, setting: str) -> bool:
        """Return whether the recipe of a method has a setting."""
        return method in recipe.recipe_names("methods") and setting in recipe.load("methods", method).settings

    def own_methods(self, setting: str, known: set[str]) -> list[str]:
        """Return the methods of this setting that the paper does not have: yours, beside the published ones."""
        return sorted({*self.families.methods(setting)} - known)

    @property
    def synthetic(self) -> bool:
        """Whether the profile's languages are made up."""
        return self.scale.data.get("origin") == "sandbox"

    def label(self, code: str) -> str:
        """Return the title of a paper language's row: its code, or that of the sandbox language in its place."""
        languages = language_set("sandbox" if self.synthetic else "hyperx").values()
        return next(language.label for language in languages if language.paper_code == code)

    def heading(self, shown: Iterable[Shown], numbers: str = PUBLISHED) -> tuple[str, ...]:
        """Return what a reader must see at a glance: profile, data, backbone, seeds and, in `numbers`, whose."""
        data = self.scale.data
        if self.synthetic:
            said = "SYNTHETIC sandbox languages, no evidence about real ones"
        else:
            caps = [
                f"{data[f'{s}_sentences']} {s}" for s in ("train", "dev", "test") if data.get(f"{s}_sentences")
            ]
            said = "real corpora" + (f", at most {', '.join(caps)} sentences each" if caps else "")
        weights = _bodies(record for one in shown for record in one.records) - {""}
        spec = recipe.backbone(self.scale.backbone)
        made = ", pre-trained here" if spec.pretrain else ""
        prints = f" [{', '.join(sorted(weights))}]" if weights else ""
        seeds = ", ".join(map(str, self.scale.seeds))
        return (
            f"profile {self.profile}: {said}",
            f"backbone {spec.name}{made}{prints}; seeds {seeds}",
            numbers,
        )

    def remarks(self, shown: Iterable[Shown], *, timed: bool = False) -> tuple[str, ...]:
        """Return what was chosen or left out, once each; `timed` adds what the times were measured on."""
        shown = list(shown)
        texts = [*self._remarks, *(note for one in shown for note in one.notes), *self._problems]
        used = [record for one in shown for record in one.records]
        if len(_bodies(used)) > 1:
            texts.append("the methods of this table do not share one backbone: their scores are not comparable.")
        devices = sorted({_device(record) for record in used}) if timed else []
        if devices:
            texts.append(f"time is the wall time of one model, mean over the runs, on {', '.join(devices)}.")
        specs = [record.spec for record in used if not isinstance(record.spec, dict)]
        built = dict.fromkeys(title_of(spec.method) for spec in specs if spec.after and not spec.few_shot)
        if timed and built:
            texts.append(
                f"the time of {', '.join(built)} is that of both tasks, with all runs that a model builds on."
            )
        return tuple(dict.fromkeys(texts))

    def commands(self, shown: Iterable[Shown], experiment: str) -> tuple[str, ...]:
        """Return the command that makes the runs these lack; nothing when they lack none.

        It is that of the experiment. Few missing runs of plain recipes, and runs that the experiment does not
        have, are asked for one by one.
        """
        shown = list(shown)
        lacking = [one for one in shown if one.lacks]
        sets = [one for one in lacking if isinstance(one, RunSet)]
        known = self._asked_for(experiment)
        lines = [line for one in sets for line in self.train_commands(one)]
        if lacking == sets and len(lines) <= _FEW:
            return tuple(dict.fromkeys(lines))
        ours = [s for s in sets if (s.method, s.setting) not in known or s.family.options]
        whole = [self.run_command(experiment, _origins(shown))] if len(ours) < len(lacking) else []
        return tuple(dict.fromkeys([*whole, *(line for one in ours for line in self.train_commands(one))]))

    @staticmethod
    def _asked_for(experiment: str) -> set[tuple[str, str]]:
        blocks = experiments.blocks(PAPER, experiment)
        return {(method, block.setting) for block in blocks for method in block.methods}

    def run_command(self, experiment: str, origins: set[str]) -> str:
        """Return the command that makes everything an experiment lacks, from the data the others have read."""
        words = ["hxbench", "run", f"{PAPER}/{experiment}"]
        words += ["--profile", self._scale] if self.profile != "demo" else []
        if origins and self.scale.data.get("origin") not in origins:
            words += ["--data-source", "hub" if "hub" in origins else "DIR"]
        return shlex.join([*words, *self._place])

    def train_commands(self, runs: RunSet) -> list[str]:
        """Return the commands that make the runs that a set of a plain recipe lacks, and nothing more."""
        lacking: dict[int, list[Model]] = {}
        for model, seed in runs.missing():
            lacking.setdefault(seed, []).append(model)
        alike: dict[Model, list[int]] = {}  # seeds that lack the same models share a command
        for seed, models in lacking.items():
            whole = len(models) == len(runs.models)
            for model in [Model()] if whole else models:
                alike.setdefault(model, []).append(seed)
        lines = []
        for model, seeds in alike.items():
            words = ["hxbench", "train", _argument(runs.method), "--setting", runs.setting]
            words += ["--task", model.task] if model.task else []
            words += ["--partition", model.partition] if model.partition else []
            words += ["--profile", self._scale]
            if seeds != [self.scale.seeds[0]]:  # which is what a command trains that names no seed
                words += [word for seed in seeds for word in ("--seed", str(seed))]
            words += self._place
            options = runs.family.options
            lines.append(" ".join([shlex.join(words), *([options] if options else [])]))
        return lines


def _argument(method: str) -> str:
    """Return what a command calls a method: its name, or the file of a recipe that is not known here."""
    return method if method in recipe.recipe_names("methods") else f"{method}.yaml"


def _origins(shown: Iterable[Shown]) -> set[str]:
    specs = (record.spec for one in shown for record in one.records)
    return {str(spec.data.origin) for spec in specs if not isinstance(spec, dict)}


def _field(record: RunRecord, name: str) -> object:
    """Return a field of the spec, whatever version wrote it."""
    return record.spec.get(name) if isinstance(record.spec, dict) else getattr(record.spec, name)
