"""Seconds a training step of text-to-text methods: adapters with own weights, Hyperformer++, Hyperdecoder, PHA.

    python benchmarks/text_step.py --shape t5-base --threads 1 --batch-size 8 --rounds 2 --only pha,parallel
    python benchmarks/text_step.py --device cuda --batch-size 128 --rounds 20 --json

A step is forward, backward, clipping and fused AdamW on a T5 with random weights, on random tokens: source texts
of evenly spread lengths, targets of two tokens as labels have. Every batch comes twice, with the tasks of its rows
mixed and as one task. A generated method is held against adapters of the same sites and widths with own weights.
Ratios grow as batches shrink: what is generated depends on the number of tasks, or of rows, not on lengths.
"""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
import typer
from rich.console import Console
from timing import Variant, measure, require_clock, show, summarise
from transformers import T5Config

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.shape import new_model
from hxbench.methods.method import Method
from hxbench.runs.assemble import build, with_options
from hxbench.spec import recipe
from hxbench.tasks import suite_tasks
from hxbench.tasks.encoding.batch import MIXED, Batch, collate
from hxbench.training.device import keep_freed_memory
from hxbench.training.optimiser import adamw

TASKS = suite_tasks("glue")
END = 1  # of a text; the backbone has random weights, so any tokens will do
SMALL = {"d_model": 80, "d_kv": 20, "d_ff": 320, "num_layers": 2, "num_heads": 4, "vocab_size": 2000}
PROFILES = {"t5-base": "paper", "small": "demo"}
METHODS = {  # recipe and what is changed in it
    "adapters": ("shared-adapter", ["options.post_norm=true"]),
    "parallel": ("shared-adapter", ["options.placement=parallel", "options.train_norms=false"]),
    "hyperformer": ("hyperformer", []),
    "hyperdecoder": ("hyperdecoder", []),
    "pha": ("pha", []),
}
ABOUT = {
    "adapters": "own weights, after attention and FFN",
    "parallel": "own weights, parallel to FFN",
    "hyperformer": "Hyperformer++",
    "hyperdecoder": "Hyperdecoder",
    "pha": "PHA",
}
RATIOS = [
    (f"{over}{kind}", f"{under}{kind}")
    for over, under in [("hyperformer", "adapters"), ("hyperdecoder", "parallel"), ("pha", "parallel")]
    for kind in ("", "-mixed", "-bf16", "-mixed-bf16")
]


def make_backbone(shape: str) -> Backbone:
    """Return a T5 with random weights."""
    given = dict(recipe.backbone("t5-base").shape or {}) if shape == "t5-base" else SMALL
    given.pop("model_type", None)
    torch.manual_seed(0)
    return Backbone(new_model(T5Config(**{**given, "decoder_start_token_id": 0})), None, family_of("t5"))


def make_method(name: str, shape: str, backbone: Backbone) -> tuple[Method, torch.optim.Optimizer]:
    """Return one of the methods at the sizes of the profile that goes with a shape, and its optimiser."""
    method, changes = METHODS[name]
    if name == "parallel":  # as wide as those of the methods it is held against
        width = recipe.resolve(
            "pha", setting="multi", suite="glue", profile=PROFILES[shape], backbone_name="t5-base"
        )
        changes = [*changes, f"options.bottleneck={width.options['bottleneck']}", "options.activation=relu"]
    spec = recipe.resolve(
        method,
        setting="multi",
        suite="glue",
        profile=PROFILES[shape],
        backbone_name="t5-base",
        assignments=changes,
    )
    made = build(with_options(spec), backbone)
    return made, adamw(made.trained(), spec.training)


