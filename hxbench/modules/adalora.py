"""What AdaLoRA needs of a training: its schedule, its penalty, and its state (Zhang et al., 2023)."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.errors import InputError
from hxbench.modules.wrapped import ADAPTER, Wrapped

_SCORES = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # of every entry, by the name of its tensor
_RANKS = "ranks"


def require_schedule(config: Any, updates: int) -> None:
    """Raise `InputError` for a configuration that keeps all ranks, or that a training is too short for."""
    if config.target_r >= config.init_r:
        raise InputError(
            f"AdaLoRA ends with fewer ranks than it begins with: target_r is {config.target_r}, "
            f"init_r {config.init_r}."
        )
    if config.tinit + config.tfinal >= updates:
        raise InputError(
            f"AdaLoRA's tinit and tfinal ({config.tinit} and {config.tfinal} updates) leave none of a training of "
            f"{updates}."
        )


def penalty(model: nn.Module) -> Tensor:
    """Return how far the matrices are from orthogonal ones, []: the mean of ‖PᵀP − I‖, over both of every module.

    As `peft` has it, which takes the norm where equation 4 of the paper squares it.
    """
    sides = [
        p if "lora_A" in name else p.T
        for name, p in model.named_parameters()
        if f"lora_A.{ADAPTER}" in name or f"lora_B.{ADAPTER}" in name
    ]
    return torch.stack(
        [torch.norm(p @ p.T - torch.eye(len(p), device=p.device, dtype=p.dtype)) for p in sides]
    ).mean()


def state_of(wrapped: Wrapped) -> dict[str, Tensor]:
    """Return the scores of all entries, and which ranks are kept, as tensors by name."""
    found = {
        f"{score}|{name}": tensor
        for score in _SCORES
        for name, tensor in getattr(wrapped.tuner.rankallocator, score).items()
    }
    ranks = wrapped.config.rank_pattern or {}
    return found | {f"{_RANKS}|{name}": torch.tensor(kept) for name, kept in ranks.items()}


def take_state(wrapped: Wrapped, state: Mapping[str, Tensor], device: torch.device) -> None:
    """Go on from what `state_of` returned."""
    groups: dict[str, dict[str, Tensor]] = {}
    for full, tensor in state.items():
        group, _, name = full.partition("|")
        groups.setdefault(group, {})[name] = tensor.to(device)
    for score in _SCORES:
        setattr(wrapped.tuner.rankallocator, score, groups.get(score, {}))
    wrapped.config.rank_pattern = {name: kept.tolist() for name, kept in groups.get(_RANKS, {}).items()} or None
