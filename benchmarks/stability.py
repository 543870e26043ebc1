"""Why a training of Hyper-X collapses: gradients by part and the scale of what is generated, update by update.

    python benchmarks/stability.py --data-source MIRROR --lr 3e-4 --lr 1e-3
    python benchmarks/stability.py --data-source MIRROR --lr 1e-3 --warmup 200 --clip 0 --precision bf16
    python benchmarks/stability.py --data-source MIRROR --lr 1e-3 --slow generator=0.1 --slow projector=0.1

Hyper-X Base of the lab profile learns both tasks on small batches of the sources of partition a, drawn as a run
draws them but without raw text, with a rate that is constant after its warm-up. A row tells of the updates since
the row above, for each task: the mean loss, beside what a guess by label frequency would lose on the same batches,
and what the adapters add, relative to the feed-forward output that they add it to, in the layer and at the update
where it is largest. It ends with the last update: the norms of the gradients by part before clipping, and the root
mean square of the generated matrices (all layers).
`--slow PART=FACTOR` gives one part a rate of its own, as `training.part_rates` does: where that mends a collapse,
it comes from there.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import torch
import typer
from torch import Tensor

from hxbench.data.feed import Feed
from hxbench.data.sampling import Sampler
from hxbench.methods.hyperx import HyperX
from hxbench.methods.method import seed_everything
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.runs.assemble import build, with_options
from hxbench.runs.backbone import get_backbone
from hxbench.runs.data import RunData
from hxbench.runs.inputs import DataSource, resolve_inputs
from hxbench.runs.results import surprise
from hxbench.spec import recipe
from hxbench.spec.run_spec import TrainingSpec
from hxbench.spec.settings import Pair
from hxbench.training.optimiser import adamw, learning_rate, set_rates

_ENOUGH = 100_000  # updates, of which a few are made
PARTS = ("embeddings", "projector", "generator", "layer_norms", "heads")


def rms(tensor: Tensor) -> float:
    """Return the root mean square."""
    return float(tensor.detach().float().square().mean().sqrt())


@contextmanager
def adapters_watched() -> Iterator[list[float]]:
    """Collect, adapter by adapter, the size of what is added relative to what it is added to."""
    found: list[float] = []
    apply = BottleneckWeights.apply

    def watched(self: BottleneckWeights, hidden: Tensor) -> Tensor:
        out = apply(self, hidden)
        found.append(rms(out - hidden) / rms(hidden))
        return out

    BottleneckWeights.apply = watched  # type: ignore[method-assign]
    try:
        yield found
    finally:
        BottleneckWeights.apply = apply  # type: ignore[method-assign]


def opened(
    source: Path, tasks: list[str], seed: int, batch: int, length: int, backbone: str | None
) -> tuple[HyperX, Feed, Callable[[int], float]]:
    """Return the method as a run of the lab has it, its batches, and what frequencies lose on one of them."""
    data = {"max_length": length, "train_sentences": 600, "dev_sentences": 10, "test_sentences": 10}
    training = {"updates": _ENOUGH, "batch_size": batch, "bucket": 20}
    spec = recipe.resolve(
        "hyperx-base", setting="mixed", partition="a", profile="lab", seed=seed, backbone_name=backbone,
        assignments=[
            *(f"data.{name}={value}" for name, value in data.items()),
            *(f"training.{name}={value}" for name, value in training.items()),
        ],
    )  # fmt: skip
    corpora = DataSource("mirror", source).corpora(spec.data)
    spec, plan = resolve_inputs(with_options(spec), corpora)
    plan = replace(plan, train={pair: split for pair, split in plan.train.items() if pair.task in tasks}, mlm=())
    loaded = get_backbone(spec.backbone, offline=True)
    run = RunData(spec, plan, corpora, loaded)
    method = build(spec, loaded)
    assert isinstance(method, HyperX)
    sampler = run.sampler()
    assert isinstance(sampler, Sampler)
    feed = run.feed(sampler, torch.device("cpu"), (0, 1))
    known = {pair: surprise(rows, whole=False) for pair, rows in run.train.items()}

    def by_frequency(step: int) -> float:
        stream, chosen = sampler.batch(step)
        nats, tokens = known[Pair(stream.task, stream.language)]
        return float(nats[chosen].sum() / tokens[chosen].sum())

    return method, feed, by_frequency


def measured(
    method: HyperX, feed: Feed, by_frequency: Callable[[int], float],
    *, lr: float, warmup: int, clip: float, bf16: bool,
    updates: int, every: int, slow: dict[str, float], seed: int,
) -> Iterator[dict[str, float]]:  # fmt: skip
    """Train and yield a row now and then."""
    parts = {name: list(method.all_parts()[name]) for name in PARTS}
    everything = [p for some in parts.values() for p in some]
    training = TrainingSpec(lr=lr, warmup=warmup, schedule="constant", updates=updates + 1, part_rates=slow)
    optimiser = adamw({str(place): one for place, one in enumerate(everything)}, training, parts)
    since: dict[str, list[tuple[float, float, float]]] = defaultdict(list)  # of a task: loss, frequencies, added
    method.train()
    for step in range(updates + 1):
        batch = feed(step)
        seed_everything(seed, step, 0)
        set_rates(optimiser, learning_rate(step, updates + 1, training), relative=False)
        with adapters_watched() as added, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = method(batch)
        loss.backward()
        since[batch.task].append((float(loss.detach()), by_frequency(step), max(added)))
        if step % every == 0:
            norms = {
                name: float(torch.stack([p.grad.norm() for p in some if p.grad is not None]).norm())
                for name, some in parts.items()
            }
            with torch.no_grad():
                of = method.weights(method.condition(batch))
            weights: list[Any] = list(of.values())
            by_task: dict[str, float] = {}
            for task in sorted(since):
                losses, guesses, added_there = zip(*since[task], strict=True)
                by_task |= {f"{task} loss": fmean(losses), f"{task} frequencies": fmean(guesses)}
                by_task[f"{task} added"] = max(added_there)
            yield {
                "update": step, **by_task, **norms,
                "D": fmean(rms(one.down) for one in weights), "U": fmean(rms(one.up) for one in weights),
            }  # fmt: skip
            since.clear()
        if clip:
            torch.nn.utils.clip_grad_norm_(everything, clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def main(
    data_source: Annotated[Path, typer.Option(help="A mirror of the corpora of Hyper-X.")],
    lr: Annotated[list[float], typer.Option(help="A rate after the warm-up.")],
    warmup: Annotated[list[int], typer.Option(help="Updates until the rate is reached.")] = [20],  # noqa: B006
    clip: Annotated[float, typer.Option(help="The norm that gradients are clipped to; 0 clips none.")] = 1.0,
    precision: Annotated[
        Literal["fp32", "bf16"], typer.Option(help="bf16: the backbone under autocast.")
    ] = "fp32",
    slow: Annotated[list[str], typer.Option(help="A part and the factor of its rate: PART=FACTOR.")] = [],  # noqa: B006
    task: Annotated[list[str], typer.Option(help="What is learned.")] = ["ner", "pos"],  # noqa: B006
    updates: int = 250,
    every: int = 50,
    batch_size: int = 16,
    max_length: int = 48,
    seed: int = 1,
    backbone: Annotated[str | None, typer.Option(help="A backbone recipe; default: the lab's.")] = None,
) -> None:
    """Print what happens at each rate and warm-up, a row every so many updates."""
    torch.set_num_threads(1)
    factors = {part: float(factor) for part, _, factor in (one.partition("=") for one in slow)}
    if unknown := factors.keys() - {*PARTS}:
        raise typer.BadParameter(f"--slow names one of {', '.join(PARTS)}, not {unknown.pop()}.")
    for rate in lr:
        for warm in warmup:
            run = opened(data_source, task, seed, batch_size, max_length, backbone)
            said = {"lr": rate, "warmup": warm, "clip": clip, "precision": precision, "slow": factors}
            print(json.dumps(said), flush=True)
            rows = measured(
                *run, lr=rate, warmup=warm, clip=clip, bf16=precision == "bf16", updates=updates, every=every,
                slow=factors, seed=seed,
            )  # fmt: skip
            for row in rows:
                print("  " + " ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    typer.run(main)
