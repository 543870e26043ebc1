"""Resume states and trained weights: safetensors and JSON, every folder with a SHA-256 manifest.

A resume state is a folder `resume-<step>` that becomes visible in one rename and holds everything a run needs to
go on as if it had not been stopped: trained tensors, optimiser moments, the best tensors, the loop's numbers.
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.modules.parameters import fill
from hxbench.system_errors import writing

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_PROMPT = "soft.embedding.weight"


def save_weights(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write the trained tensors and their manifest into `folder`, replacing what is there in one rename."""
    with writing(folder):
        temporary = _temporary(folder.parent, folder.name)
        save_file(_on_cpu(tensors), temporary / "model.safetensors")
        (temporary / "model.safetensors").chmod(0o644)  # the library makes it its owner's alone
        manifest.write(temporary)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)


def read_weights(folder: Path, wanted: Collection[str] = ()) -> dict[str, Tensor]:
    """Return saved tensors by name; `InputError` when there are none or a file is damaged.

    `wanted` are the names that their reader has: names of before are read as these.
    """
    if not manifest.is_complete(folder):
        raise InputError(f"{folder} holds no complete checkpoint.")
    manifest.verify(folder)
    return under_names_of_now(load_file(folder / "model.safetensors"), wanted)


def under_names_of_now(saved: Mapping[str, Tensor], wanted: Collection[str]) -> dict[str, Tensor]:
    """Return saved tensors with those renamed that `wanted` has under another name than earlier versions had.

    What was tuned stood under `tuning`, virtual tokens were `tuning.tokens`, and a task's only head was `head`.
    Of a name only what is before a bar counts: behind it stands which of the optimiser's moments a tensor is.
    """
    heads = sorted({".".join(name.split(".")[:2]) for name in wanted if name.startswith("heads.")})
    older = {"tuning.tokens": _PROMPT}
    for name in wanted:
        older[f"tuning.{name}"] = name
        if len(heads) == 1 and name.startswith(f"{heads[0]}."):
            older[f"head.{name.removeprefix(f'{heads[0]}.')}"] = name
    found = {}
    for full, tensor in saved.items():
        name, bar, moment = full.partition("|")
        now = older.get(name, name)
        found[(now if name not in wanted and now in wanted else name) + bar + moment] = tensor
    return found


def load_weights(folder: Path, parameters: Mapping[str, nn.Parameter]) -> None:
    """Put the weights saved in `folder` into `parameters`."""
    fill(parameters, read_weights(folder, parameters), str(folder))


class ResumeStates:
    """The resume states of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        step: int,
        parameters: Mapping[str, nn.Parameter],
        optimiser: torch.optim.Optimizer,
        best: Mapping[str, Tensor] | None,
        numbers: dict[str, Any],
        state: Mapping[str, Tensor] = MappingProxyType({}),
    ) -> None:
        """Write the state after `step` updates; older states go once this one is complete.

        `state` is what the method goes on from beside its parameters.
        Raises `InputError` where there is no room for it.
        """
        with writing(self.folder):
            temporary = _temporary(self.folder, "resume")
            save_file(_on_cpu(parameters), temporary / "model.safetensors")
            save_file(_on_cpu(_moments(parameters, optimiser)), temporary / "optimiser.safetensors")
            if best is not None:
                save_file(_on_cpu(best), temporary / "best.safetensors")
            if state:
                save_file(_on_cpu(state), temporary / "method.safetensors")
            (temporary / "numbers.json").write_text(json.dumps({"step": step, **numbers}))
            manifest.write(temporary)
            target = self.folder / f"resume-{step:09d}"
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
            for other in self.folder.glob("resume-*"):
                if other != target:
                    shutil.rmtree(other, ignore_errors=True)

    def load(
        self, parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
    ) -> tuple[dict[str, Any], dict[str, Tensor] | None, dict[str, Tensor]] | None:
        """Restore the newest complete state; return its numbers, best tensors and the method's; or None."""
        complete = [f for f in sorted(self.folder.glob("resume-*")) if manifest.is_complete(f)]
        if not complete:
            return None
        newest = complete[-1]
        try:
            manifest.verify(newest)
        except InputError as error:
            raise InputError(f"{error} Remove the folder {newest.parent} to begin this training anew.") from None
        read = lambda name: under_names_of_now(load_file(newest / name), parameters)  # noqa: E731
        fill(parameters, read("model.safetensors"), str(newest))
        _restore_moments(parameters, optimiser, read("optimiser.safetensors"))
        best = read("best.safetensors") if (newest / "best.safetensors").exists() else None
        own = newest / "method.safetensors"
        return json.loads((newest / "numbers.json").read_text()), best, load_file(own) if own.exists() else {}

    def clear(self) -> None:
        """Remove every state: the run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _temporary(parent: Path, name: str) -> Path:
    """Return a new folder to write into; what killed attempts left goes, as a run has one writer at a time."""
    for left in parent.glob(f".{name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = parent / f".{name}.{os.getpid()}.tmp"
    temporary.mkdir(parents=True)
    return temporary


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.detach().cpu().contiguous() for name, t in tensors.items()}


def _moments(parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    # a parameter that no batch has reached yet (the head of a task not drawn so far) has no moments
    states = {name: optimiser.state[p] for name, p in parameters.items() if p in optimiser.state}
    return {f"{name}|{key}": state[key] for name, state in states.items() for key in _MOMENTS}


def _restore_moments(
    parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer, saved: Mapping[str, Tensor]
) -> None:
    for name, parameter in parameters.items():
        if f"{name}|step" in saved:
            optimiser.state[parameter] = {
                # a copy: what safetensors gives back may be a view into the file
                key: saved[f"{name}|{key}"].to(
                    "cpu" if key == "step" and parameter.device.type == "cpu" else parameter.device, copy=True
                )
                for key in _MOMENTS
            }
