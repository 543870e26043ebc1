"""Modules of `peft` in the places of a backbone's own, and the way back to exactly what was there before."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.errors import InputError

ADAPTER = "default"  # what `peft` calls the one adapter, in the names of its tensors


class Wrapped:
    """A tuner of `peft` around a model's modules.

    Some types change the backbone's weights when they begin, as PiSSA does, or train its biases: so values that
    change are kept. The tuner's own way back would leave them changed.
    """

    def __init__(self, model: nn.Module, kind: str, config: Any, names: Sequence[str]) -> None:
        """Wrap the modules of these names; whatever `kind` raises leaves the model as it was."""
        from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

        tuners = {str(one.value): tuner for one, tuner in PEFT_TYPE_TO_TUNER_MAPPING.items()}
        self.model, self.config = model, config
        self._stock = [(one, *child) for one in model.modules() for child in one._modules.items()]
        own = [(one, name, p) for one in model.modules() for name, p in one._parameters.items() if p is not None]
        whole = {one for name in names for one in model.get_submodule(name).modules()}
        self._values: list[tuple[nn.Module, str, nn.Parameter, Tensor]] = [
            (*place, place[2].detach().clone()) for place in own if place[0] in whole
        ]
        model.requires_grad_(False)
        told = {ADAPTER: config} if kind == "ADAPTION_PROMPT" else config  # which is older than its siblings
        try:
            self.tuner = tuners[kind](model, told, ADAPTER)
        except BaseException:
            self.put_back()
            raise
        # what wrapped modules have together, as VB-LoRA its bank of vectors
        self.shared = [one for name, one in self.tuner._modules.items() if one is not None and name != "model"]
        begun = [
            (one, name, p, value)
            for one, name, p, value in self._values
            if one._parameters.get(name) is not p or p.requires_grad or not _equal(p, value)
        ]
        others = [place for place in own if place[0] not in whole and place[2].requires_grad]
        self._values = [*begun, *((*place, place[2].detach().clone()) for place in others)]

    def trained(self) -> Mapping[str, nn.Parameter]:
        every = [*self.model.named_parameters(), *nn.ModuleList(self.shared).named_parameters()]
        return {name: p for name, p in every if p.requires_grad}

    def saved(self) -> tuple[Any, dict[str, Tensor]]:
        """Return the configuration and the state as `peft` saves them, names and all."""
        from peft.utils import get_peft_model_state_dict

        config = copy.copy(self.config)
        if config.peft_type == "ADALORA":  # whose ranks without a value are 0 in the tensors already
            config.rank_pattern = None
        state = get_peft_model_state_dict(_Outermost(self.tuner, config), save_embedding_layers=False)
        return config, dict(state)

    def take(self, state: Mapping[str, Tensor], origin: str) -> None:
        """Take over a state that `saved` returned; `InputError`, naming `origin`, for one that does not fit."""
        from peft.utils import set_peft_model_state_dict

        config, own = self.saved()
        if other := sorted(own.keys() ^ state.keys()):
            raise InputError(f"{origin}: the weights do not fit this method (first difference: {other[0]}).")
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                wanted = [*tensor.shape]
                raise InputError(f"{origin}: {name} has shape {[*state[name].shape]}, and this method {wanted}.")
        set_peft_model_state_dict(_Outermost(self.tuner, config), dict(state))

    @torch.no_grad()
    def put_back(self) -> None:
        """Put the stock modules back in their places, with the values that they had."""
        for parent, name, child in self._stock:
            if parent._modules.get(name) is not child:
                parent._modules[name] = child
        for module, name, parameter, value in self._values:
            parameter.data = value.to(parameter.device)
            module._parameters[name] = parameter
        vars(self.model).pop("peft_config", None)


class _Outermost(nn.Module):
    """What `peft` saves from and loads into: a module that is a tuner in all but the names."""

    def __init__(self, tuner: nn.Module, config: Any) -> None:
        super().__init__()
        self.base_model, self.peft_config = tuner, {ADAPTER: config}

    def __getattr__(self, name: str) -> Any:
        """Return what the tuner has under a name."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.base_model, name)


def _equal(parameter: Tensor, value: Tensor) -> bool:
    return parameter.is_meta or torch.equal(parameter, value)
