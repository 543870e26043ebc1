"""What a training runs on: its device and processes, and their memory."""

import contextlib
import ctypes
import resource
import sys
from pathlib import Path
from typing import Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def accelerator_in(
    precision: Literal["fp32", "bf16", "fp16"], track: str = "", folder: Path | None = None
) -> Accelerator:
    """Return the accelerator for whatever device and processes there are, in a precision.

    A tracker (`track`) that writes files does so in `folder`.
    """
    AcceleratorState._reset_state(True)  # the precision of an earlier training in this process must not stick
    # without `cpu` the processes of `torchrun` on a machine without a GPU would not know of each other
    return Accelerator(
        cpu=not torch.accelerator.is_available(),
        mixed_precision="no" if precision == "fp32" else precision,
        log_with=track or None,
        project_dir=folder if track else None,
    )


def keep_freed_memory() -> bool:
    """Keep freed memory in this process instead of handing it back to the system; return whether that worked.

    The gradients of a generator of 75 M parameters are allocated and freed at every step. Left alone, the C
    library maps such blocks anew each time, and clearing their pages takes the system longer than the products
    that fill them. Only glibc has the knobs; elsewhere nothing changes. The process does not shrink any more.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def forget_peak() -> None:
    """Let `peak_memory` start anew: a process may do several runs."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):  # only Linux can
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return bytes: of the device where there is one, else the largest this process has been since `forget_peak`.

    Where the system cannot forget, that is since the process began.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
