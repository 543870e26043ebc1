"""The device and the processes a training runs on."""

from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState


def accelerator_in(precision: Literal["fp32", "bf16", "fp16"]) -> Accelerator:
    """Return the accelerator for whatever device and processes there are, in a precision."""
    AcceleratorState._reset_state(True)  # the precision of an earlier training in this process must not stick
    # without `cpu` the processes of `torchrun` on a machine without a GPU would not know of each other
    return Accelerator(
        cpu=not torch.accelerator.is_available(), mixed_precision="no" if precision == "fp32" else precision
    )
