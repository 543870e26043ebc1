"""What surrounds a command: homes, streams, consoles, proxies, limits, rights; in a Python of its own."""

import os
import random
import resource
from collections.abc import Callable
from typing import Any

from fault_kinds.breaking import without_privileges
from fault_kinds.command import environment, forked, started
from fault_kinds.verdict import EQUAL, REFUSED, Bad, Verdict, judged_answer, require_clean, require_kept
from fault_kinds.world import REPORTS, World, answer_of, facts_of, plain, training

_MUST, _MAY, _EQUAL = "must refuse", "may refuse", "must be equal"
_HUB = ["train", "mbert", "--setting", "single", "--task", "pos", "--profile", "mini.yaml",
        "--data-source", "mirror", "--backbone", "google-bert/bert-base-multilingual-cased",
        "--workers", "1"]  # fmt: skip
_UD = ["prepare", "ud", "--profile", "lab", "--data-source", "hub"]
_NO_NETWORK = {"HF_HUB_OFFLINE": None, "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}

# variables that make no difference to what is read from the store, or are refused
_VARIABLES: list[tuple[dict[str, str | None], str]] = [
    ({"HOME": None}, _EQUAL), ({"HOME": "/proc/nothing"}, _EQUAL), ({"HOME": ""}, _EQUAL),
    ({"LC_ALL": "C"}, _EQUAL), ({"LC_ALL": "xx_YY"}, _EQUAL), ({"PYTHONUTF8": "0", "LC_ALL": "POSIX"}, _EQUAL),
    ({"COLUMNS": "0"}, _EQUAL), ({"COLUMNS": "-3"}, _EQUAL), ({"COLUMNS": "1000000"}, _EQUAL),
    ({"COLUMNS": "x"}, _EQUAL), ({"TERM": ""}, _EQUAL), ({"TERM": "dumb", "NO_COLOR": "1"}, _EQUAL),
    ({"PYTHONHASHSEED": "11"}, _EQUAL), ({"TMPDIR": "/proc/nothing"}, _EQUAL),
    ({"PYTHONIOENCODING": "cp1252"}, _MAY), ({"PYTHONIOENCODING": "ascii"}, _MAY),
    ({"PYTHONIOENCODING": "latin-1:strict"}, _MAY), ({"HXBENCH_DATA": "nowhere"}, _MAY),
    ({"HXBENCH_DATA": ""}, _MAY), ({"HXBENCH_CACHE": ""}, _MAY), ({"HXBENCH_CACHE": "in.txt"}, _MAY),
    ({"HXBENCH_CACHE": "/dev/null"}, _MAY), ({"HXBENCH_CACHE": "/proc/x"}, _MAY),
    ({"HXBENCH_STORE": "in.txt"}, _MUST), ({"HXBENCH_STORE": "/dev/null"}, _MUST),
    ({"OMP_NUM_THREADS": "0"}, _EQUAL), ({"OMP_NUM_THREADS": "x"}, _MAY), ({"WORLD_SIZE": "x"}, _MAY),
    ({"RANK": "x"}, _MAY), ({"HXBENCH_CACHE": "~/cache", "HOME": "."}, _EQUAL),
    ({"PYTHONWARNINGS": "error"}, _MAY), ({"HXBENCH_STORE": "~/store", "HOME": "."}, _EQUAL),
    ({"TRANSFORMERS_OFFLINE": "1"}, _EQUAL), ({"HF_HOME": "/proc/nothing"}, _EQUAL),
    ({"HF_ENDPOINT": "mirror.example"}, _MAY), ({"HF_DATASETS_OFFLINE": "1"}, _EQUAL),
    ({"ALL_PROXY": "socks5h://127.0.0.1:1"}, _EQUAL), ({"HTTPS_PROXY": "nonsense"}, _EQUAL),
]  # fmt: skip
# what reaches for the network, and must say so in one sentence
_REMOTE: list[tuple[list[str], dict[str, str | None]]] = [
    (_HUB, {"ALL_PROXY": "socks5h://127.0.0.1:1080"}), (_HUB, {"HTTPS_PROXY": "http://127.0.0.1:9"}),
    (_HUB, {"HF_ENDPOINT": "mirror.example"}), (_HUB, {"HF_ENDPOINT": "http://127.0.0.1:9"}),
    (_HUB, {"HF_ENDPOINT": ""}), (_HUB, {"TRANSFORMERS_OFFLINE": "1"}), (_HUB, {"HF_HUB_OFFLINE": "1"}),
    (_HUB, {"HF_HUB_OFFLINE": "x"}), (_UD, {"HXBENCH_UD_ENDPOINT": "mirror.example"}),
    (_UD, {"HXBENCH_UD_ENDPOINT": "http://127.0.0.1:9"}), (_UD, {"HXBENCH_UD_ENDPOINT": "ftp://x"}),
    (_UD, {"HXBENCH_UD_ENDPOINT": ""}), (_UD, {"HF_DATASETS_OFFLINE": "1"}),
    (_UD, {"HXBENCH_UD_ENDPOINT": "http://[::1"}), (_UD, {"ALL_PROXY": "socks5://127.0.0.1:9"}),
]  # fmt: skip


def environment_of(world: World, draw: random.Random) -> Verdict:
    """A command meets surroundings that its author did not have."""
    kind = draw.choices([_variable, _remote, _stream, _rights, _limit], [8, 3, 5, 3, 2])[0]
    return kind(world, draw)


def _commands(world: World) -> list[list[str]]:
    return [
        ["list", "methods"], REPORTS[0], REPORTS[0][:-2], ["runs", "list"], ["runs", "show", world.ids["text"]],
        ["predict", "export", "in.txt"], ["--version"], ["--help"], training("tag", seed=2),
    ]  # fmt: skip


def _variable(world: World, draw: random.Random) -> Verdict:
    changes, right = draw.choice(_VARIABLES)
    argv = draw.choice(_commands(world)[1:7] if right == _MUST else _commands(world))
    if right == _MUST and argv[0] in ("predict", "--version"):
        argv = ["runs", "list"]
    return _judged(world, argv, changes, right)


def _judged(world: World, argv: list[str], changes: dict[str, str | None], right: str, **options: Any) -> Verdict:
    what = f"{changes or ''} {options.pop('title', '')}".strip()
    trains = argv[0] == "train"
    whole = "" if trains or argv[0].startswith("--") else answer_of(world, argv, "warm")
    place = world.tree("warm")
    (place / "home").chmod(0o755)
    ended = started(argv, place, env=environment(**changes), **options)
    try:
        done = require_clean(ended, quiet=False)
        if done and right == _MUST:
            raise Bad("SILENT", "exit 0 where nothing can be right")
        if not done and right == _EQUAL:
            raise Bad("UNEXPECTED", f"refused without need: {ended.err[-300:]}")
        if done and trains:
            run_id = world.ids["half"]
            place_of = place / (changes.get("HXBENCH_STORE") or "store").replace("~/", "")
            require_kept({run_id: world.facts[run_id]}, facts_of(place_of))
        elif done and whole and right == _EQUAL and "COLUMNS" not in changes:
            judged_answer(ended, plain(ended, place), whole)
        if (place / "~").exists():
            raise Bad("LOST", "a folder named ~ was made")
    except Bad as bad:
        raise bad.told(what) from None
    return Verdict(EQUAL if done else REFUSED, what)


def _remote(world: World, draw: random.Random) -> Verdict:
    argv, changes = draw.choice(_REMOTE)
    place = world.tree("cold")
    ended = started(argv, place, env=environment(**{**_NO_NETWORK, **changes}))
    try:
        if require_clean(ended, quiet=False) and argv is _HUB:
            raise Bad("SILENT", "there is a network; the case says nothing")
    except Bad as bad:
        if bad.verdict.word == "SILENT":
            return Verdict(EQUAL, str(bad))
        raise bad.told(str(changes)) from None
    return Verdict(REFUSED, str(changes))


def _stream(world: World, draw: random.Random) -> Verdict:
    """A standard stream is closed, full, or its reader is gone."""
    which, how = draw.choice(["stdin", "stdout", "stderr"]), draw.choice(["closed", "full", "full", "gone"])
    argv = draw.choice(_commands(world)[:-1] + ([["predict", "export", "-"]] * 4 if which == "stdin" else []))
    place = world.tree("warm")
    options: dict[str, Any] = {}
    number = ("stdin", "stdout", "stderr").index(which)
    handle = None
    if how == "closed" or which == "stdin":
        options["preexec_fn"] = lambda: os.close(number)
    elif how == "full":
        handle = os.open("/dev/full", os.O_WRONLY)
        options[which] = handle
    else:
        reader, handle = os.pipe()
        os.close(reader)
        options[which] = handle
    ended = started(argv, place, **options)
    if handle is not None:
        os.close(handle)
    try:
        if which == "stderr" or (
            which == "stdout" and how == "gone"
        ):  # nobody hears a sentence: only the code counts
            if ended.code not in (0, 2):
                raise Bad("UNEXPECTED" if ended.code is not None else "HANG", f"exit code {ended.code}", ended)
            return Verdict(EQUAL if ended.code == 0 else REFUSED)
        done = require_clean(ended, quiet=False)
        if done and which == "stdout" and how == "full":
            raise Bad("SILENT", "exit 0 although nothing could be printed")
    except Bad as bad:
        raise bad.told(f"{which} {how}") from None
    return Verdict(EQUAL if done else REFUSED, f"{which} {how}")


def _rights(world: World, draw: random.Random) -> Verdict:
    """Store, cache or the folder itself cannot be written or read."""
    argv = draw.choice([*_commands(world)[1:6], training("tag", seed=2), training("tag", "--store", "fresh")])
    place = world.tree("warm")
    name, mode = draw.choice(["store", "cache", "store/runs", "cache/encoded", "."]), draw.choice([0o555, 0o000])
    before = facts_of(place / "store")
    (place / name).chmod(mode if name != "." else 0o555)
    ended = forked(argv, place, fault=without_privileges)
    (place / name).chmod(0o755)
    try:
        done = require_clean(ended, quiet=False)
        require_kept(before, facts_of(place / "store"))
    except Bad as bad:
        raise bad.told(f"{name} has the rights {mode:o}") from None
    return Verdict(EQUAL if done else REFUSED, f"{name} has the rights {mode:o}")


def _limit(world: World, draw: random.Random) -> Verdict:
    """Few open files, no right to keep what is made, or a working folder that is gone."""
    argv = draw.choice(_commands(world))
    way = draw.choice(["files", "umask", "folder"])

    def files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    def gone() -> None:
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")

    preexec = {"files": files, "umask": lambda: os.umask(0o777) and None, "folder": gone}[way]
    if way == "folder":
        argv = draw.choice([["list", "methods"], ["runs", "list"], ["--version"], REPORTS[0]])
    place = world.tree("warm")
    ended = started(argv, place, preexec_fn=preexec)
    try:
        done = require_clean(ended, quiet=False)
    except Bad as bad:
        raise bad.told(way) from None
    return Verdict(EQUAL if done else REFUSED, way)


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {"environment": (70, environment_of)}
