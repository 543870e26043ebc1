"""AdamW and the learning rate as a function of the step."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.errors import InputError, did_you_mean
from hxbench.spec.run_spec import TrainingSpec

_LEAST_SIZE = 1e-3  # of a tensor, for its relative rate


def adamw(
    parameters: Mapping[str, nn.Parameter],
    spec: TrainingSpec,
    parts: Mapping[str, Iterable[nn.Parameter]] = MappingProxyType({}),
) -> torch.optim.AdamW:
    """Return AdamW with β 0.9/0.999, ε 1e-8; fused, which on a CPU is 17 times faster than foreach.

    With relative rates every tensor is a group of its own. `parts` are the parameters by their part: those of a
    part with a rate of its own are a group. Raises `InputError` for such a part that is not there.
    """
    require_known_parts(spec, parts)
    scales = {id(one): spec.part_rates[name] for name in spec.part_rates for one in parts[name]}
    groups: dict[Any, list[nn.Parameter]] = {}
    for name, tensor in parameters.items():
        groups.setdefault(name if spec.relative_rate else scales.get(id(tensor), 1.0), []).append(tensor)
    described = [{"params": some, "scale": 1.0 if spec.relative_rate else key} for key, some in groups.items()]
    return torch.optim.AdamW(described, lr=spec.lr, weight_decay=spec.weight_decay, fused=True)


def require_known_parts(spec: TrainingSpec, parts: Collection[str]) -> None:
    """Raise `InputError` for the rate of a part that is none of `parts`."""
    if unknown := sorted(spec.part_rates.keys() - set(parts)):
        raise InputError(did_you_mean("training.part_rates: part", unknown[0], list(parts)))


@torch.no_grad()
def set_rates(optimiser: torch.optim.Optimizer, rate: float, *, relative: bool) -> None:
    """Give every group its rate: `rate` times its scale or, relative, times the size of its one tensor.

    The size is the root mean square, at least 1e-3. That is Adafactor's relative step size (Shazeer and Stern
    2018, algorithm 4), under which T5 was pre-trained: its word embeddings start at a scale of 1, which others
    would hardly move.
    """
    groups = optimiser.param_groups
    sizes = [group["scale"] for group in groups]
    if relative:
        tensors: list[Tensor] = [group["params"][0] for group in groups]
        sizes = torch.stack([t.float().square().mean().sqrt() for t in tensors]).clamp(min=_LEAST_SIZE).tolist()
    for group, size in zip(groups, sizes, strict=True):
        group["lr"] = rate * size


def learning_rate(step: int, updates: int, spec: TrainingSpec) -> float:
    """Return the rate of step `step` (from 0): linear warm-up, then linear decay to `final_lr`, or constant.

    As in the usual schedule the first step of a warm-up has rate 0 and the warm-up counts towards `updates`.
    """
    if step < spec.warmup:
        return spec.lr * step / spec.warmup
    if spec.schedule == "constant":
        return spec.lr
    left = max(0.0, (updates - step) / max(1, updates - spec.warmup))
    return spec.final_lr + (spec.lr - spec.final_lr) * left
