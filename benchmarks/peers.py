"""This package beside others: tokens a second, memory and seconds to the first update, of the same training.

    python benchmarks/peers.py --envs DIR --data-en DIR                  LoRA beside transformers and peft
    python benchmarks/peers.py --envs DIR --data-en DIR --data DIR       and on words, and MAD-X beside adapters
    python benchmarks/peers.py --envs DIR --data DIR --hyperx DIR --backbone mbert --only ours-hyperx,published

Each peer has an environment of its own, which is made once in the folder --envs; this package is the one at hand.
Data are SST-2 (`--data-en`, as the lab's mirror) and the parts of speech of English-EWT (`--data`); --hyperx is a
copy of github.com/ahmetustun/hyperx at dab35af, which is run as it is, on a Python of its time (--old-python). All
suites get the same texts, a backbone of one shape with random weights and a WordPiece learned on the spot, the
same numbers of texts a batch and of updates, and the same precision; the published Hyper-X pads to 256 by itself.
Every round starts each of them once, in turns and in a process of its own, so that drift of the machine meets all
alike. Plain is the form of a suite's examples, best the fastest that its trainer offers (see `peer_run.py`). That
one sorts by length among so many batches (39 of SST-2's 5,000 texts, 31 of 4,000 sentences), longest first: what
is counted covers them once. This package sorts a whole pass (`training.bucket`), and like the best forms pads to
the longest alone on a CPU (`training.pad_to`).
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from hxbench.backbones.shape import config_of, shape_of
from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.data.readers.conllu import read_conllu
from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.tasks import task_of

WORKER = Path(__file__).with_name("peer_run.py")
VOCABULARY = 8000  # of the WordPiece
LIBRARIES = ("torch", "transformers", "peft", "accelerate")
REQUIREMENTS = {
    "peft": [f"{name}=={version(name).partition('+')[0]}" for name in LIBRARIES],
    "adapters": ["adapters==1.3.0", f"torch=={version('torch').partition('+')[0]}", "accelerate"],
    # beside its own list, which has torch as a comment and leaves out what was of that age anyway
    "published": ["torch==1.10.0", "numpy<1.24", "setuptools<70"],
}


@dataclass(frozen=True)
class Variant:
    """One suite's training of a task in one of its forms."""

    suite: str
    about: str
    task: Literal["sst2", "pos"]
    form: Literal["plain", "best"] = "best"
    method: str = ""
    changes: tuple[str, ...] = ()


_MADX = ("options.language.updates=1", "options.language.warmup=0")  # the language adapter is frozen and not timed
VARIANTS = {
    "ours-lora": Variant("hxbench", "LoRA, ours", "sst2", method="pet-lora"),
    "peft-plain": Variant("peft", "LoRA, transformers and peft, plain", "sst2", "plain"),
    "peft-best": Variant("peft", "LoRA, transformers and peft, best", "sst2"),
    "ours-tag-lora": Variant("hxbench", "LoRA on words, ours", "pos", method="tag-lora"),
    "peft-tag-plain": Variant("peft", "LoRA on words, transformers and peft, plain", "pos", "plain"),
    "peft-tag-best": Variant("peft", "LoRA on words, transformers and peft, best", "pos"),
    "ours-madx": Variant("hxbench", "MAD-X, ours", "pos", method="madx", changes=_MADX),
    "adapters-plain": Variant("adapters", "MAD-X, adapters, plain", "pos", "plain"),
    "adapters-best": Variant("adapters", "MAD-X, adapters, best", "pos"),
    "ours-hyperx": Variant(
        "hxbench", "Hyper-X Base, ours", "pos", method="hyperx-base",
        changes=("training.mlm_languages=none", "data.max_length=256"),
    ),
    "published": Variant("published", "Hyper-X Base, as published", "pos"),
}  # fmt: skip
AIMS = {
    ("ours-lora", "peft-plain"): 3.0, ("ours-lora", "peft-best"): 1.2,
    ("ours-tag-lora", "peft-tag-plain"): 3.0, ("ours-tag-lora", "peft-tag-best"): 1.2,
    ("ours-madx", "adapters-plain"): 3.0, ("ours-madx", "adapters-best"): 1.2, ("ours-hyperx", "published"): 16.0,
}  # fmt: skip