def make_batches(
    count: int, batch_size: int, shortest: int, longest: int, vocabulary: int
) -> list[dict[str, Any]]:
    """Return `count` items, each the same rows as a batch of many tasks and as one of a single task."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        lengths = rng.integers(shortest, longest + 1, batch_size)
        sources = [rng.integers(END + 1, vocabulary, length) for length in lengths]
        targets = [np.array([rng.integers(END + 1, vocabulary), END]) for _ in lengths]
        tasks = rng.integers(0, len(TASKS), batch_size).tolist()
        made.append(
            {
                MIXED: collate(sources, targets, tasks=tasks, padding=0),
                "one": collate(sources, targets, padding=0, task=TASKS[0]),
            }
        )
    return made


def first_rows(batch: Batch, rows: int = 2) -> Batch:
    """Return the first rows of a batch."""
    names = ("input_ids", "attention_mask", "tasks", "targets")
    first: dict[str, Any] = {name: getattr(batch, name)[:rows] for name in names}
    some = min(rows, batch.rows)
    return replace(batch, **first, count=int((first["targets"] >= 0).sum()), rows=some, own=some)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    shape: Annotated[
        Literal["t5-base", "small"], typer.Option(help="Of the backbone; small is a demo's.")
    ] = "t5-base",
    device: Annotated[Literal["cpu", "cuda"], typer.Option()] = "cpu",
    rounds: Annotated[int, typer.Option(min=1, help="Every round times every variant once.")] = 4,
    warmup: Annotated[int, typer.Option(min=0, help="Untimed rounds before, on the longest batch.")] = 1,
    repeat: Annotated[int, typer.Option(min=0, help="Batches timed together [default: 1, cuda 8].")] = 0,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    shortest: Annotated[int, typer.Option(min=1, help="Tokens of a source text.")] = 8,
    longest: Annotated[int, typer.Option(min=1, help="Tokens of a source text.")] = 64,
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0 leaves torch's choice.")] = 0,
    only: Annotated[str, typer.Option(help="Variants, separated by commas [default: all in fp32].")] = "",
    clock: Annotated[
        Literal["wall", "cpu"], typer.Option(help="cpu: processor time, for a machine shared with other work.")
    ] = "wall",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure seconds a training step of methods that generate adapters, and of adapters with own weights."""
    require_clock(device, clock)
    if shortest > longest:
        raise typer.BadParameter("--shortest is more than --longest.")
    if device == "cpu":
        keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    repeat = repeat or (8 if device == "cuda" else 1)
    kinds = {f"{name}{suffix}": name for suffix in ("", "-mixed", "-bf16", "-mixed-bf16") for name in METHODS}
    wanted = only.split(",") if only else [key for key in kinds if not key.endswith("-bf16")]
    if unknown := set(wanted) - kinds.keys():
        raise typer.BadParameter(f"no variant {sorted(unknown)[0]!r} (known: {', '.join(kinds)}).")
    place, backbone = torch.device(device), make_backbone(shape)
    methods = {name: make_method(name, shape, backbone) for name in dict.fromkeys(kinds[key] for key in wanted)}
    for method, _ in methods.values():
        method.to(place).train()
    variants = {}
    for key in wanted:
        method, optimiser = methods[kinds[key]]
        tasks, bf16 = MIXED if "-mixed" in key else "one", key.endswith("-bf16")
        about = ABOUT[kinds[key]] + (", tasks mixed" if "-mixed" in key else "") + (", bf16" if bf16 else "")
        variants[key] = Variant(about, method, optimiser, sees=lambda item, tasks=tasks: item[tasks], bf16=bf16)
    vocabulary = backbone.model.config.vocab_size
    made = make_batches(rounds * repeat, batch_size, shortest, longest, vocabulary)
    items = [{name: batch.to(place) for name, batch in item.items()} for item in made]
    progress = Console(stderr=True)
    widest = max(items, key=lambda item: item[MIXED].input_ids.shape[1])
    for done in measure(
        variants, items, warmup=warmup, repeat=repeat, longest=widest, shortened=first_rows,
        on_gpu=device == "cuda", before=lambda variant: variant.method.freeze(),  # all share one backbone
    ):  # fmt: skip
        progress.print(f"round {done} of {rounds}", style="dim")
    settings = {
        "shape": shape, "device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "clock": clock,
        "threads": torch.get_num_threads(), "batch_size": batch_size, "rounds": rounds, "repeat": repeat,
        "warmup": warmup, "shortest": shortest, "longest": longest, "tasks": len(TASKS),
    }  # fmt: skip
    found = {
        "settings": settings,
        "torch": torch.__version__,
        "seconds": {key: {"wall": variant.wall, "cpu": variant.cpu} for key, variant in variants.items()},
        **summarise(variants, clock, RATIOS),
    }
    if as_json:
        print(json.dumps(found, indent=1))
        return
    console = Console(width=100, highlight=False)
    console.print(
        f"{shape} shape on {settings['device']}, {settings['threads']} threads, torch {found['torch']}; batch "
        f"{batch_size}, sources of {shortest} to {longest} tokens, {len(TASKS)} tasks. {clock} clock."
    )
    show(console, found, variants)


if __name__ == "__main__":
    app()
