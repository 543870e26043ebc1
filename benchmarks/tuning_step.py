"""Seconds and memory a training step of the methods of PET scaling: full, BitFit, LoRA, adapters, APET.

    python benchmarks/tuning_step.py --backbone bert-small --threads 1 --batch-size 16 --rounds 3
    python benchmarks/tuning_step.py --backbone sandbox-en-bert-base --length 24 --only bitfit,discrete --json

A step is forward, backward, clipping and fused AdamW on a backbone with random weights, every method on one of its
own, on random tokens: texts of one length, targets of two tokens or one class. An APET of single entries
(`discrete`) is held against BitFit, whose step any method has to take, and against whole tensors (`adjacent`).
Memory is the most that tensors take at once in a step, weights and the optimiser's state left out.
"""

import json
from typing import Annotated, Any, Literal

import numpy as np
import torch
import typer
from live_bytes import LiveBytes
from rich.console import Console
from rich.table import Table
from timing import Variant, measure, require_clock, show, summarise
from transformers import AutoConfig

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.shape import new_model, shape_of
from hxbench.errors import InputError
from hxbench.runs.assemble import build, with_options
from hxbench.spec import recipe
from hxbench.tasks.encoding.batch import Batch, collate
from hxbench.training.device import keep_freed_memory
from hxbench.training.optimiser import adamw

TASK = "rte"
METHODS: dict[str, tuple[str, list[str], str]] = {  # recipe, what is changed in it, what it is called
    "ft": ("pet-ft", [], "full fine-tuning"),
    "bitfit": ("pet-bitfit", [], "BitFit"),
    "lora": ("pet-lora", [], "LoRA"),
    "adapter": ("pet-adapter", [], "adapters"),
    "adjacent": ("apet", ["options.mode=adjacent"], "APET, whole tensors"),
    "adjacent-existing": ("apet", ["options.mode=adjacent", "options.places=existing"], "the same, existing"),
    "discrete": ("apet", ["options.mode=discrete"], "APET, single entries"),
    "discrete-existing": ("apet", ["options.mode=discrete", "options.places=existing"], "the same, existing"),
    "discrete-inserted": ("apet", ["options.mode=discrete", "options.places=inserted"], "the same, inserted"),
}
RATIOS = [
    *((name, "bitfit") for name in METHODS if name != "bitfit"),
    ("discrete", "adjacent"), ("discrete-existing", "adjacent-existing"), ("discrete", "ft"),
]  # fmt: skip


def make_backbone(name: str) -> Backbone:
    """Return a backbone of the shape of a recipe, with random weights."""
    spec = recipe.load("backbones", name)
    shape = dict(spec.shape) if spec.shape else shape_of(spec)
    family = family_of(shape["model_type"])
    if family.stacks == "encoder-decoder":
        shape.setdefault("decoder_start_token_id", 0)
    torch.manual_seed(0)
    return Backbone(new_model(AutoConfig.for_model(shape.pop("model_type"), **shape)), None, family)


def make_variant(name: str, backbone: str, budget: str, length: int, *, bf16: bool) -> Variant:
    """Return one of the methods on a backbone of its own, with its optimiser."""
    method, changes, about = METHODS[name]
    if method == "apet":
        changes = [*changes, f"options.budget={budget}"]
    spec = recipe.resolve(
        method, setting="single", task=TASK, backbone_name=backbone, profile="paper",
        assignments=[*changes, f"data.max_length={length}"],
    )  # fmt: skip
    made = build(with_options(spec), make_backbone(backbone))
    return Variant(about, made, adamw(made.trained(), spec.training), bf16=bf16)


def make_batches(count: int, size: int, length: int, backbone: Backbone) -> list[Batch]:
    """Return batches of random tokens; targets are two tokens a row, or a class."""
    rng = np.random.default_rng(0)
    vocabulary = backbone.model.config.vocab_size
    made = []
    for _ in range(count):
        sources = [rng.integers(4, vocabulary, length) for _ in range(size)]
        answers = [rng.integers(0, 2, 1) if backbone.chooses else rng.integers(4, vocabulary, 2) for _ in sources]
        made.append(collate(sources, answers, padding=0, task=TASK))
    return made