def environment(suite: str, folder: Path, python: str, more: Sequence[str]) -> str:
    """Return the interpreter of a suite's environment, made on the spot; `InputError` when it cannot be made."""
    if suite == "hxbench":
        return sys.executable
    place, wanted = folder / suite, "\n".join([*REQUIREMENTS[suite], *more])
    ready, interpreter = place / "installed.txt", place / "bin" / "python"
    if ready.is_file() and ready.read_text() == wanted:
        return str(interpreter)
    shutil.rmtree(place, ignore_errors=True)
    steps = [[python, "-m", "venv", place], [interpreter, "-m", "pip", "install", "--quiet", *wanted.splitlines()]]
    if uv := shutil.which("uv"):  # finds what goes together in seconds, where the pip of an old Python takes hours
        more = ["--index-strategy", "unsafe-best-match", "--quiet", *wanted.splitlines()]
        steps = [
            [uv, "venv", "--quiet", "--python", python, place],
            [uv, "pip", "install", "--python", place, *more],
        ]
    for step in steps:
        try:
            done = subprocess.run(list(map(str, step)), capture_output=True, text=True)
        except OSError as error:
            raise InputError(f"{suite} is left out: {python} cannot be started ({error.strerror}).") from None
        if done.returncode:
            raise InputError(f"{suite} is left out: its environment cannot be installed ({last_words(done)}).")
    ready.write_text(wanted)
    return str(interpreter)


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line of a failed process that names its error, else its last one."""
    lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
    return next((line for line in reversed(lines) if "Error" in line.partition(":")[0]), lines[-1])


def copy_data(given: Path | None, names: Sequence[str], to: Path, option: str) -> None:
    """Copy what is trained on out of a mirror, and nothing else, so that nobody reads more."""
    for name in names if given else ():
        source = Path(given or "", name)
        if not source.exists():
            raise typer.BadParameter(f"{option}: there is no {name} in {given}.")
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, to / name)


def rows_in(data: Path) -> dict[str, list[Any]]:
    """Return the training rows of the tasks that are there: text and class, or words and classes."""
    rows: dict[str, list[Any]] = {}
    file = data / "glue/SST-2/train.tsv"
    if file.is_file():
        lines = [line.rsplit("\t", 1) for line in file.read_text(encoding="utf-8").splitlines()[1:]]
        rows["sst2"] = [[text, int(label)] for text, label in lines]
    for treebank in data.glob("ud-2.7/UD_English-EWT/*-train.conllu"):
        number = {tag: place for place, tag in enumerate(task_of("pos").labels)}
        rows["pos"] = [[row["words"], [number[tag] for tag in row["tags"]]] for _, row in read_conllu(treebank)]
    return rows


def make_backbone(name: str, rows: Mapping[str, list[Any]], folder: Path) -> None:
    """Write a backbone of a recipe's shape with random weights; in `old`, as libraries of before read one."""
    import torch
    from transformers import BertModel

    spec = recipe.load("backbones", name)
    shape = dict(spec.shape) if spec.shape else shape_of(spec)
    if shape["model_type"] != "bert":
        raise typer.BadParameter(f"--backbone {name}: the peers are compared on a BERT.")
    texts = [text if isinstance(text, str) else " ".join(text) for some in rows.values() for text, _ in some]
    tokenizer = train_wordpiece(texts, min(VOCABULARY, shape["vocab_size"]))
    torch.manual_seed(0)
    BertModel(config_of(shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    named = json.loads(file.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}  # every version knows it
    file.write_text(json.dumps(named))
    old = folder / "old"
    old.mkdir()
    shutil.copy(folder / "config.json", old)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (old / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
    (old / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))


def measured(job: Mapping[str, Any], python: str, work: Path) -> dict[str, float]:
    """Do one training in a process of its own, from an empty cache; return what it measured."""
    cache = work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    environment = {
        **os.environ, "HXBENCH_CACHE": str(cache), "OMP_NUM_THREADS": str(job["threads"]), "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false", **({"CUDA_VISIBLE_DEVICES": ""} if job["device"] == "cpu" else {}),
    }  # fmt: skip
    environment["PYTHONPATH"] = os.pathsep.join(sys.path) if job["suite"] == "hxbench" else ""
    (work / "job.json").write_text(json.dumps({**job, "started": time.time()}))
    words = [python, str(WORKER), str(work / "job.json")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=work)
    if done.returncode:
        raise InputError(
            f"{job['suite']} is left out: its training ended with {done.returncode} ({last_words(done)})."
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1]) if not job.get("prepare") else {}
    return found


def job_of(key: str, work: Path) -> dict[str, Any]:
    """Return what one variant has of its own."""
    one = VARIANTS[key]
    return {
        "suite": one.suite, "task": one.task, "form": one.form, "method": one.method, "changes": [*one.changes],
        "model": str(work / ("model/old" if one.suite == "published" else "model")),
        "rows": str(work / f"{one.task}.json"), "store": str(work / f"store-{key}"),
    }  # fmt: skip


def alternately(
    jobs: Mapping[str, Mapping[str, Any]], rounds: int, work: Path, envs: Path, old_python: str
) -> dict[str, list[dict[str, float]]]:
    """Return what the variants measured in each round; what cannot be installed or run is named and left out."""
    pythons: dict[str, str] = {}
    found: dict[str, list[dict[str, float]]] = {}

    def attempt(key: str, what: Callable[[], object]) -> None:
        try:
            what()
        except InputError as error:
            print(error, file=sys.stderr)
            found.pop(key, None)

    def ready(key: str) -> None:
        job = jobs[key]
        old = job["suite"] == "published"
        more = ["-r", f"{job['hyperx']}/requirements.txt"] if old else []
        pythons[key] = environment(job["suite"], envs, old_python if old else sys.executable, more)
        if job["suite"] == "hxbench":
            measured({**job, "prepare": True}, pythons[key], work)
        found[key] = []

    for key in jobs:
        attempt(key, partial(ready, key))
    for number in range(rounds):
        order = [*found]
        first = number % max(1, len(order))
        for key in order[first:] + order[:first]:
            attempt(key, lambda key=key: found[key].append(measured(jobs[key], pythons[key], work)))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def compare(found: Mapping[str, Sequence[Mapping[str, float]]]) -> list[dict[str, Any]]:
    """Return, for each pair that was measured, the ratio of the same rounds, its aim and whether it is reached."""
    rows = []
    for (ours, peer), aim in AIMS.items():
        if ours in found and peer in found:
            both = list(zip(found[ours], found[peer], strict=True))
            speed = [a["tokens_a_second"] / b["tokens_a_second"] for a, b in both]
            row = {"ours": ours, "peer": peer, "aim": aim, "median": statistics.median(speed)}
            row |= {"min": min(speed), "max": max(speed), "reached": statistics.median(speed) >= aim}
            for name in ("memory", "first"):
                row[name] = statistics.median(b[name] / a[name] for a, b in both)
            rows.append(row)
    return rows


def show(console: Console, found: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Print what was measured, the ratios, and where the peer is ahead."""
    table = Table(title="Medians over the rounds", title_justify="left")
    table.add_column("")
    for name in ("tokens/s", "tokens an update", "peak MiB", "first update, s"):
        table.add_column(name, justify="right")
    for key, rounds in found.items():
        of = {name: statistics.median(one[name] for one in rounds) for name in rounds[0] if name != "torch"}
        cells = (of["tokens_a_second"], of["tokens_an_update"], of["memory"] / 2**20, of["first"])
        table.add_row(VARIANTS[key].about, *(f"{value:,.{1 if value < 100 else 0}f}" for value in cells))
    console.print(table)
    rows = compare(found)
    if not rows:
        return
    ratios = Table(title="Ours against theirs, round by round (above 1: we are ahead)", title_justify="left")
    for name in ("", "tokens/s", "min–max", "aim", "memory", "first update"):
        ratios.add_column(name, justify="right" if name else "left")
    for row in rows:
        span, aim = f"{row['min']:.2f}–{row['max']:.2f}", f"{row['aim']:g}{'' if row['reached'] else ', missed'}"
        ratios.add_row(
            VARIANTS[row["peer"]].about,
            f"{row['median']:.2f}",
            span,
            aim,
            f"{row['memory']:.2f}",
            f"{row['first']:.2f}",
        )
    console.print(ratios)
    losses = [
        f"{what} of {VARIANTS[row['peer']].about} ({row[name]:.2f})"
        for row in rows
        for name, what in (("median", "the speed"), ("memory", "the memory"), ("first", "the first update"))
        if row[name] < 1
    ]
    console.print(f"We lose against {'; '.join(losses)}." if losses else "We lose nowhere.")


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    envs: Annotated[Path, typer.Option(help="Folder of the peers' environments, made once (some GB).")],
    data_en: Annotated[Path | None, typer.Option(help="Mirror of the English tasks: glue/SST-2.")] = None,
    data: Annotated[Path | None, typer.Option(help="Mirror with ud-2.7/UD_English-EWT and text/en.txt.")] = None,
    hyperx: Annotated[Path | None, typer.Option(help="Folder of the published Hyper-X.")] = None,
    old_python: Annotated[str, typer.Option(help="Of the published Hyper-X: 3.7 or 3.8.")] = "python3.8",
    backbone: Annotated[str, typer.Option(help="A backbone recipe; its shape is what counts.")] = "minilm-l6",
    only: Annotated[str, typer.Option(help="Variants, separated by commas [default: all with data].")] = "",
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    updates: Annotated[int, typer.Option(min=2)] = 49,
    warmup: Annotated[int, typer.Option(min=1, help="Updates that are not counted.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    max_length: Annotated[int, typer.Option(min=8, help="Tokens; Hyper-X has 256, as published.")] = 128,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    device: Annotated[Literal["cpu", "cuda"], typer.Option()] = "cpu",
    clock: Annotated[
        Literal["wall", "cpu"], typer.Option(help="cpu: processor time, for a machine shared with other work.")
    ] = "wall",
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Forward and backward in bfloat16; not as published.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure this package and its peers side by side."""
    wanted = only.split(",") if only else [*VARIANTS]
    if unknown := set(wanted) - VARIANTS.keys():
        raise typer.BadParameter(f"no variant {sorted(unknown)[0]!r} (known: {', '.join(VARIANTS)}).")
    if device == "cuda" and clock == "cpu":
        raise typer.BadParameter("processor time says nothing about a GPU: take the wall clock.")
    if warmup >= updates:
        raise typer.BadParameter("--warmup leaves no update to count.")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        copy_data(data_en, ["glue/SST-2"], work / "data", "--data-en")
        copy_data(data, ["ud-2.7/UD_English-EWT", "text/en.txt"], work / "data", "--data")
        rows = rows_in(work / "data")
        wanted = [key for key in wanted if VARIANTS[key].task in rows and (key != "published" or hyperx)]
        if not wanted:
            raise typer.BadParameter("nothing to measure: name --data-en, or --data (and --hyperx).")
        for task, some in rows.items():
            (work / f"{task}.json").write_text(json.dumps(some))
        try:
            make_backbone(backbone, rows, work / "model")
        except InputError as error:
            raise typer.BadParameter(str(error)) from None
        common = {
            "labels": len(task_of("pos").labels), "data": str(work / "data"), "updates": updates, "warmup": warmup,
            "batch_size": batch_size, "max_length": max_length, "threads": threads, "device": device, "bf16": bf16,
            "clock": clock, "hyperx": str(hyperx.resolve()) if hyperx else "",
        }  # fmt: skip
        jobs = {key: common | job_of(key, work) for key in wanted}
        found = alternately(jobs, rounds, work, envs.resolve(), old_python)
    if not found:
        raise typer.BadParameter("nothing was measured.")
    settings = {
        "backbone": backbone, "device": device, "threads": threads, "batch_size": batch_size, "updates": updates,
        "warmup": warmup, "max_length": max_length, "bf16": bf16, "clock": clock, "rounds": rounds,
    }  # fmt: skip
    if as_json:
        print(json.dumps({"settings": settings, "rounds": found, "ratios": compare(found)}, indent=1))
        return
    console = Console(width=100, highlight=False)
    console.print(", ".join(f"{name} {value}" for name, value in settings.items()))
    show(console, found)


if __name__ == "__main__":
    app()
