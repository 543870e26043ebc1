"""Stores made by others: wrong types, nested, huge, linked, copied, with claims from nowhere."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_kinds.command import forked
from fault_kinds.values import odd
from fault_kinds.verdict import EQUAL, REFUSED, Bad, Verdict, judged_answer, require_clean, require_kept
from fault_kinds.world import REPORTS, World, answer_of, facts_of, plain, training

_SECRET = "a line that lies outside the store"


def store(world: World, draw: random.Random) -> Verdict:
    """One run of a store is somebody else's work; every reader leaves it out by name, and no other run suffers."""
    name = draw.choice(["tag", "names", "made", "text"])
    run_id = world.ids[name]
    argv = draw.choice(
        [*REPORTS, ["runs", "list", "--json"], ["runs", "list"], ["runs", "show", run_id[:6]],
         ["runs", "show", run_id], ["runs", "rm", run_id, "--yes"], ["runs", "copy", "--all", "--to", "out"],
         ["eval", run_id, "--offline"], ["runs", "copy", run_id, "--to", "out"], training(name)]
    )  # fmt: skip
    readers = argv[:2] == ["runs", "list"] or argv[0] == "report"
    whole = answer_of(world, argv, "warm") if readers else ""
    without = answer_of(world, argv, "warm", without=[run_id]) if readers else ""
    place = world.tree("warm")
    (place / "outside").mkdir()
    (place / "outside/secret.txt").write_text(_SECRET)
    what = _made_hostile(place / "store/runs" / run_id, draw, place)
    ended = forked(argv, place)
    try:
        done = require_clean(ended, quiet=False)
        _require_harmless(world, place, run_id)
        if not done or not readers:
            return Verdict(EQUAL if done else REFUSED, what)
        return Verdict(judged_answer(ended, plain(ended, place), whole, without, run_id).word, what)
    except Bad as bad:
        raise bad.told(f"{what}") from None


def _require_harmless(world: World, place: Path, run_id: str) -> None:
    """Raise where another run has changed, or something outside the store was read or removed."""
    if not (place / "outside/secret.txt").is_file():
        raise Bad("LOST", "a file outside the store was removed")
    for path in (place / "out").rglob("*"):
        if path.is_file() and _SECRET in path.read_bytes().decode(errors="replace"):
            raise Bad("SILENT", f"a file outside the store was copied to {path.name}")
    kept = {
        run: world.facts[run] for run in (world.ids[n] for n in ("tag", "names", "made", "text")) if run != run_id
    }
    hostile = place / "store/runs" / run_id
    if hostile.is_symlink():
        hostile.unlink()
    shutil.rmtree(hostile, ignore_errors=True)
    for path in (place / "store/runs").iterdir():
        if path.is_symlink():
            path.unlink()
    require_kept(kept, facts_of(place / "store"))


def _made_hostile(run: Path, draw: random.Random, place: Path) -> str:
    """Change a run into something its reader does not expect; return what it is now."""
    ways: dict[str, Callable[[], str]] = {
        "field": lambda: _odd_field(run, draw), "file": lambda: _odd_file(run, draw),
        "place": lambda: _odd_place(run, draw, place), "claim": lambda: _odd_claim(run, draw),
    }  # fmt: skip
    return ways[draw.choices([*ways], [6, 2, 3, 1])[0]]()


def _odd_field(run: Path, draw: random.Random) -> str:
    import yaml

    name = draw.choice(
        ["spec.yaml", "spec.yaml", "status.json", "metrics.jsonl", "provenance.json", "history.jsonl"]
    )
    value, path = odd(draw), run / name
    if name == "spec.yaml":
        tree = yaml.safe_load(path.read_text())
        where = _put(tree, value, draw)
        path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=draw.random() < 0.5))
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        where = _put(draw.choice(rows), value, draw)
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
    else:
        tree = json.loads(path.read_text())
        where = _put(tree, value, draw)
        path.write_text(json.dumps(tree, default=str))
    return f"{name}: {where} is {str(value)[:40]!r}"


def _put(tree: Any, value: object, draw: random.Random) -> str:
    """Put a value somewhere into a tree, or take something out; return where."""
    if isinstance(tree, list):
        if not tree:
            return "an empty list"
        place: Any = draw.randrange(len(tree))
    elif isinstance(tree, dict) and tree:
        place = draw.choice([*tree])
    else:
        return "nothing"
    if isinstance(tree[place], dict | list) and tree[place] and draw.random() < 0.7:
        return f"{place}.{_put(tree[place], value, draw)}"
    if draw.random() < 0.15:
        del tree[place]
        return f"{place} (gone)"
    tree[place] = value
    return str(place)


def _odd_file(run: Path, draw: random.Random) -> str:
    path = run / draw.choice(["spec.yaml", "status.json", "metrics.jsonl", "provenance.json", "sentences.parquet"])
    path.unlink()
    way = draw.choice(["deep", "deep yaml", "huge", "fifo", "link", "loop", "folder", "binary", "null", "aliases"])
    if way == "deep":
        path.write_text("[" * 100_000)
    elif way == "deep yaml":
        path.write_text("{a: " * 3000 + "1" + "}" * 3000)
    elif way == "huge":
        path.write_text('{"state": "done", "a": "' + "x" * 12_000_000 + '"}')
    elif way == "fifo":
        os.mkfifo(path)
    elif way == "link":
        path.symlink_to(run.parents[2] / "outside/secret.txt")
    elif way == "loop":
        path.symlink_to(path.name)
    elif way == "folder":
        path.mkdir()
    elif way == "null":
        path.write_text("null\n")
    elif way == "aliases":
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_bytes(draw.randbytes(400))
    return f"{path.name}: {way}"


def _odd_place(run: Path, draw: random.Random, place: Path) -> str:
    way = draw.choice(["copied", "renamed", "link inside", "link away", "odd name", "file", "runs in runs"])
    if way == "copied":  # the original is there too, and only it is a run
        shutil.copytree(run, run.with_name("ffffffffffff"))
    elif way == "renamed":
        run.rename(run.with_name("eeeeeeeeeeee"))
        shutil.copytree(run.with_name("eeeeeeeeeeee"), run)
        (run / "status.json").unlink()
    elif way == "link inside":
        (run / "notes").symlink_to(place / "outside")
        (run / "secret.txt").symlink_to(place / "outside/secret.txt")
    elif way == "link away":
        run.rename(place / "outside" / run.name)
        run.symlink_to(place / "outside" / run.name)
    elif way == "odd name":
        shutil.copytree(run, run.with_name(draw.choice(["\x1b[31mred", "a\nb", "=1+1", "ü" * 80, "..x", "-rf"])))
    elif way == "file":
        shutil.rmtree(run)
        run.write_text("no folder")
    else:
        shutil.copytree(run, run / "runs" / run.name)
    return f"the folder: {way}"


def _odd_claim(run: Path, draw: random.Random) -> str:
    said = {"host": odd(draw), "machine": odd(draw), "pid": draw.choice([0, -1, 10**30, "1", None, odd(draw)])}
    claim = run.with_name(f".claim-{run.name}")
    claim.write_text(json.dumps(said | {"token": odd(draw)}, default=str))
    os.utime(claim, (0, 0) if draw.random() < 0.5 else (4e9, 4e9))
    return f"a claim of process {str(said['pid'])[:30]}"


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {"store": (200, store)}
