"""Backbone folders made by others: tensors missing, foreign, misnamed, misshaped; absurd, cut, pickled files."""

import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_kinds.command import forked
from fault_kinds.verdict import REFUSED, Bad, Verdict, require_clean
from fault_kinds.world import World, training


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
        ["lacks", "foreign", "prefix", "misnamed", "reshaped", "longer", "scalar", "integers", "layer"]
    )
    if way == "lacks":
        del tensors[one]
    elif way == "foreign":
        tensors[draw.choice(["foreign.weight", f"{one}_2", "classifier.weight"])] = numpy.ones((3, 3), "float32")
    elif way == "prefix":
        tensors = {f"model.encoder.{name}": value for name, value in tensors.items()}
    elif way == "misnamed":
        tensors[one.replace("weight", "w").replace("bias", "b")] = tensors.pop(one)
    elif way == "reshaped":
        tensors[one] = tensors[one].reshape(1, 1, -1)
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
        (layers, draw.choice([1, 3, 0, -1, 10**7, None, 2.5, [2]])),
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


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {"backbone": (130, backbone)}
