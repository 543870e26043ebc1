"""Processes that are killed, and disks that are full: nothing is lost and the same command makes it good."""

import contextlib
import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fault_kinds.breaking import full_from, in_a_write, killed_at
from fault_kinds.command import Fault, forked
from fault_kinds.verdict import EQUAL, HEALED, REFUSED, Bad, Verdict, require_clean, require_kept
from fault_kinds.world import REPORTS, World, events_of, facts_of, training

_FULLEST = 200_000  # bytes; larger than any file of the miniature but one


@dataclass(frozen=True)
class Work:
    """A command that writes: its words, the tree it works in, the runs it makes and where else it writes."""

    tree: str
    argv: tuple[str, ...]
    makes: tuple[str, ...] = ()  # runs, by their names in the world
    takes: tuple[str, ...] = ()
    out: str = ""


def works(world: World) -> dict[str, Work]:
    """Return the commands that are killed and robbed of their disk."""
    made, prepare = (
        world.ids["made"],
        ["prepare", "--profile", "mini.yaml", "--data-source", "mirror", "--offline"],
    )
    found = {
        "train a tagger": Work("cold", (*training("tag"),), ("tag",)),
        "train a hypernetwork": Work("cold", (*training("made"),), ("made",)),
        "train a prompt": Work("cold", (*training("text"),), ("text",)),
        "train with caches": Work("warm", (*training("tag", seed=2),), ("half",)),
        "go on": Work("half", (*training("tag", seed=2),), ("half",)),
        "prepare": Work("cold", (*prepare,)),
        "report": Work("warm", ("report", "--table", "2", "--profile", "mini.yaml", "--out", "out"), out="out"),
        "copy": Work("warm", ("runs", "copy", "--all", "--to", "out"), out="out"),
        "rm": Work("warm", ("runs", "rm", made, "--yes"), takes=("made",)),
        "export": Work("warm", ("export", made, "--language", "is", "--out", "out"), out="out"),
        "predict": Work("warm", ("predict", made, "in.txt", "--language", "is", "--out", "out"), out="out"),
    }
    if world.packs:
        found["pack"] = Work("warm", ("runs", "pack", "store", "--to", "out"), out="out")
    return found


def killed(world: World, draw: random.Random) -> Verdict:
    """A command is killed at a file-system event or in the middle of a write; then it is given again."""
    title, work = draw.choice([*works(world).items()])
    if draw.random() < 0.75:
        fault = killed_at(draw.randint(1, events_of(world, title, work.argv, work.tree)))
    else:
        fault = in_a_write(int(_FULLEST ** draw.random()), dies=True)
    _wanted(world, work)
    place = world.tree(work.tree)
    ended = forked(work.argv, place, fault=fault)
    if ended.code is not None and ended.code >= 0:
        require_clean(ended)
    if draw.random() < 0.5:  # what readers see between
        require_clean(forked(draw.choice([*REPORTS[:2], ["runs", "list"]]), place), quiet=False)
    return _again(world, work, place, ended.code == 0)


def full(world: World, draw: random.Random) -> Verdict:
    """Nothing more can be written from some moment on; the command refuses, and with room again it succeeds."""
    title, work = draw.choice([*works(world).items()])
    chance = draw.random()
    if chance < 0.2 and os.geteuid() == 0:
        _wanted(world, work)
        place = world.tree(work.tree)
        with _small_disk(place / draw.choice(["store", "cache"]), draw) as grow:
            if grow:
                done = require_clean(forked(work.argv, place), quiet=False)
                grow()
                return _again(world, work, place, done) if done else _after_refusal(world, work, place)
    fault: Fault
    if chance < 0.7:
        fault = full_from(draw.randint(1, events_of(world, title, work.argv, work.tree)))
    else:
        fault = in_a_write(int(_FULLEST ** draw.random()), dies=False)
    _wanted(world, work)
    place = world.tree(work.tree)
    done = require_clean(forked(work.argv, place, fault=fault), quiet=False)
    return _again(world, work, place, done) if done else _after_refusal(world, work, place)


def _after_refusal(world: World, work: Work, place: Path) -> Verdict:
    _again(world, work, place, False)
    return Verdict(REFUSED)


def _again(world: World, work: Work, place: Path, done: bool) -> Verdict:
    """Give the command again and look at everything that must be there then."""
    made_before = (place / "out").exists() and done
    if not done or not (work.takes or made_before):
        answer = forked(work.argv, place)
        if not require_clean(answer, may_fail=bool(work.takes), quiet=False) and "unknown run" not in answer.err:
            raise Bad("UNEXPECTED", f"given again it refuses: {answer.err[-300:]}", answer)
    kept = {run: facts for run, facts in world.facts.items() if run in facts_of(world.root / work.tree / "store")}
    wanted = kept | {world.ids[name]: world.facts[world.ids[name]] for name in work.makes}
    found = facts_of(place / "store")
    require_kept({run: wanted[run] for run in wanted if run not in {world.ids[n] for n in work.takes}}, found)
    if work.takes and world.ids[work.takes[0]] in found:
        raise Bad("LOST", "a run that was removed is there again")
    if work.out:
        _require_same(world, work, place)
    left = [path.name for path in _left_behind(place)]
    return Verdict(EQUAL if done else HEALED, f"left behind: {', '.join(left[:3])}" if left else "")


def _left_behind(place: Path) -> list[Path]:
    """Return what the files of dead processes are: temporary, thrown away, claimed, half-made."""
    marks = (".tmp", ".trash-", ".claim", ".clock-", ".work-", ".manifest")
    paths = [path for name in ("store", "cache", "out") for path in (place / name).rglob("*")]
    return [path for path in paths if any(mark in path.name for mark in marks)]


_outputs: dict[tuple[str, ...], dict[str, str]] = {}


def _wanted(world: World, work: Work) -> dict[str, str]:
    """Return what the unbroken command writes outside the store, by file; run at the first asking."""
    if work.out and work.argv not in _outputs:
        fresh = world.tree(work.tree)
        require_clean(forked(work.argv, fresh), may_fail=False)
        _outputs[work.argv] = _files(fresh / work.out)
    return _outputs.get(work.argv, {})


def _require_same(world: World, work: Work, place: Path) -> None:
    found, wanted = _files(place / work.out), _wanted(world, work)
    if lost := sorted(wanted.keys() - found.keys()):
        raise Bad("LOST", f"{work.out} lacks {lost[0]}")
    if changed := [name for name in wanted if found[name] != wanted[name]]:
        raise Bad("SILENT", f"{work.out}: {changed[0]} differs from the unbroken one")


def _files(path: Path) -> dict[str, str]:
    paths = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


@contextlib.contextmanager
def _small_disk(folder: Path, draw: random.Random) -> Iterator[Callable[[], object] | None]:
    """Put a folder on a disk with little room; the block gets what makes it grow, None where none can be had."""
    moved = folder.with_name(f"{folder.name}-moved")
    folder.rename(moved)
    folder.mkdir()
    room = sum(path.stat().st_size + 4096 for path in moved.rglob("*")) + draw.randint(8192, 300_000)
    command = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        folder.rmdir()
        moved.rename(folder)
        yield None
        return
    try:
        shutil.copytree(moved, folder, dirs_exist_ok=True)
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {
    "kill": (330, killed),
    "full": (150, full),
}
