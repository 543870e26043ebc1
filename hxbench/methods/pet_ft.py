"""Full fine-tuning on any family: what the PET methods are compared with (PET scaling, figure 2)."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from hxbench.backbones.load import Backbone
from hxbench.methods.tuning import PetMethod, Tuning


class FullTuning(Tuning):
    """All of the backbone that an answer is made with: of BERT not the language-modelling head."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        encoder = backbone.family.stacks == "encoder"
        self._model = [backbone.body if encoder else backbone.model]  # a list: it is the method's module already

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The backbone."""
        return {"model": list(self._model[0].parameters())}


class PetFt(PetMethod):
    """Full fine-tuning."""

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the backbone itself."""
        return FullTuning(backbone)
