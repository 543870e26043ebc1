"""Putting saved tensors into parameters."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hxbench.errors import InputError
from hxbench.printing import shortened


def fill(parameters: Mapping[str, nn.Parameter], saved: Mapping[str, Tensor], origin: str) -> None:
    """Put saved tensors into `parameters`; `InputError` when the names or shapes differ."""
    differences = (sorted(parameters.keys() - saved.keys()), sorted(saved.keys() - parameters.keys()))
    if any(differences):
        said = [
            f"{len(names)} {what}, such as {shortened(names[0], 120)}"
            for names, what in zip(differences, ("missing", "left over"), strict=True)
            if names
        ]
        raise InputError(f"{origin}: the weights do not fit this method (tensors {'; '.join(said)}).")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != saved[name].shape:
                raise InputError(
                    f"{origin}: {name} has shape {tuple(saved[name].shape)}, not {tuple(parameter.shape)}."
                )
            parameter.copy_(saved[name])
