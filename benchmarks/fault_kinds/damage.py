"""Bits flipped and files cut, emptied, swapped and taken away: every kind of file the suite keeps."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from fault_kinds.command import forked
from fault_kinds.verdict import EQUAL, HEALED, REFUSED, Bad, Verdict, judged_answer, require_clean, require_kept
from fault_kinds.world import REPORTS, World, answer_of, facts_of, plain, training

_TEXT = (".json", ".yaml", ".jsonl")


def damaged(path: Path, draw: random.Random) -> str:
    """Damage a file and return what was done to it."""
    content = path.read_bytes()
    path.unlink()  # it may be a link to another's
    ways = ["bit", "bit", "cut", "empty", "zeros", "more", "swap", "gone"] + ["digit"] * 4 * (path.suffix in _TEXT)
    way = draw.choice(ways)
    place = draw.randrange(len(content)) if content else 0
    if way == "gone":
        return way
    if way == "swap" and (others := [p for p in sorted(path.parent.iterdir()) if p.suffix == path.suffix]):
        path.write_bytes(draw.choice(others).read_bytes())
    elif way == "digit" and (places := [n for n, byte in enumerate(content) if chr(byte) in "0123456789"]):
        place = draw.choice(places)
        digit = draw.choice([d for d in b"123456789" if d != content[place]])
        path.write_bytes(content[:place] + bytes([digit]) + content[place + 1 :])
    elif way == "cut":
        path.write_bytes(content[:place])
    elif way == "empty" or not content:
        path.write_bytes(b"")
    elif way == "zeros":
        size = draw.randint(1, 512)
        path.write_bytes(content[:place] + bytes(len(content[place : place + size])) + content[place + size :])
    elif way == "more":
        path.write_bytes(content + draw.randbytes(draw.randint(1, 64)))
    else:
        way = f"bit at {place}"
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :])
    return way


def _chosen(draw: random.Random, folder: Path, pattern: str) -> Path:
    paths = [path for path in sorted(folder.glob(pattern)) if path.is_file()]
    if not paths:
        raise SystemExit(f"nothing to damage: {pattern}")
    return draw.choice(paths)


def _told(verdict: Verdict, path: Path, place: Path, way: str) -> Verdict:
    return Verdict(verdict.word, f"{path.relative_to(place)}: {way}", verdict.argv)


def cache(world: World, draw: random.Random) -> Verdict:
    """A file of the cache is damaged; training again gives the unbroken run, or refuses."""
    place = world.tree("warm")
    folder = draw.choice(["corpora/*", "corpora/sums", "corpora/*", "encoded", "encoded", "backbones/*"])
    path = _chosen(draw, place / "cache", f"{folder}/*")
    before = path.read_bytes()
    if "corpora" in folder:  # which is read where nothing is encoded yet
        shutil.rmtree(place / "cache/encoded")
    way = damaged(path, draw)
    try:
        verdicts = [_trained(world, place, name) for name in _readers_of(path)]
    except Bad as bad:
        raise bad.told(f"{path.relative_to(place)}: {way}") from None
    healed = path.is_file() and path.read_bytes() == before
    return Verdict(REFUSED if REFUSED in verdicts else HEALED if healed else EQUAL, f"{path.name}: {way}")


def _readers_of(path: Path) -> Sequence[str]:
    """Return the trainings that may read a file of the cache."""
    if path.parent.name in ("rte", "cb"):
        return ("text",) if path.parent.name == "rte" else ("cb",)
    if path.parent.name in ("pos", "ner"):
        return ("tag",) if path.parent.name == "pos" else ("names",)
    return ("tag", "names", "made", "text", "cb")


def _trained(world: World, place: Path, name: str) -> str:
    ended = forked(training(name, "--store", "fresh"), place)
    if not require_clean(ended, quiet=False):
        return REFUSED
    run_id = world.ids[name]
    require_kept({run_id: world.facts[run_id]}, facts_of(place / "fresh"))
    return EQUAL


def stored(world: World, draw: random.Random) -> Verdict:
    """A file of a finished run is damaged; every reader shows the unbroken answer, or leaves it out by name."""
    place = world.tree("warm")
    name = draw.choice(["tag", "names", "made", "text", "cb"])
    run_id = world.ids[name]
    small = draw.random() < 0.7
    path = _chosen(draw, place / "store/runs" / run_id, "*" if small else "*/*")
    one, language = run_id[:8], [] if name in ("text", "cb") else ["--language", "br"]
    partial = [*REPORTS, ["runs", "list", "--json"]]
    alone = [
        ["runs", "show", one, "--json"],
        ["eval", one, "--json", "--data-source", "text/mirror" if name in ("text", "cb") else "mirror", *language],
        ["predict", one, "in.txt", "--language", "br"],
        ["export", one, "--language", "br", "--out", "out", "--json"],
    ][: 2 if name in ("text", "cb") else 3 if name in ("tag", "names") else 4]
    argv = draw.choice([*partial, *alone])
    whole = answer_of(world, argv, "warm")
    without = answer_of(world, argv, "warm", without=[run_id]) if argv in partial else None
    place = world.tree("warm")
    way = damaged(path, draw)
    seen = f"{path.name}: {way}"
    try:
        ended = forked(argv, place)
        verdict = judged_answer(ended, plain(ended, place), whole, without, run_id)
        require_kept({r: f for r, f in _facts_in(world, "warm").items() if r != run_id}, _others(place, run_id))
    except Bad as bad:
        raise bad.told(f"{seen}") from None
    return _told(verdict, path, place, way)


def _others(place: Path, run_id: str) -> dict[str, dict[str, str]]:
    """Return the facts of all runs of a store but one."""
    shutil.rmtree(place / "store/runs" / run_id, ignore_errors=True)
    return facts_of(place / "store")


def _facts_in(world: World, tree: str) -> dict[str, dict[str, str]]:
    here = {folder.name for folder in (world.root / tree / "store/runs").iterdir()}
    return {run: facts for run, facts in world.facts.items() if run in here}


def resumed(world: World, draw: random.Random) -> Verdict:
    """A file of an unfinished run is damaged; going on gives the unbroken run, or is refused."""
    place = world.tree("half")
    path = _chosen(
        draw, place / "store/runs" / f".work-{world.ids['half']}", draw.choice(["resume/*/*"] * 3 + ["*"])
    )
    way = damaged(path, draw)
    ended = forked(training("tag", seed=2), place)
    try:
        if not require_clean(ended, quiet=False):
            return Verdict(REFUSED, f"{path.name}: {way}")
        require_kept(_facts_in(world, "warm") | {world.ids["half"]: world.facts[world.ids["half"]]},
                     facts_of(place / "store"))  # fmt: skip
    except Bad as bad:
        raise bad.told(f"{path.name}: {way}") from None
    return Verdict(HEALED, f"{path.name}: {way}")


def exported(world: World, draw: random.Random) -> Verdict:
    """A file of an export, or of the backbone under it, is damaged; tagging gives the same tags or is refused."""
    argv = ["predict", "export", "in.txt"]
    whole = answer_of(world, argv, "warm")
    place = world.tree("warm")
    path = _chosen(draw, place, "export/*")
    way = damaged(path, draw)
    ended = forked(argv, place)
    try:
        return _told(judged_answer(ended, plain(ended, place), whole), path, place, way)
    except Bad as bad:
        raise bad.told(f"{path.name}: {way}") from None


def packed(world: World, draw: random.Random) -> Verdict:
    """A file of a packed store is damaged; reports from it are equal, or refuse, or name what is left out."""
    argv = [*draw.choice(REPORTS), "--store", "packed"]
    whole = answer_of(world, argv, "warm")
    place = world.tree("warm")
    path = _chosen(draw, place, "packed/**/*")
    way = damaged(path, draw)
    ended = forked(argv, place)
    seen = f"packed/{path.name}: {way}"
    checked = forked(["runs", "verify", "--store", "packed"], place)
    # exit code 1 says that something does not fit
    if checked.code != 1 and require_clean(checked) and way != "gone":
        raise Bad("SILENT", f"{seen}: verify finds nothing", checked)
    if require_clean(ended) and plain(ended, place) != whole and path.name not in ended.err:
        named = [run for run in world.ids.values() if run in ended.err]
        if not named:
            raise Bad("SILENT", f"{seen}: another report, and nothing is named", ended)
    return Verdict(EQUAL if ended.code == 0 else REFUSED, seen)


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {
    "cache": (170, cache), "stored": (190, stored), "resume": (60, resumed), "export": (40, exported),
    "packed": (60, packed),
}  # fmt: skip
