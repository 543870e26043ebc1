"""What the artifacts of a paper are made from: the runs of one profile, and what has to be said about them."""

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic

from hxbench import experiment as experiments
from hxbench import places, recipe
from hxbench.recipe import ExperimentBlock
from hxbench.report.estimate import Rows
from hxbench.report.families import Families, Family
from hxbench.report.profile import choose_profile
from hxbench.report.run_set import StoredRuns
from hxbench.report.shown import Condition, R, Shown
from hxbench.settings import Model
from hxbench.store import DamagedRun, RunRecord, Store

_FEW = 3  # commands that a reader may be asked to give one by one


class PaperResults(ABC, Generic[R]):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper: ClassVar[str]
    numbers: ClassVar[str]  # whose numbers a table shows: the usual last line of a heading
    made_up: ClassVar[str]  # what a synthetic profile's data are called
    examples: ClassVar[str] = "sentences"

    def __init__(self, store: Store, profile: str | None = None) -> None:
        # the commands must fill the store that was reported on, wherever it is
        self._place = [] if store.root == places.store_dir() else ["--store", str(store.root)]
        found = [r for r in store.runs() if _field(r, "paper") == self.paper]
        self._scale, self._remarks = choose_profile(found, profile)  # maybe a file of the user's own
        self.profile = Path(self._scale).stem
        self._problems = [f"left out: {problem}" for problem in store.problems]
        self.scale: recipe.ProfileRecipe = recipe.scale(self._scale, self.paper)
        of_profile = [record for record in found if _field(record, "profile") == self.profile]
        self.families = Families(of_profile, self.paper, self._scale)
        self._sets: dict[tuple[str, str, str], R] = {}

    @abstractmethod
    def _read(self, family: Family, rows: Mapping[tuple[Model, int], Rows]) -> R:
        """Return a family's runs with the paper's scores."""

    @abstractmethod
    def title_of(self, method: str) -> str:
        """Return what the tables call a method."""

    def run_set(
        self, method: str, setting: str, block: ExperimentBlock | None = None, suite: str | None = None
    ) -> R:
        """Return the run set of a method in a setting, empty if the store has none.

        Without a block these are the runs of the plain recipe (of a suite, where tasks come in suites), or the
        only others on the same ground; with one, exactly those with its changes.
        """
        told = {"label", "methods", "few_shot"}  # what changes no run of the setting
        asked = json.dumps(block.model_dump(exclude=told), sort_keys=True) if block else suite or ""
        key = method, setting, asked
        if key not in self._sets:
            family = self.families.choose(method, setting, block, suite)
            rows = {}
            for which, record in list(family.runs.items()):
                try:
                    rows[which] = record.metrics()
                except DamagedRun as error:
                    family.notes.append(f"left out: {error} ({record.removal} removes it.)")
                    del family.runs[which]
            self._sets[key] = self._read(family, rows)
        return self._sets[key]

    def conditions(self, experiment: str) -> list[Condition[R]]:
        """Return what an experiment of the paper compares, in its order."""
        found = []
        for block in experiments.blocks(self.paper, experiment, self._scale):
            for method in block.methods:
                label = block.label or self.title_of(method)
                if block.label and len(block.methods) > 1:
                    label = f"{self.title_of(method)}, {block.label}"
                runs = self.run_set(method, block.setting, block)
                found.append(Condition(label, method, block.setting, runs, block))
        return found

    def own_methods(self, setting: str, known: set[str]) -> list[str]:
        """Return the methods of this setting that the paper does not have: yours, beside the published ones."""
        return sorted({*self.families.methods(setting)} - known)

    @property
    def synthetic(self) -> bool:
        """Whether the profile's data are made up."""
        return self.scale.data.get("origin") == "sandbox"

    def heading(
        self, shown: Iterable[Shown], numbers: str | None = None, *, sizes: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return what a reader must see at a glance: profile, data, backbone, seeds and, in `numbers`, whose.

        `sizes` are those of the backbone that are shown, where it is more than the profile's own.
        """
        data = self.scale.data
        if self.synthetic:
            said = f"SYNTHETIC sandbox {self.made_up}, no evidence about real ones"
        else:
            caps = [
                f"{data[f'{s}_sentences']} {s}" for s in ("train", "dev", "test") if data.get(f"{s}_sentences")
            ]
            said = "real corpora" + (f", at most {', '.join(caps)} {self.examples} each" if caps else "")
        weights = bodies(record for one in shown for record in one.records) - {""}
        names = [self.scale.sizes[size] for size in sizes if size in self.scale.sizes] or [self.scale.backbone]
        specs = [recipe.backbone(name) for name in names]
        made = ", pre-trained here" if specs[0].pretrain else ""
        prints = f" [{', '.join(sorted(weights))}]" if weights else ""
        seeds = ", ".join(map(str, self.scale.seeds))
        plural = "s" * (len(specs) > 1)
        return (
            f"profile {self.profile}: {said}",
            f"backbone{plural} {', '.join(spec.name for spec in specs)}{made}{prints}; seeds {seeds}",
            numbers or self.numbers,
        )

    def remarks(
        self, shown: Iterable[Shown], *, timed: bool = False, several_bodies: bool = False
    ) -> tuple[str, ...]:
        """Return what was chosen or left out, once each.

        `timed` adds what the times were measured on; `several_bodies` says that the artifact compares backbones.
        """
        shown = list(shown)
        texts = [*self._remarks, *(note for one in shown for note in one.notes), *self._problems]
        used = [record for one in shown for record in one.records]
        if len(bodies(used)) > 1 and not several_bodies:
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

    def commands(self, shown: Iterable[Shown], experiment: str) -> tuple[str, ...]:
        """Return the command that makes the runs these lack; nothing when they lack none.

        It is that of the experiment. Few missing runs of plain recipes, and runs that the experiment does not
        have, are asked for one by one.
        """
        shown = list(shown)
        lacking = [one for one in shown if one.lacks]
        sets = [one for one in lacking if isinstance(one, StoredRuns)]
        known = self._asked_for(experiment)
        lines = [line for one in sets for line in self.train_commands(one)]
        if lacking == sets and len(lines) <= _FEW:
            return tuple(dict.fromkeys(lines))
        ours = [s for s in sets if (s.method, s.setting) not in known or s.family.options]
        whole = [self.run_command(experiment, _origins(shown))] if len(ours) < len(lacking) else []
        return tuple(dict.fromkeys([*whole, *(line for one in ours for line in self.train_commands(one))]))

    def _asked_for(self, experiment: str) -> set[tuple[str, str]]:
        blocks = experiments.blocks(self.paper, experiment, self._scale)
        return {(method, block.setting) for block in blocks for method in block.methods}

    def run_command(self, experiment: str, origins: set[str]) -> str:
        """Return the command that makes everything an experiment lacks, from the data the others have read."""
        words = ["hxbench", "run", f"{self.paper}/{experiment}"]
        words += ["--profile", self._scale] if self.profile != "demo" else []
        if origins and self.scale.data.get("origin") not in origins:
            words += ["--data-source", "hub" if "hub" in origins else "DIR"]
        return shlex.join([*words, *self._place])

    def train_commands(self, runs: StoredRuns) -> list[str]:
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
            words = ["hxbench", "train", argument(runs.method), "--setting", runs.setting]
            words += ["--suite", runs.family.suite] if runs.family.suite and not model.task else []
            words += ["--task", model.task] if model.task else []
            words += ["--partition", model.partition] if model.partition else []
            words += ["--profile", self._scale]
            if seeds != [self.scale.seeds[0]]:  # which is what a command trains that names no seed
                words += [word for seed in seeds for word in ("--seed", str(seed))]
            words += self._place
            options = runs.family.options
            lines.append(" ".join([shlex.join(words), *([options] if options else [])]))
        return lines


def argument(method: str) -> str:
    """Return what a command calls a method: its name, or the file of a recipe that is not known here."""
    return method if method in recipe.recipe_names("methods") else f"{method}.yaml"


def bodies(records: Iterable[RunRecord]) -> set[str]:
    """Return the fingerprints of the runs' backbones."""
    return {record.spec.backbone.fingerprint for record in records if not isinstance(record.spec, dict)}


def _device(record: RunRecord) -> str:
    try:
        return str(record.provenance().get("device", "an unknown device"))
    except DamagedRun:  # the scores are as good as they were
        return "an unknown device"


def _origins(shown: Iterable[Shown]) -> set[str]:
    specs = (record.spec for one in shown for record in one.records)
    return {str(spec.data.origin) for spec in specs if not isinstance(spec, dict)}


def _field(record: RunRecord, name: str) -> object:
    """Return a field of the spec, whatever version wrote it."""
    return record.spec.get(name) if isinstance(record.spec, dict) else getattr(record.spec, name)
