"""The losses of the last updates, left on the device until they are read.

To read a number is to wait for the device: with every update read, a GPU stands still while the processor prepares
the next one. On a CPU there is nothing to wait for, and every loss is read before its update.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from hxbench.errors import RunError
from hxbench.tasks.encoding.batch import Batch

EVERY = {"cpu": 1}  # so many updates are read together, by the kind of device
_ELSEWHERE = 10


class Losses(NamedTuple):
    """What one update is known by, over all processes."""

    loss: float
    error: float | None  # the cross-entropy in it (`Method.cross_entropy_in`)


class Unread:
    """What the updates since the last reading put down, of a training that goes on at update `step`."""

    def __init__(self, accelerator: Accelerator, step: int, points: Sequence[int], *, scaled: bool) -> None:
        """Read at every multiple of one of the `points`, and on a CPU at every update.

        With `scaled` losses a gradient may overflow: the scaler then skips the update by itself and scales less.
        """
        self._accelerator, self._step, self._scaled = accelerator, step, scaled
        self._points = (*points, EVERY.get(accelerator.device.type, _ELSEWHERE))
        self._batches: list[tuple[Batch, bool]] = []
        self._numbers: list[Tensor] = []  # [3] an update: loss, error, norm

    def due(self, step: int) -> bool:
        """Return whether the losses up to update `step`, counted from 1, are to be read."""
        return any(step % point == 0 for point in self._points)

    def add(self, batch: Batch, loss: Tensor, error: Tensor | None, norm: Tensor | None) -> None:
        """Keep an update's own loss [] and error [], and the norm [] of its gradient over all processes."""
        known = (loss, loss if error is None else error, loss.new_zeros(()) if norm is None else norm)
        self._batches.append((batch, error is not None))
        self._numbers.append(torch.stack([one.detach().to(loss.device, torch.float32) for one in known]))

    def read(self, stop: bool) -> tuple[list[Losses], bool]:
        """Return the losses that were not read yet, and whether any process is to `stop`.

        All processes do this together. Raises `RunError` naming the first batch whose loss or gradient is NaN or
        infinite.
        """
        asked = self._numbers[0].new_tensor([float(stop)])
        # one exchange for all of them; the norm is the same on every process
        mine = torch.cat([*self._numbers, asked])
        *numbers, stopping = self._accelerator.reduce(mine, "sum").tolist()
        losses = []
        for place, (batch, has_error) in enumerate(self._batches):
            loss, error, norm = numbers[3 * place : 3 * place + 3]
            self._require_finite(place, batch, loss, norm)
            losses.append(Losses(loss, error if has_error else None))
        self._step += len(losses)
        self._batches, self._numbers = [], []
        return losses, bool(stopping)

    def _require_finite(self, place: int, batch: Batch, loss: float, norm: float) -> None:
        for name, value in {"loss": loss, "gradient's norm": 0.0 if self._scaled else norm}.items():
            if not math.isfinite(value):
                rows, length = batch.input_ids.shape
                last = place == len(self._batches) - 1
                lost = "the update was not made" if last else "nothing was saved since"
                raise RunError(
                    f"the {name} is {value} at step {self._step + place}, batch {batch.task}-{batch.language} of "
                    f"{rows} x {length} tokens; {lost}."
                )
