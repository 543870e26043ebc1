"""Stores and backbones made by others: wrong types, nested, huge, linked, misnamed, misshaped, pickled."""

import json
import os
import random
import shutil
import struct
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


def backbone(world: World, draw: random.Random) -> Verdict:
    """A backbone folder does not hold what it says; training refuses, and executes nothing."""
    kind, name = draw.choice([("bert", "tag"), ("t5", "text")])
    place = world.tree("warm")
    body = place / f"body-{kind}"
    (body / "manifest.json").unlink()
    what = draw.choice([_odd_weights, _odd_weights, _odd_config, _odd_config, _odd_tokenizer, _odd_files])(
        body, draw
    )
    ended = forked(training(name, "--backbone", body.name, "--store", "fresh"), place)
    try:
        if (place / "executed").exists() or (body / "executed").exists():
            raise Bad("SILENT", "code of the folder was executed", ended)
        if ended.code == 0:
            raise Bad("SILENT", "trained with a score", ended)
        require_clean(ended, quiet=False)
    except Bad as bad:
        raise bad.told(f"{kind}: {what}") from None
    return Verdict(REFUSED, f"{kind}: {what}")


def _odd_weights(body: Path, draw: random.Random) -> str:
    import numpy
    from safetensors.numpy import load_file, save_file

    path = body / "model.safetensors"
    tensors = load_file(path)
    of_body = [
        n for n in tensors if ".layer" in n or ".block." in n or "embeddings.word" in n or n == "shared.weight"
    ]
    one = draw.choice([name for name in of_body if "EncDecAttention.relative" not in name])
    way = draw.choice(
        ["lacks", "foreign", "prefix", "misnamed", "transposed", "longer", "scalar", "integers", "layer"]
    )
    if way == "lacks":
        del tensors[one]
    elif way == "foreign":
        tensors[draw.choice(["foreign.weight", f"{one}_2", "classifier.weight"])] = numpy.ones((3, 3), "float32")
    elif way == "prefix":
        tensors = {f"model.encoder.{name}": value for name, value in tensors.items()}
    elif way == "misnamed":
        tensors[one.replace("weight", "w").replace("bias", "b")] = tensors.pop(one)
    elif way == "transposed":
        tensors[one] = tensors[one].reshape(-1)
    elif way == "longer":
        tensors[one] = numpy.concatenate([tensors[one]] * 2)
    elif way == "scalar":
        tensors[one] = tensors[one].ravel()[:1]
    elif way == "integers":
        tensors[one] = numpy.zeros((2, 2, 2), "int64")
    else:
        mark = ".layer.1." if any(".layer.1." in name for name in tensors) and "block" not in one else ".block.1."
        tensors = {name: value for name, value in tensors.items() if mark not in name}
    save_file({name: numpy.ascontiguousarray(value) for name, value in tensors.items()}, path, {"format": "pt"})
    return f"{way} {one}"


def _odd_config(body: Path, draw: random.Random) -> str:
    path = body / "config.json"
    config = json.loads(path.read_text())
    bert = config["model_type"] == "bert"
    layers, heads, width = (
        ("num_hidden_layers", "num_attention_heads", "hidden_size")
        if bert
        else ("num_layers", "num_heads", "d_model")
    )
    wrong: list[tuple[str, Any]] = [
        (layers, draw.choice([1, 3, 0, -1, 10**7, "2", None, 2.5, [2]])),
        (heads, draw.choice([0, -1, 7, "x", 10**9])), (width, draw.choice([0, -1, 8, 31, 10**9, "x"])),
        ("vocab_size", draw.choice([0, -1, 10, 100_000, "x", 10**12])),
        ("model_type", draw.choice(["gpt2", "x", "", None, 3, ["bert"]])),
    ]  # fmt: skip
    if not bert:
        wrong += [("num_decoder_layers", draw.choice([1, 3, 0, -1, 10**7])), ("d_ff", draw.choice([0, 5, -1]))]
    name, value = draw.choice(wrong)
    config[name] = value
    path.write_text(json.dumps(config))
    return f"config.json: {name} {value!r}"


def _odd_tokenizer(body: Path, draw: random.Random) -> str:
    path = body / "tokenizer.json"
    way = draw.choice(["larger", "cut", "list", "empty", "gone", "other model"])
    tokenizer = json.loads(path.read_text())
    if way == "larger":
        tokenizer["added_tokens"] += [
            {**tokenizer["added_tokens"][0], "id": 5000 + n, "content": f"more{n}", "special": False}
            for n in range(9)
        ]
        vocabulary = tokenizer["model"]["vocab"]
        if isinstance(vocabulary, dict):
            vocabulary.update({f"more{n}": 5000 + n for n in range(9)})
        else:
            vocabulary += [[f"more{n}", -9.0] for n in range(5000)]
    elif way == "other model":
        tokenizer["model"] = {"type": "Nothing"}
    text = {"list": "[1, 2]", "empty": ""}.get(way, json.dumps(tokenizer))
    path.write_text(text[: len(text) // 2] if way == "cut" else text)
    if way == "gone":
        path.unlink()
    return f"tokenizer.json: {way}"


class _Executed:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("executed", "w"))


def _odd_files(body: Path, draw: random.Random) -> str:
    import pickle

    weights, config = body / "model.safetensors", body / "config.json"
    content = weights.read_bytes()
    way = draw.choice(
        ["pickle", "cut", "header", "config cut", "config list", "no config", "remote code", "no weights"]
    )
    if way == "pickle":
        weights.unlink()
        (body / "pytorch_model.bin").write_bytes(pickle.dumps(_Executed()))
    elif way == "cut":
        weights.write_bytes(content[: draw.randrange(len(content))])
    elif way == "header":
        weights.write_bytes(struct.pack("<Q", 2**40) + content[8:])
    elif way == "config cut":
        config.write_bytes(config.read_bytes()[: draw.randrange(100)])
    elif way == "config list":
        config.write_text("[1, 2]")
    elif way == "no config":
        config.unlink()
    elif way == "remote code":
        told = json.loads(config.read_text()) | {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}
        config.write_text(json.dumps(told))
        (body / "mine.py").write_text("open('executed', 'w')\n")
    else:
        weights.unlink()
    return way


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {
    "store": (200, store), "backbone": (130, backbone),
}  # fmt: skip
