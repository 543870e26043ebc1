"""Pre-training of a small backbone, run through the same loop as every method: all of it, on running text only."""

from collections.abc import Iterable

from torch import nn

from hxbench.methods.causal import CausalText
from hxbench.methods.tagging import TaggingMethod
from hxbench.methods.text_to_text import TextToText


class Pretraining(TaggingMethod):
    """Masked language modelling."""

    uses_mlm = True

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole model with its language-modelling head."""
        return {"model": list(self.model.parameters())}


class SpanPretraining(TextToText):
    """Span corruption of a text-to-text model."""

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole model with its output matrix."""
        return {"model": list(self.model.parameters())}


class CausalPretraining(CausalText):
    """Writing the next piece of running text, which a batch has as targets."""

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole model with its output matrix."""
        return {"model": list(self.model.parameters())}
