"""The miniature that faults are tried on: made once, copied for every case, and what its files and answers say.

Two trees. `cold` has corpora, recipes and one finished run of another seed (what must never be lost), `warm` also
every cache, a finished run of each scenario, one that was stopped half-way, an export and a backbone folder.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_kinds.breaking import count_into, killed_at
from fault_kinds.command import Ended, forked

TESTS = Path(__file__).parents[2] / "tests"
_TIMES = ("seconds", "tokens_per_second", "wall", "wall_seconds")  # of a history's rows
_STEPS = [
    "training.updates=6",
    "training.lr=0.01",
    "training.batch_size=4",
    "training.warmup=1",
    "training.evaluate_every=3",
]
_SMALL = ["options.embedding=4", "options.source_hidden=8", "options.projected=4", "options.bottleneck=4"]
_CHECKPOINTS = ["--checkpoint-every", "2", "--workers", "1", "--offline"]


def _sets(*fields: str) -> list[str]:
    return [word for one in fields for word in ("--set", one)]


# the training commands: full fine-tuning of a tagger, a hypernetwork, and a prompt for a text-to-text model
TRAININGS: dict[str, list[str]] = {
    "tag": ["train", "mbert", "--setting", "single", "--task", "pos", "--profile", "mini.yaml", *_sets(*_STEPS)],
    "names": ["train", "mbert", "--setting", "single", "--task", "ner", "--profile", "mini.yaml", *_sets(*_STEPS)],
    "made": ["train", "hyperx-base", "--setting", "single", "--task", "pos", "--profile", "mini.yaml",
             *_sets(*_STEPS, *_SMALL)],
    "text": ["train", "prompt", "--task", "rte", "--profile", "text/mini.yaml",
             *_sets(*_STEPS, "options.tokens=3")],
    "cb": ["train", "prompt", "--task", "cb", "--profile", "text/mini.yaml", *_sets(*_STEPS, "options.tokens=3")],
}  # fmt: skip
SOURCES = {"tag": "mirror", "names": "mirror", "made": "mirror", "text": "text/mirror", "cb": "text/mirror"}


def training(name: str, *more: str, seed: int = 1, source: str | None = None) -> list[str]:
    """Return the words of a training command."""
    place = ["--data-source", source or SOURCES[name], "--seed", str(seed)]
    return [*TRAININGS[name], *place, *_CHECKPOINTS, *more]


REPORTS = [
    ["report", "--table", "2", "--profile", "mini.yaml", "--format", "csv"],
    ["report", "--table", "6", "--profile", "mini.yaml", "--format", "csv"],
    ["report", "--paper", "pha", "--table", "1", "--profile", "text/mini.yaml", "--format", "csv"],
]


@dataclass
class World:
    """Where the trees are, and what the unbroken commands gave in them."""

    root: Path
    facts: dict[str, dict[str, str]] = field(default_factory=dict)  # of the runs, by id (see `facts_of`)
    ids: dict[str, str] = field(default_factory=dict)  # of the warm tree's runs, by training
    events: dict[str, int] = field(default_factory=dict)  # file-system events of the commands that are killed
    answers: dict[str, str] = field(default_factory=dict)  # what readers print, by what they are asked
    packs: bool = False

    @property
    def place(self) -> Path:
        """The folder of the case at hand."""
        return self.root / "case"

    def tree(self, name: str) -> Path:
        """Put a fresh copy of a tree in the place of cases and return it."""
        if name == "half" and not (self.root / name).is_dir():  # which takes long, and few kinds need
            _stop_half_way(self)
        self.clear()
        shutil.copytree(self.root / name, self.place, symlinks=True)
        return self.place

    def clear(self) -> None:
        """Remove what a case has left, whatever its rights are."""
        if self.place.is_dir():
            for folder, _, _ in os.walk(self.place):
                os.chmod(folder, 0o755)
            shutil.rmtree(self.place)

    def keep_as(self, name: str) -> None:
        """Make what is in the place of cases a tree."""
        shutil.rmtree(self.root / name, ignore_errors=True)
        shutil.copytree(self.place, self.root / name, symlinks=True)


def facts_of(store: Path) -> dict[str, dict[str, str]]:
    """Return what each finished run of a store is and says, digested, without times and costs."""
    found = {}
    for folder in sorted((store / "runs").glob("[!.]*")) if (store / "runs").is_dir() else ():
        facts = {"spec": _digest((folder / "spec.yaml").read_bytes())} if (folder / "spec.yaml").is_file() else {}
        for name, without in (("metrics.jsonl", ("cost",)), ("history.jsonl", ())):
            if (folder / name).is_file():
                rows = [json.loads(line) for line in (folder / name).read_text().splitlines()]
                kept = [{key: row[key] for key in row if key not in _TIMES} for row in rows
                        if row.get("split") not in without]  # fmt: skip
                facts[name] = _digest(json.dumps(kept).encode())
        for path in [folder / "checkpoint/model.safetensors", *sorted(folder.rglob("*.parquet"))]:
            if path.is_file():
                facts[str(path.relative_to(folder))] = _digest(path.read_bytes())
        found[folder.name] = facts
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def build(root: Path) -> World:
    """Make both trees under `root` and ask every reader once."""
    import yaml

    sys.path.insert(0, str(TESTS))
    from miniature import TINY, write_mirror
    from text_miniature import write_text_mirror, write_text_profile

    world = World(root)
    cold = root / "cold"
    for name in ("cache", "store", "home", "text"):
        (cold / name).mkdir(parents=True)
    write_mirror(cold / "mirror")
    write_text_mirror(cold / "text/mirror")
    write_text_profile(cold / "text")
    _fewer_steps(cold / "text/t5.yaml")
    body = {"name": "mini-bert", "pretrain": TINY.pretrain.model_dump() | {"steps": 4, "batch_size": 4}}  # type: ignore[union-attr]
    (cold / "mini-bert.yaml").write_text(yaml.safe_dump(body))
    profile = {
        "about": "A miniature.", "backbone": "mini-bert.yaml", "seeds": [1],
        "data": {"origin": "mirror", "max_length": 32},
        "training": {"cpu_threads": 1, "eval_batch_size": 16},
    }  # fmt: skip
    (cold / "mini.yaml").write_text(yaml.safe_dump(profile))
    block = {
        "setting": "single",
        "tasks": ["pos"],
        "methods": ["mbert", "hyperx-small"],
        "training": {"updates": 6},
    }
    experiment = {"paper": "hyperx", "about": "A grid.", "artifacts": ["table2"], "blocks": [block]}
    (cold / "grid.yaml").write_text(yaml.safe_dump(experiment))
    method = {"title": "Mine", "about": "A method.", "kind": "finetune", "settings": ["single", "multi"],
              "training": {"updates": 6, "batch_size": 4, "lr": 0.01, "warmup": 1, "evaluate_every": 3},
              "profiles": {"mini": {"training": {"updates": 4}}}}  # fmt: skip
    (cold / "mine.yaml").write_text(yaml.safe_dump(method))
    (cold / "in.txt").write_text("Nova domo .\nbela besto .\n")
    (cold / "in.conllu").write_text("".join(f"1\t{w}\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n" for w in ("domo", "besto")))
    # in the place where cases lie later: some caches know files by where they are
    _well(forked(training("tag", seed=7), world.tree("cold")))
    shutil.copytree(world.place / "store", cold / "store", dirs_exist_ok=True)
    _warm(world)
    return world


def _fewer_steps(path: Path) -> None:
    import yaml

    recipe = yaml.safe_load(path.read_text())
    recipe["pretrain"] |= {"steps": 4, "batch_size": 4}
    path.write_text(yaml.safe_dump(recipe))


def _warm(world: World) -> None:
    place = world.tree("cold")
    (world.ids["guard"],) = facts_of(place / "store")
    for name in TRAININGS:
        before = set(facts_of(place / "store"))
        _counted(world, f"more {name}", training(name), place)
        (world.ids[name],) = set(facts_of(place / "store")) - before
    _well(forked(["export", world.ids["made"], "--language", "is", "--out", "export"], place))
    for config in [*(place / "cache/backbones").glob("*/config.json")]:
        kind = json.loads(config.read_text())["model_type"]
        shutil.copytree(config.parent, place / f"body-{kind}")
    world.packs = forked(["runs", "pack", "store", "--to", "packed"], place).code == 0
    world.keep_as("warm")
    world.facts = facts_of(place / "store")
    _well(forked(training("tag", seed=2), place))
    (world.ids["half"],) = set(facts_of(place / "store")) - set(world.facts)
    world.facts |= facts_of(place / "store")


def _stop_half_way(world: World) -> None:
    """Make a tree with a run that was killed and has a state to go on from."""
    count = events_of(world, "warm tag", training("tag", seed=2), "warm")
    for number in range(int(count * 0.75), 0, -1):
        half = world.tree("warm")
        forked(training("tag", seed=2), half, fault=killed_at(number))
        if any((half / "store/runs").glob(".work-*/resume/resume-*/manifest.json")):
            world.keep_as("half")
            return
    raise SystemExit("no resume state was found after any kill")


def _counted(world: World, title: str, argv: Sequence[str], folder: Path, **options: Any) -> int:
    """Run a command unbroken and keep how many file-system events it has."""
    counter = world.root / "events"
    _well(forked(argv, folder, fault=count_into(counter), **options))
    world.events[title] = int(counter.read_text() or 0)
    return world.events[title]


def events_of(world: World, title: str, argv: Sequence[str], tree: str) -> int:
    """Return how many file-system events a command of a tree has, unbroken; counted at the first asking."""
    if title not in world.events:
        _counted(world, title, argv, world.tree(tree))
    return world.events[title]


def answer_of(world: World, argv: Sequence[str], tree: str, *, without: Sequence[str] = ()) -> str:
    """Return what a command prints in a tree, unbroken; `without` are ids of runs that its store lacks then."""
    key = json.dumps([tree, list(argv), sorted(without)])
    if key not in world.answers:
        folder = world.tree(tree)
        for run_id in without:
            shutil.rmtree(folder / "store/runs" / run_id)
        world.answers[key] = plain(_well(forked(argv, folder)), folder)
    return world.answers[key]


def plain(ended: Ended, folder: Path) -> str:
    """Return what a command printed, with no place of this machine in it."""
    return ended.out.replace(str(folder), "PLACE")


def _well(ended: Ended) -> Ended:
    if ended.code != 0:
        raise SystemExit(f"the unbroken command failed: {' '.join(ended.argv)}\n{ended.err[-2000:]}")
    return ended