def memory_of(variant: Variant, batch: Batch) -> int:
    """Return the most bytes that tensors take at once in a step, its second, which makes no state any more."""
    variant.step(batch)
    with LiveBytes() as live:
        variant.step(batch)
    return live.peak


def show_memory(console: Console, memory: dict[str, int], variants: dict[str, Variant]) -> None:
    """Print the memory of every variant, and how it compares with the first."""
    table = Table(title="Most memory in a step", title_justify="left")
    table.add_column("")
    for name in ("MiB", f"of {variants[next(iter(memory))].about}"):
        table.add_column(name, justify="right")
    first = next(iter(memory.values()))
    for key, size in memory.items():
        table.add_row(variants[key].about, f"{size / 2**20:.1f}", f"{size / first:.2f}")
    console.print(table)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    backbone: Annotated[str, typer.Option(help="A backbone recipe; its shape is what counts.")] = "bert-small",
    budget: Annotated[str, typer.Option(help="Of the APETs: prompt, bitfit, lora, adapter or a number.")] = "lora",
    device: Annotated[Literal["cpu", "cuda"], typer.Option()] = "cpu",
    rounds: Annotated[int, typer.Option(min=1, help="Every round times every variant once.")] = 4,
    warmup: Annotated[int, typer.Option(min=0, help="Untimed rounds before.")] = 1,
    repeat: Annotated[int, typer.Option(min=0, help="Batches timed together [default: 1, cuda 8].")] = 0,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    length: Annotated[int, typer.Option(min=1, help="Tokens of a text.")] = 64,
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0 leaves torch's choice.")] = 0,
    only: Annotated[str, typer.Option(help="Variants, separated by commas [default: all].")] = "",
    bf16: Annotated[bool, typer.Option("--bf16", help="Forward and backward in bfloat16.")] = False,
    clock: Annotated[
        Literal["wall", "cpu"], typer.Option(help="cpu: processor time, for a machine shared with other work.")
    ] = "wall",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure seconds and memory a training step of the methods of PET scaling."""
    require_clock(device, clock)
    wanted = only.split(",") if only else list(METHODS)
    if unknown := set(wanted) - METHODS.keys():
        raise typer.BadParameter(f"no variant {sorted(unknown)[0]!r} (known: {', '.join(METHODS)}).")
    if device == "cpu":
        keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    repeat = repeat or (8 if device == "cuda" else 1)
    place = torch.device(device)
    try:
        variants = {name: make_variant(name, backbone, budget, length, bf16=bf16) for name in wanted}
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
    for variant in variants.values():
        variant.method.to(place).train()
    first = next(iter(variants.values())).method.backbone
    batches = [batch.to(place) for batch in make_batches(rounds * repeat, batch_size, length, first)]
    progress = Console(stderr=True)
    # one text of the batch is enough to bring a variant's weights back into the caches
    few = make_batches(1, 1, length, first)[0].to(place)
    for done in measure(
        variants, batches, warmup=warmup, repeat=repeat, longest=batches[0], shortened=lambda _: few,
        on_gpu=device == "cuda",
    ):  # fmt: skip
        progress.print(f"round {done} of {rounds}", style="dim")
    memory = {name: memory_of(variant, batches[0]) for name, variant in variants.items()}
    found: dict[str, Any] = {
        "settings": {
            "backbone": backbone, "budget": budget, "clock": clock, "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "batch_size": batch_size,
            "length": length, "rounds": rounds, "repeat": repeat, "warmup": warmup, "bf16": bf16,
        },
        "torch": torch.__version__,
        "seconds": {key: {"wall": variant.wall, "cpu": variant.cpu} for key, variant in variants.items()},
        "memory": memory,
        "trained": {name: variant.method.counted() for name, variant in variants.items()},
        **summarise(variants, clock, RATIOS),
    }  # fmt: skip
    if as_json:
        print(json.dumps(found, indent=1))
        return
    console = Console(width=100, highlight=False)
    console.print(
        f"{backbone} on {found['settings']['device']}, {found['settings']['threads']} threads, torch "
        f"{found['torch']}; batch {batch_size}, {length} tokens{', bf16' if bf16 else ''}, APETs of budget "
        f"{budget}. {clock} clock."
    )
    show(console, found, variants)
    show_memory(console, memory, variants)


if __name__ == "__main__":
    app()
