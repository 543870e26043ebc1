"""Some 1,900 faults, drawn by a seed: does a number change without a word, is a run lost, does a command hang?

    python benchmarks/faults.py
    python benchmarks/faults.py --kind kill --kind store --cases 200 --seed 3 --workers 2 --json
    python benchmarks/faults.py --case store:17 --seed 3 --keep here

Every case breaks one thing in a miniature of corpora, cache and store, runs real commands of hxbench on it and
looks at what they answer and leave. Right is the unbroken run's bytes (`equal`; `healed` where something was made
again), or exit code 2 with one sentence (`refused`). Bad is another number with exit code 0 (SILENT), a finished
run that is gone (LOST), a traceback or another exit code (UNEXPECTED) and a command without an end (HANG). Exit
code 1 when any case is bad; each is printed with the words that repeat it.
"""

import gc
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

sys.path.insert(0, str(Path(__file__).parent))

from fault_kinds import backbones, command, damage, data, environments, inputs, kills, stores, verdict
from fault_kinds.world import World, build

_MODULES = (kills, damage, stores, backbones, inputs, data, environments)
KINDS = {name: kind for module in _MODULES for name, kind in module.KINDS.items()}


def planned(kinds: Sequence[str], cases: int | None) -> list[tuple[str, int]]:
    """Return the cases, kinds mixed evenly; `cases` shares out so many of them by the kinds' weights."""
    weights = {kind: KINDS[kind][0] for kind in kinds}
    whole = sum(weights.values())
    counts = {
        kind: weight if cases is None else max(1, cases * weight // whole) for kind, weight in weights.items()
    }
    places = [((number + 0.5) / count, kind, number) for kind, count in counts.items() for number in range(count)]
    return [(kind, number) for _, kind, number in sorted(places)]


def tried(world: World, kind: str, number: int, seed: int) -> dict[str, Any]:
    """Try one case and return what became of it."""
    draw = random.Random(f"{seed} {kind} {number}")
    begun = time.monotonic()
    try:
        found = KINDS[kind][1](world, draw)
    except verdict.Bad as bad:
        found = bad.verdict
    except Exception:  # the benchmark's own mistake, or something that no kind foresaw
        found = verdict.Verdict(verdict.UNEXPECTED, f"the benchmark broke: {traceback.format_exc(limit=-3)}")
    seconds = round(time.monotonic() - begun, 2)
    words = f"python benchmarks/faults.py --case {kind}:{number} --seed {seed}"
    return {"kind": kind, "number": number, "verdict": found.word, "seen": found.seen, "command": list(found.argv),
            "seconds": seconds, "repeat": words}  # fmt: skip


def work(cases: Sequence[tuple[str, int]], seed: int, until: float, folder: Path, out: Path) -> None:
    """Try cases in a world of this process's own, a line each into `out`."""
    folder.mkdir(parents=True)
    world = build(folder)
    with out.open("w") as lines:
        for kind, number in cases:
            if time.monotonic() > until:
                break
            if kind == "packed" and not world.packs:
                row = {"kind": kind, "number": number, "verdict": "left out", "seen": "there is no `runs pack`"}
            else:
                row = tried(world, kind, number, seed)
            if row["verdict"] in verdict.BAD:
                print(f"{row['verdict']}  {row['repeat']}\n    {row['seen'][:300]}", file=sys.stderr, flush=True)
            lines.write(json.dumps(row) + "\n")
            lines.flush()
            world.clear()


def measure(
    cases: Sequence[tuple[str, int]], seed: int, minutes: float, workers: int, folder: Path
) -> list[dict[str, Any]]:
    """Try cases, shared out among forked workers; return a row a case, in the order of kinds and numbers."""
    command.import_everything()
    gc.freeze()
    until = time.monotonic() + 60 * minutes
    children = []
    for number in range(workers):
        place, out = folder / f"worker-{number}", folder / f"rows-{number}.jsonl"
        if workers == 1:
            work(cases, seed, until, place, out)
        elif (pid := os.fork()) == 0:
            code = 1
            try:
                work(cases[number::workers], seed, until, place, out)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        else:
            children.append(pid)
    if any(os.waitpid(pid, 0)[1] for pid in children):
        raise SystemExit("a worker of the benchmark itself has failed")
    rows = [
        json.loads(line) for path in sorted(folder.glob("rows-*.jsonl")) for line in path.read_text().splitlines()
    ]
    return sorted(rows, key=lambda row: ([*KINDS].index(row["kind"]), row["number"]))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return kinds × verdicts as text, with the cases that left files behind and the longest time."""
    words = [*verdict.GOOD, *verdict.BAD]
    heads = ["kind", "cases", *words, "left out", "litter", "longest"]
    lines = []
    for kind in [*dict.fromkeys(row["kind"] for row in rows), "all"]:
        some = [row for row in rows if kind in ("all", row["kind"])]
        counts = Counter(row["verdict"] for row in some)
        litter = sum("left behind" in row["seen"] for row in some if row["verdict"] in verdict.GOOD)
        longest = max((row.get("seconds", 0.0) for row in some), default=0.0)
        numbers = [len(some), *(counts[word] for word in words), counts["left out"], litter]
        lines.append([kind, *map(str, numbers), f"{longest:.0f} s"])
    widths = [max(len(line[n]) for line in [heads, *lines]) for n in range(len(heads))]
    first, *others = widths
    shown = [
        [line[0].ljust(first), *(cell.rjust(width) for cell, width in zip(line[1:], others, strict=True))]
        for line in [heads, *lines]
    ]
    return "\n".join("  ".join(line) for line in shown)


def main(
    minutes: Annotated[float, typer.Option(help="No case begins after so many minutes.")] = 30.0,
    cases: Annotated[int | None, typer.Option(help="So many cases, shared out among the kinds.")] = None,
    seed: Annotated[int, typer.Option(help="What the cases are drawn by.")] = 1,
    kind: Annotated[list[str] | None, typer.Option(help=f"Only these: {', '.join(KINDS)}.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case, as KIND:NUMBER.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes at a time.")] = 2,
    keep: Annotated[Path | None, typer.Option(help="Work in this new folder and leave it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every case as JSON.")] = False,
) -> None:
    """Break things, run hxbench on them, and print a table of what became of it."""
    if unknown := [
        one for one in [*(kind or ()), *(one.partition(":")[0] for one in case or ())] if one not in KINDS
    ]:
        raise SystemExit(f"unknown kind {unknown[0]}: {', '.join(KINDS)}")
    plan = planned(kind or [*KINDS], cases)
    if case:
        plan = [(one.partition(":")[0], int(one.partition(":")[2])) for one in case]
        workers = 1
    folder = keep or Path(tempfile.mkdtemp(prefix="hxbench-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    try:
        rows = measure(plan, seed, minutes, workers, folder)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    bad = [row for row in rows if row["verdict"] in verdict.BAD]
    if as_json:
        seconds = round(time.monotonic() - begun)
        print(json.dumps({"seed": seed, "planned": len(plan), "seconds": seconds, "cases": rows}))
    else:
        print(f"{len(rows)} of {len(plan)} cases, seed {seed}, {time.monotonic() - begun:.0f} s\n\n{table(rows)}")
        for row in bad:
            words = " ".join(row["command"])[:200]
            print(f"\n{row['verdict']}: {row['repeat']}\n  hxbench {words}\n  {row['seen'][:400]}")
        if case:
            print("\n".join(f"\n{row['verdict']}: {row['seen']}" for row in rows))
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(main)
