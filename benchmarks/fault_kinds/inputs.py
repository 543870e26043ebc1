"""Recipes and command lines that nobody would write: each is understood or refused in one sentence, quickly."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_kinds.command import forked
from fault_kinds.values import odd, odd_word
from fault_kinds.verdict import EQUAL, REFUSED, Bad, Verdict, require_clean, require_kept
from fault_kinds.world import REPORTS, World, facts_of, training

_PLAN = ["--dry-run", "--json", "--data-source", "mirror", "--offline"]
_READERS: dict[str, list[list[str]]] = {
    "mine.yaml": [["cost", "mine.yaml", "--profile", "mini.yaml", "--json"]],
    "mini.yaml": [["run", "grid.yaml", "--profile", "mini.yaml", *_PLAN], REPORTS[0]],
    "grid.yaml": [["run", "grid.yaml", "--profile", "mini.yaml", *_PLAN], ["sweep", "grid.yaml", "--profile",
                   "mini.yaml", *_PLAN], ["report", "--experiment", "grid.yaml", "--profile", "mini.yaml"]],
    "mini-bert.yaml": [["cost", "mbert", "--backbone", "mini-bert.yaml", "--profile", "mini.yaml", "--json"],
                       ["run", "grid.yaml", "--profile", "mini.yaml", *_PLAN]],
}  # fmt: skip


def recipe(world: World, draw: random.Random) -> Verdict:
    """A recipe is changed; what cannot be meant is refused, and nothing is executed."""
    place = world.tree("warm")
    name = draw.choice([*_READERS])
    path = place / name
    what, must_refuse = draw.choice([_in_tree, _in_tree, _in_tree, _in_text, _in_text, _in_file])(path, draw)
    ended = forked(draw.choice(_READERS[name]), place, limit=30)
    try:
        done = require_clean(ended, quiet=False)
        if (place / "executed").exists():
            raise Bad("SILENT", "the recipe was executed")
        if done and must_refuse:
            raise Bad("SILENT", "taken as if it were right")
    except Bad as bad:
        raise bad.told(f"{name}: {what}") from None
    return Verdict(EQUAL if done else REFUSED, f"{name}: {what}")


def _in_tree(path: Path, draw: random.Random) -> tuple[str, bool]:
    import yaml

    tree = yaml.safe_load(path.read_text())
    value: Any = odd(draw)
    place, key = tree, draw.choice([*tree])
    while isinstance(place[key], dict) and place[key] and draw.random() < 0.7:
        place = place[key]
        key = draw.choice([*place])
    unknown = draw.random() < 0.2
    if unknown:
        key = draw.choice(["epoch", "x" * 5000, "\x1b[31m", "sede", "a\nb"])
    place[key] = value
    path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    return f"{str(key)[:30]!r} is {str(value)[:40]!r}", unknown and place is tree


def _in_text(path: Path, draw: random.Random) -> tuple[str, bool]:
    text = path.read_text()
    first = next(line for line in text.splitlines() if not line.startswith((" ", "-")))
    aliases = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
    ways = {
        "a repeated key": (text + first + "\n", True),
        "an alias cycle": (text + "options: &a {x: *a}\n", True),
        "many aliases": (f"a0: &a0 [x, x, x]\n{aliases}\n{text}", True),
        "a tag of Python": (text + "x: !!python/object/apply:os.system ['touch executed']\n", True),
        "a tab": (text.replace("\n", "\n\t", 1), True),
        "a list": ("[1, 2]\n", True),
        "a word": ("recipe\n", True),
        "nothing": ("", True),
        "two documents": (f"{text}---\n{text}", True),
        "deeply nested": (text + "x: " + "[" * 20_000 + "\n", True),
        "a merge key": (text + "<<: {about: other}\n", False),
        "10 MB": (text + f"x: {'y' * 10_000_000}\n", True),
        "10 MB of keys": (text + "".join(f"k{n}: {n}\n" for n in range(600_000)), True),
        "a control character": (text + 'x: "\x07"\n', True),
        "a huge number": (text + f"x: {'9' * 100_000}\n", True),
    }
    way = draw.choice([*ways, "flipped", "cut", "flipped"])
    if way == "flipped":
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        return way, False
    if way == "cut":
        path.write_bytes(path.read_bytes()[: draw.randrange(len(text))])
        return way, False
    path.write_text(ways[way][0])
    return way, ways[way][1]


def _in_file(path: Path, draw: random.Random) -> tuple[str, bool]:
    way = draw.choice(["fifo", "folder", "gone", "loop", "binary", "utf-16", "/dev/zero"])
    text = path.read_text()
    path.unlink()
    if way == "fifo":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "loop":
        path.symlink_to(path.name)
    elif way == "/dev/zero":
        path.symlink_to(way)
    elif way == "binary":
        path.write_bytes(draw.randbytes(2000))
    elif way == "utf-16":
        path.write_text(text, encoding="utf-16")
        return way, False
    return way, True


_WORDS = {
    "profile": ["mini.yaml"], "data_source": ["mirror"], "table": ["2", "6", "controls"], "figure": ["3", "5"],
    "paper": ["hyperx", "pha"], "task": ["pos", "ner", "rte"], "setting": ["single", "multi"],
    "language": ["br", "en"], "method": ["mbert", "hyperx-base"], "format": ["csv", "json", "html", "latex"],
    "seed": ["1", "2"], "to": ["out"], "out": ["out"], "k": ["2"], "file": ["in.txt", "in.conllu", "-"],
    "experiment": ["grid.yaml"], "name": ["grid.yaml"], "backbone": ["mini-bert.yaml", "body-bert"],
    "assign": ["training.updates=2", "options.bottleneck=2"], "on": ["local"], "split": ["test", "dev"],
    "suite": ["glue"], "partition": ["a"], "variant": ["paper", "code"], "workers": ["1"],
    "checkpoint_every": ["2"], "embedding": ["interpolate"], "state": ["done"], "draws": ["1"],
    "corpora": ["ud", "wikiann"], "store": ["store"], "kind": ["text", "conllu"], "form": ["tsv", "jsonl"],
    "budget": ["lora"], "examples": ["100"], "size": ["base"],
}  # fmt: skip
# a valid command of these would do the full work of a scale, or reach for the network
_BOUND = {
    "train": [*training("tag", "--store", "fresh")[2:]],
    "fewshot": ["--setting", "single", "--task", "pos", "--language", "br", "--k", "2", "--draws", "1",
                "--profile", "mini.yaml", "--data-source", "mirror", "--offline", "--workers", "1",
                "--store", "fresh", "--set", "training.updates=2"],
    "prepare": ["--profile", "mini.yaml", "--data-source", "mirror", "--offline"],
    "run": ["--profile", "mini.yaml", *_PLAN], "sweep": ["--profile", "mini.yaml", *_PLAN],
    "eval": ["--offline"], "predict": ["--offline"], "export": ["--offline"],
}  # fmt: skip
_OUR_OWN = {"--install-completion", "--show-completion"}


def command_line(world: World, draw: random.Random) -> Verdict:
    """Commands with options and words from a hat; no finished run suffers."""
    argv = _words(world, draw)
    place = world.tree("warm")
    ended = forked(argv, place, stdin=draw.choice([b"", b"y\n", b"Nova domo .\n", b"\xff\xfe\x00"]), limit=45)
    done = require_clean(ended, quiet=False)
    doomed = set(argv) if argv[:2] == ["runs", "rm"] else set()
    kept = {run: world.facts[run] for run in facts_of(world.root / "warm/store") if not _is_doomed(run, doomed)}
    require_kept(kept, facts_of(place / "store"))
    return Verdict(EQUAL if done else REFUSED)


def _is_doomed(run_id: str, words: set[str]) -> bool:
    return any(word and run_id.startswith(word) for word in words)


def _words(world: World, draw: random.Random) -> list[str]:
    import typer

    from hxbench.cli.app import app

    command: Any = typer.main.get_command(app)
    words: list[str] = []
    while hasattr(command, "commands"):
        if draw.random() < 0.03:
            words.append(odd_word(draw))
            break
        name = draw.choice([one for one in command.commands if one != "do"])
        words.append(name)
        command = command.commands[name]
    head, given = list(words), []
    for parameter in getattr(command, "params", []):
        is_argument = parameter.param_type_name == "argument"
        if draw.random() > (0.93 if is_argument else 0.25) or set(parameter.opts) & _OUR_OWN:
            continue
        value = _value(world, parameter.name, draw)
        if is_argument:
            words.append(value)
        elif parameter.is_flag if hasattr(parameter, "is_flag") else False:
            given.append(parameter.opts[-1])
        elif (
            words[0] in _BOUND
            and parameter.name in ("data_source", "profile", "on")
            and value in ("demo", "hub", "lab")
        ):
            continue
        else:
            given += [parameter.opts[0], value]
    if draw.random() < 0.05:
        given.append(odd_word(draw))
    return [*words, *_BOUND.get(head[0] if head else "", []), *given]


def _value(world: World, name: str, draw: random.Random) -> str:
    if draw.random() < 0.35:
        return odd_word(draw)
    if name in ("run", "runs"):
        return draw.choice([*world.ids.values(), "export"])[: draw.choice([1, 6, 12])]
    return draw.choice(_WORDS.get(name, ["x", "1"]))


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {
    "recipe": (200, recipe), "command": (230, command_line),
}  # fmt: skip
