"""Masked-language-model pre-training of a small backbone, run through the same loop as every method."""

from collections.abc import Iterable

from torch import nn

from hxbench.methods.tagging import TaggingMethod


class Pretraining(TaggingMethod):
    """Everything is trained, on running text only."""

    uses_mlm = True

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole model with its language-modelling head."""
        return {"model": list(self.model.parameters())}
