"""Seconds a training step of several methods, measured side by side in one process.

Every variant is timed on the same batches, round by round and in turns, so that drift of the machine cancels in
the ratios.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import nn

from hxbench.methods.method import Method


@dataclass
class Variant:
    """A form of the step, and how long its steps took.

    Batches are made for all variants at once; `sees` picks what this one is given of such an item.
    """

    about: str
    method: Method
    optimiser: torch.optim.Optimizer
    sees: Callable[[Any], Any] = lambda batch: batch
    bf16: bool = False
    forward: Callable[[Any], Any] | None = None  # the method, in another form
    reads_loss: bool = False  # every step, so that the processor waits for the device; the loop reads every tenth
    peak: int = 0  # most bytes of a GPU in a step, with all that stays on it meanwhile
    wall: list[float] = field(default_factory=list)  # seconds a step, one number a round
    cpu: list[float] = field(default_factory=list)  # of this process's threads together

    def step(self, batch: Any) -> None:
        """Take one training step, as the package's loop does."""
        with torch.autocast(batch.input_ids.device.type, torch.bfloat16, enabled=self.bf16):
            loss = (self.method if self.forward is None else self.forward)(batch)
        loss.backward()
        reached = [p for group in self.optimiser.param_groups for p in group["params"] if p.grad is not None]
        nn.utils.clip_grad_norm_(reached, 1.0)
        if self.reads_loss:
            loss.item()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)


def require_clock(device: str, clock: str) -> None:
    """Raise `BadParameter` for a device that is not there, or a clock that says nothing about it."""
    if device == "cuda" and not torch.cuda.is_available():
        raise typer.BadParameter("torch sees no CUDA device here.")
    if device == "cuda" and clock == "cpu":
        raise typer.BadParameter("processor time says nothing about a GPU: take the wall clock.")


def measure(
    variants: Mapping[str, Variant],
    items: Sequence[Any],
    *,
    warmup: int,
    repeat: int,
    longest: Any,
    shortened: Callable[[Any], Any],
    on_gpu: bool,
    before: Callable[[Variant], None] = lambda variant: None,
) -> Iterator[int]:
    """Time every variant in each round, on `repeat` items that all of them share; yield the rounds done.

    `longest` is the item to warm up on, `shortened` makes a batch small, `before` prepares a variant.
    """
    finish: Callable[[], None] = torch.cuda.synchronize if on_gpu else lambda: None
    for _ in range(warmup):
        for variant in variants.values():
            before(variant)
            variant.step(variant.sees(longest))
    for number, start in enumerate(range(0, len(items), repeat)):
        order = list(variants.values())
        order = order[number % len(order) :] + order[: number % len(order)]
        for variant in order:
            before(variant)
            seen = [variant.sees(item) for item in items[start : start + repeat]]
            # untimed: a variant shall not pay for having waited its turn while others used the caches, nor, on a
            # GPU, for lengths that it sees for the first time
            for batch in seen if on_gpu else [shortened(seen[0])]:
                variant.step(batch)
            finish()
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
            wall, cpu = time.perf_counter(), time.process_time()
            for batch in seen:
                variant.step(batch)
            finish()
            variant.wall.append((time.perf_counter() - wall) / repeat)
            variant.cpu.append((time.process_time() - cpu) / repeat)
            if on_gpu:
                variant.peak = max(variant.peak, torch.cuda.max_memory_allocated())
        yield number + 1


def summarise(variants: Mapping[str, Variant], clock: str, ratios_of: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return medians, and ratios of the variants that were measured: round by round, and of all the time."""
    seconds = {key: getattr(variant, clock) for key, variant in variants.items()}
    ratios = {}
    for over, under in ratios_of:
        if over in seconds and under in seconds:
            each = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
            ratios[f"{over} / {under}"] = {
                "median": statistics.median(each),
                "min": min(each),
                "max": max(each),
                "total": sum(seconds[over]) / sum(seconds[under]),
            }
    peak = {key: variant.peak for key, variant in variants.items() if variant.peak}
    return {"median": {key: statistics.median(s) for key, s in seconds.items()}, "ratios": ratios, "peak": peak}


def show(console: Console, found: Mapping[str, Any], variants: Mapping[str, Variant]) -> None:
    """Print seconds and ratios as two tables."""
    times = Table(title="Seconds a step", title_justify="left")
    times.add_column("")
    for name in ("median", "min", "max"):
        times.add_column(name, justify="right")
    for key, median in found["median"].items():
        seconds = found["seconds"][key][found["settings"]["clock"]]
        times.add_row(variants[key].about, *(f"{value:.4g}" for value in (median, min(seconds), max(seconds))))
    ratios = Table(title="Ratios of the same round, and of all rounds together", title_justify="left")
    ratios.add_column("")
    for name in ("median", "min–max", "together"):
        ratios.add_column(name, justify="right")
    for name, ratio in found["ratios"].items():
        span = f"{ratio['min']:.2f}–{ratio['max']:.2f}"
        ratios.add_row(name, f"{ratio['median']:.2f}", span, f"{ratio['total']:.2f}")
    console.print(times)
    console.print(ratios)
