"""The training loop, the same for every method: one page."""

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from hxbench.errors import Interrupted
from hxbench.methods.method import Method, seed_everything
from hxbench.processes import handling_stops
from hxbench.spec.run_spec import TrainingSpec
from hxbench.tasks.encoding.batch import Batch
from hxbench.training.checkpoint import ResumeStates
from hxbench.training.device import keep_freed_memory, rounded_products
from hxbench.training.optimiser import adamw, learning_rate, set_rates
from hxbench.training.unread import Unread

LOG_EVERY = 50
RECENT = 0.1  # of the updates: the end of a training, where a rate that falls to 0 lets the loss settle


@dataclass
class Progress:
    """The loop's numbers, all of which a resumed run goes on from."""

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    no_better: int = 0  # evaluations in a row without a better score
    wall_seconds: float = 0.0
    device_seconds: float = 0.0
    pieces: int = 0  # tokens trained on, padding left out; stored under this name
    history: list[dict[str, Any]] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)
    loss_sum: float = 0.0  # since the last line of the history
    live: int | None = None  # at the end: of entries at drawn places, how many ever had a gradient
    recent: list[float] = field(default_factory=list)  # `cross_entropy_in` the loss of each of the last updates

    def out_of_patience(self, spec: TrainingSpec) -> bool:
        """Return whether the training is over before its last update."""
        return spec.patience is not None and self.no_better >= spec.patience


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying from them; a second one dies."""
    seen: list[int] = []

    def note(number: int, frame: Any) -> None:
        if seen:
            signal.default_int_handler(number, frame)
        seen.append(number)

    with handling_stops(note):
        yield seen


def train(
    method: Method,
    batch_of: Callable[[int], Batch],
    updates: int,
    spec: TrainingSpec,
    seed: int,
    accelerator: Accelerator,
    resume: ResumeStates,
    *,
    evaluate: Callable[[], tuple[float | None, list[dict[str, Any]]]] | None = None,
    checkpoint_every: int | None = None,
    report: Callable[[int, float], None] = lambda step, loss: None,
) -> Progress:
    """Train `method` for `updates` steps and leave its best weights in it.

    `batch_of(t)` gives this process's rows of global batch t. `evaluate` returns the selection score (None keeps
    the last weights) and rows for the store. Every source of chance is a function of (seed, step), so a run
    resumed from any saved step ends with the numbers of an unbroken one. `spec.patience` evaluations in a row
    without a better score end the training early. Returns the numbers; raises `Interrupted` after saving when
    asked to stop, `RunError` on a non-finite loss, before anything is scored or saved with it.
    """
    if accelerator.device.type == "cpu":
        keep_freed_memory()
    parameters = method.trained()
    optimiser = adamw(parameters, spec, method.all_parts())
    stepper = accelerator.prepare(optimiser) if spec.precision == "fp16" else optimiser  # loss scaling
    now = Progress()
    best: dict[str, Tensor] | None = None
    if restored := resume.load(parameters, optimiser):
        now, best = Progress(**restored[0]), restored[1]
        method.take_state(restored[2])
    # device seconds: core-seconds on a CPU, wall seconds times devices on accelerators
    device_clock = time.process_time if accelerator.device.type == "cpu" else time.perf_counter
    wall_start = time.perf_counter() - now.wall_seconds
    device_start = device_clock() - now.device_seconds / accelerator.num_processes

    def clock() -> None:
        now.wall_seconds = time.perf_counter() - wall_start
        now.device_seconds = (device_clock() - device_start) * accelerator.num_processes

    def save() -> None:
        clock()
        if accelerator.is_main_process:
            numbers = {k: v for k, v in vars(now).items() if k != "step"}
            resume.save(now.step, parameters, optimiser, best, numbers, method.state())

    def note() -> None:
        clock()
        span = (now.step - 1) % LOG_EVERY + 1
        now.history.append(
            {
                "step": now.step,
                "loss": now.loss_sum / span,
                "lr": learning_rate(now.step - 1, updates, spec),
                "pieces": now.pieces,
                "seconds": round(now.wall_seconds, 3),
            }
        )
        now.loss_sum = 0.0

    save_every = checkpoint_every or spec.evaluate_every
    # what is noted, scored or saved has no loss before it that was not read
    points = (LOG_EVERY, spec.evaluate_every, save_every)
    unread = Unread(accelerator, now.step, points, scaled=spec.precision == "fp16")
    method.train()
    with _stop_signals() as stop:
        while now.step < updates and not now.out_of_patience(spec):
            batch = batch_of(now.step)
            seed_everything(seed, now.step, accelerator.process_index)  # dropout
            set_rates(optimiser, learning_rate(now.step, updates, spec), relative=spec.relative_rate)
            with rounded_products(accelerator.device, spec.precision):
                with accelerator.autocast():
                    loss = method(batch)
                accelerator.backward(loss)
            _sum_gradients(parameters, accelerator)
            norm = accelerator.clip_grad_norm_([p for p in parameters.values() if p.grad is not None], spec.clip)
            unread.add(batch, loss, method.cross_entropy_in(loss), norm)
            now.step += 1
            now.pieces += batch.tokens
            reads = unread.due(now.step) or now.step == updates
            read, stopping = unread.read(bool(stop)) if reads else ([], False)
            stepper.step()
            method.updated(now.step)
            stepper.zero_grad(set_to_none=True)

            for step, losses in enumerate(read, now.step - len(read) + 1):
                now.loss_sum += losses.loss
                if losses.error is not None:
                    now.recent.append(losses.error)
                    del now.recent[: -math.ceil(RECENT * updates)]
                if step % LOG_EVERY == 0 or step == updates:
                    note()
                report(step, losses.loss)
            due = now.step % spec.evaluate_every == 0 or now.step == updates
            if due and evaluate is not None:
                score, rows = evaluate()
                now.validation += [{**row, "step": now.step} for row in rows]
                if score is not None and (now.best_score is None or score > now.best_score):
                    now.best_score, now.best_step, now.no_better = score, now.step, 0
                    best = {name: p.detach().clone() for name, p in parameters.items()}
                else:
                    now.no_better += score is not None
                method.train()
            over = now.step == updates or now.out_of_patience(spec)
            if over and now.step % LOG_EVERY and now.step != updates:
                note()
            if stopping or over or now.step % save_every == 0:
                save()
            if stopping:
                raise Interrupted(stop[0] if stop else signal.SIGTERM, now.step)
        if stop:  # asked after the last exchange; that step is saved, and scoring is left to the next attempt
            raise Interrupted(stop[0], now.step)
    now.live = _live(method.drawn(), optimiser)
    if best is not None:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(best[name])
    else:
        now.best_step = now.step
    return now


def _live(drawn: Sequence[torch.nn.Parameter], optimiser: torch.optim.Optimizer) -> int | None:
    """Return how many entries ever had a gradient other than 0, by the optimiser's second moments; None of none.

    These are decaying sums of squares: one of them is 0 if all gradients were, or too small to be squared in fp32.
    """
    if not drawn:
        return None
    return sum(int(optimiser.state[p]["exp_avg_sq"].count_nonzero()) for p in drawn if p in optimiser.state)


def _sum_gradients(parameters: Mapping[str, torch.nn.Parameter], accelerator: Accelerator) -> None:
    """Add up the gradients of all processes; a homogeneous batch reaches the same parameters on each."""
    if accelerator.num_processes == 1:
        return
    reached = [p for p in parameters.values() if p.grad is not None]
    flat = accelerator.reduce(torch.cat([p.grad.flatten() for p in reached if p.grad is not None]), "sum")
    for parameter, gradient in zip(reached, flat.split([p.numel() for p in reached]), strict=True):
        parameter.grad = gradient.view_as(parameter)
