"""Full fine-tuning on any family: what the PET methods are compared with (PET scaling, figure 2)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.backbones.load import Backbone
from hxbench.methods.tuning import PetMethod, Tuning


class FullTuning(Tuning):
    """All of the backbone that an answer is made with: of BERT not the language-modelling head.

    It alone changes what it cannot take out again. A copy of the backbone would double its memory in every run,
    none of which removes its method, so whoever wants the backbone back asks for one before the training: `keep`.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self._model = [backbone.answering_root]  # a list: it is the method's module already
        self._kept: list[Tensor] | None = None

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The backbone."""
        return {"model": list(self._model[0].parameters())}

    def keep(self) -> None:
        """Copy the backbone's values, to the CPU."""
        self._kept = [p.detach().to("cpu", copy=True) for p in self._model[0].parameters()]

    @torch.no_grad()
    def remove(self) -> None:
        """Put the kept values back; `ValueError` where none were kept."""
        super().remove()
        if self._kept is None:
            raise ValueError("full fine-tuning gives a backbone back that was kept before it: call keep().")
        for parameter, value in zip(self._model[0].parameters(), self._kept, strict=True):
            parameter.copy_(value)


class PetFt(PetMethod):
    """Full fine-tuning."""

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the backbone itself."""
        return FullTuning(backbone)
