"""What to type to make the runs that a report lacks: one command where one does it all, else the few."""

import shlex
from collections.abc import Collection, Iterable
from pathlib import Path

from hxbench import places
from hxbench.report.scores.run_set import Condition, RunSet, Shown
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.settings import Model
from hxbench.store import Store
from hxbench.store.packed import Pack

_FEW = 3  # commands that a reader may be asked to give one by one, so as not to run more than is shown


class Commands:
    """The commands of one paper and profile, which fill the store that was reported on, wherever it is.

    A packed store is only read: it is unpacked into one that can be filled. `profile` is a name or the file of a
    profile of the user's own.
    """

    def __init__(self, paper: str, profile: str, store: Store) -> None:
        self.paper, self.profile = paper, profile
        self.scale = recipe.scale(profile, paper)
        asked, own = recipe.backbone_asked(profile), recipe.own_data(profile)
        self._ground = ["--backbone", asked] if asked else []
        self._ground += ["--data", str(own.path)] if own else []
        self._own_alone = bool(own and not own.described.extends)
        self._shown = [] if store.root == places.store_dir() else ["--store", str(store.root)]
        filled = _unpacked(store) if store.pack else store.root
        self._place = [] if filled == places.store_dir() else ["--store", str(filled)]
        unpack = ["hxbench", "runs", "unpack", str(store.root), "--to", str(filled)]
        self._first = (shlex.join([*unpack, "--profile", Path(profile).stem]),) if store.pack else ()

    def in_place(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Return these commands, each once, behind the one that makes the store of a pack that they fill."""
        found = tuple(dict.fromkeys(lines))
        return (*self._first, *found) if found else ()

    def _source(self, origins: Collection[str] = ()) -> list[str]:
        """Return the option that names the data where no profile does.

        A local mirror is always named: what this machine remembers of one is not in the store, and the same store
        gives the same report anywhere. `origins` are those of the data that other runs have read.
        """
        usual = self.scale.data.get("origin", "sandbox")
        origin = usual if not origins or usual in origins else "hub" if "hub" in origins else "mirror"
        if self._own_alone or origin == "sandbox" or (origin == usual == "hub"):
            return []
        if origin == "hub":
            return ["--data-source", "hub"]
        return ["--data-source", "DIR"]

    def that_fill(self, shown: Iterable[Shown], experiment: str) -> tuple[str, ...]:
        """Return the commands that make what these lack; nothing when they lack none.

        That is the experiment's, or the one that trains what is missing where one does; a few of those where the
        experiment has more than is shown. Variants, which the experiment replaces with the recipe's runs, are
        completed only where nothing else is missing; runs that the experiment does not have are always asked for.
        """
        shown = list(shown)
        lacking = [one for one in shown if one.lacks]
        own = [name for one in lacking if (name := _asked_by(one))]
        rest = [one for one in lacking if not _asked_by(one)]
        known = self._methods_of(experiment)
        sets = [one for one in rest if isinstance(one, RunSet)]
        outside = [s for s in sets if (s.method, s.setting) not in known]
        variants = [s for s in sets if s not in outside and s.family.options]
        plain = [one for one in rest if one not in outside and one not in variants]
        exact = self._lines(one for one in plain or variants if isinstance(one, RunSet))
        whole = known <= {(one.method, one.setting) for one in shown if isinstance(one, RunSet)}
        if plain and (len(exact) > (1 if whole else _FEW) or not all(one in sets for one in plain)):
            exact = [self.run(experiment, _origins(shown))]
        return self.in_place([*(self.run(name) for name in own), *exact, *self._lines(outside)])

    def _lines(self, sets: Iterable[RunSet]) -> list[str]:
        return list(dict.fromkeys(line for one in sets for line in self.train(one)))

    def _methods_of(self, experiment: str) -> set[tuple[str, str]]:
        blocks = experiments.blocks(self.paper, experiment, self.profile)
        return {(method, block.setting) for block in blocks for method in block.methods}

    def run(self, experiment: str, origins: Collection[str] = ()) -> str:
        """Return the command that makes everything an experiment lacks, from the data the others have read."""
        file = experiment.endswith((".yaml", ".yml"))
        words = ["hxbench", "run", experiment if file else f"{self.paper}/{experiment}"]
        words += ["--profile", self.profile] if self.profile != "demo" else []
        return shlex.join([*words, *self._ground, *self._source(origins), *self._place])

    def report(self, experiment: str) -> str:
        """Return the command that shows what was run of an experiment, from the store that was reported on."""
        words = ["hxbench", "report", "--experiment", f"{self.paper}/{experiment}"]
        words += ["--profile", self.profile] if self.profile != "demo" else []
        return shlex.join([*words, *self._ground, *self._shown])

    def list_runs(self) -> str:
        """Return the command that lists the profile's runs."""
        return shlex.join(["hxbench", "runs", "list", "--profile", Path(self.profile).stem, *self._shown])

    def train(self, runs: RunSet) -> list[str]:
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
            words += ["--profile", self.profile, *self._ground, *self._source()]
            if seeds != [self.scale.seeds[0]]:  # which is what a command trains that names no seed
                words += [word for seed in seeds for word in ("--seed", str(seed))]
            words += self._place
            options = runs.family.options
            lines.append(" ".join([shlex.join(words), *([options] if options else [])]))
        return lines


def _unpacked(packed: Store) -> Path:
    """Return the store that a packed one is unpacked into: the usual one, unless that is packed too.

    The usual one is not opened: whether it is damaged is no matter of a report on another.
    """
    usual = places.store_dir()
    return Path(f"{packed.root.resolve().name}-unpacked") if Pack.is_at(usual) else usual


def argument(method: str) -> str:
    """Return what a command calls a method: its name, or the file of a recipe that is not known here."""
    known = method in recipe.recipe_names("methods") or Path(method).suffix
    return method if known else f"{method}.yaml"


def _asked_by(one: Shown) -> str:
    """Return the experiment of the user's own that asks for what is shown; nothing where the paper's does."""
    runs = one.run_set if isinstance(one, Condition) else one
    return runs.family.experiment if isinstance(runs, RunSet) else ""


def _origins(shown: Iterable[Shown]) -> set[str]:
    specs = (record.spec for one in shown for record in one.records)
    return {str(spec.data.origin) for spec in specs if not isinstance(spec, dict)}
