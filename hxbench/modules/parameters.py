"""Putting saved tensors into parameters."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hxbench.errors import InputError


def fill(parameters: Mapping[str, nn.Parameter], saved: Mapping[str, Tensor], origin: str) -> None:
    """Put saved tensors into `parameters`; `InputError` when the names or shapes differ."""
    if different := sorted(parameters.keys() ^ saved.keys()):
        raise InputError(f"{origin}: the weights do not fit this method (first difference: {different[0]}).")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != saved[name].shape:
                raise InputError(
                    f"{origin}: {name} has shape {tuple(saved[name].shape)}, not {tuple(parameter.shape)}."
                )
            parameter.copy_(saved[name])
