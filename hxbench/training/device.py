"""What a training runs on: its device and processes, and their memory."""

import contextlib
import ctypes
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)
_ATEN = torch.ops.aten
_PRODUCTS = {
    _ATEN.mm.default,
    _ATEN.addmm.default,
    _ATEN.bmm.default,
    _ATEN.baddbmm.default,
    _ATEN._scaled_dot_product_flash_attention_for_cpu.default,
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward.default,
}


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


def cpu_computes_bf16() -> bool:
    """Return whether torch has kernels for products in bf16 on this CPU: with AVX-512 or the like."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _Rounded(TorchDispatchMode):
    """Makes the products of bf16 tensors in fp32 and rounds each once, as hardware for bf16 does.

    Torch's own way without such hardware takes some thirty times as long. Sums are added up in another order.
    """

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _PRODUCTS or args[0].dtype != torch.bfloat16:
            return func(*args, **kwargs)
        wide = tree_map_only(torch.Tensor, torch.Tensor.float, (tuple(args), dict(kwargs)))
        made = func(*wide[0], **wide[1])
        if torch.is_tensor(made):
            return made.bfloat16()
        # the second of attention's two results, the logarithms of its sums, is in fp32 with hardware, too
        keeps_second = func is _ATEN._scaled_dot_product_flash_attention_for_cpu.default
        return tuple(one if keeps_second and at else one.bfloat16() for at, one in enumerate(made))


def rounded_products(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return a context for both passes: products in bf16 go through fp32 where a CPU has no kernels."""
    emulated = device.type == "cpu" and precision == "bf16" and not cpu_computes_bf16()
    return _Rounded() if emulated else contextlib.nullcontext()


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
