"""What the tables of Hyper-X are made from: the store's runs of one profile, sorted into run sets."""

import shlex
from pathlib import Path

from hxbench import places, recipe
from hxbench.languages import language_set
from hxbench.report.families import Family, choose_family, parts_of
from hxbench.report.hyperx.scores import Part, RunSet
from hxbench.report.profile import choose_profile
from hxbench.store import DamagedRun, RunRecord, Store

PAPER = "hyperx"


def _device(record: RunRecord) -> str:
    try:
        return str(record.provenance().get("device", "an unknown device"))
    except DamagedRun:  # the scores are as good as they were
        return "an unknown device"


class Results:
    """The run sets of a profile, each read once, and everything the tables have to say about them."""

    def __init__(self, store: Store, profile: str | None = None) -> None:
        # the commands must fill the store that was reported on, wherever it is
        self._place = [] if store.root == places.store_dir() else ["--store", str(store.root)]
        found = [record for record in store.runs() if record.fields.get("paper") == PAPER]
        self._scale, self._remarks = choose_profile(found, profile)  # maybe a file of the user's own
        self.profile = Path(self._scale).stem
        self._problems = [f"left out: {problem}" for problem in store.problems]
        self.scale: recipe.ProfileRecipe = recipe.load("profiles", self._scale)
        self._records = [record for record in found if record.fields.get("profile") == self.profile]
        self._families: dict[tuple[str, str], Family] = {}
        self._sets: dict[tuple[str, str], RunSet] = {}

    def run_set(self, method: str, setting: str) -> RunSet:
        """Return the run set of a method in a setting, empty if the store has none."""
        key = method, setting
        if key not in self._sets:
            family = self._families[key] = choose_family(self._records, method, setting, self._scale)
            rows = {}
            for which, record in list(family.runs.items()):
                try:
                    rows[which] = record.metrics()
                except DamagedRun as error:
                    family.notes.append(f"left out: {error} (hxbench runs rm {record.id} removes it.)")
                    del family.runs[which]
            self._sets[key] = RunSet(setting, self.scale.seeds, rows)
        return self._sets[key]

    def own_methods(self, setting: str, known: set[str]) -> list[str]:
        """Return the methods of this setting that the paper does not have: yours, beside the published ones."""
        return sorted({r.fields["method"] for r in self._records if r.fields.get("setting") == setting} - known)

    @property
    def synthetic(self) -> bool:
        """Whether the profile's languages are made up."""
        return self.scale.data.get("origin") == "sandbox"

    def label(self, code: str) -> str:
        """Return the title of a paper language's row: its code, or that of the sandbox language in its place."""
        languages = language_set("sandbox" if self.synthetic else "hyperx").values()
        return next(language.label for language in languages if language.paper_code == code)

    def _used(self, keys: list[tuple[str, str]]) -> list[RunRecord]:
        return [record for key in keys for record in self._families[key].runs.values()]

    def heading(self, keys: list[tuple[str, str]]) -> tuple[str, ...]:
        """Return what a reader must see at a glance: profile, data, backbone, seeds."""
        data = self.scale.data
        if self.synthetic:
            said = "SYNTHETIC sandbox languages, no evidence about real ones"
        else:
            caps = [
                f"{data[f'{s}_sentences']} {s}" for s in ("train", "dev", "test") if data.get(f"{s}_sentences")
            ]
            said = "real corpora" + (f", at most {', '.join(caps)} sentences each" if caps else "")
        weights = {r.fields["backbone"]["fingerprint"] for r in self._used(keys)} - {""}
        spec = recipe.backbone(self.scale.backbone)
        made = ", pre-trained here" if spec.pretrain else ""
        prints = f" [{', '.join(sorted(weights))}]" if weights else ""
        seeds = ", ".join(map(str, self.scale.seeds))
        return (
            f"profile {self.profile}: {said}",
            f"backbone {spec.name}{made}{prints}; seeds {seeds}",
            "ours: mean ± sample s.d. over the seeds; published: mBERT, 3 runs, no deviations printed",
        )

    def remarks(self, keys: list[tuple[str, str]], *, timed: bool = False) -> tuple[str, ...]:
        """Return what was chosen or left out, once each; `timed` adds what the times were measured on."""
        texts = [*self._remarks, *(note for key in keys for note in self._families[key].notes), *self._problems]
        used = self._used(keys)
        if len({record.fields["backbone"]["fingerprint"] for record in used}) > 1:
            texts.append("the methods of this table do not share one backbone: their scores are not comparable.")
        devices = sorted({_device(record) for record in used})
        if timed and devices:
            texts.append(f"time is the wall time of one model, mean over the runs, on {', '.join(devices)}.")
        return tuple(dict.fromkeys(texts))

    def commands(self, keys: list[tuple[str, str]]) -> tuple[str, ...]:
        """Return the commands that make the runs these sets lack, and nothing more."""
        return tuple(dict.fromkeys(line for key in keys for line in self._commands(*key)))

    def _commands(self, method: str, setting: str) -> list[str]:
        lacking: dict[int, list[Part]] = {}
        for part, seed in self._sets[method, setting].missing():
            lacking.setdefault(seed, []).append(part)
        alike: dict[Part, list[int]] = {}  # seeds that lack the same models share a command
        for seed, parts in lacking.items():
            whole = len(parts) == len(parts_of(setting))
            for part in (None,) if whole else parts:
                alike.setdefault(part, []).append(seed)
        flag = {"single": "--task", "mixed": "--partition"}.get(setting, "")
        lines = []
        for part, seeds in alike.items():
            words = ["hxbench", "train", method, "--setting", setting]
            words += [flag, str(part)] if part else []
            words += ["--profile", self._scale]
            if seeds != [self.scale.seeds[0]]:  # which is what a command trains that names no seed
                words += [word for seed in seeds for word in ("--seed", str(seed))]
            words += self._place
            options = self._families[method, setting].options
            lines.append(" ".join([shlex.join(words), *([options] if options else [])]))
        return lines
