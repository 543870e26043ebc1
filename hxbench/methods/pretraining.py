"""Pre-training of a small backbone, run through the same loop as every method: all of it, on raw text only.

An encoder learns masked language modelling, an encoder and a decoder span corruption, a decoder the next token.
"""

from collections.abc import Iterable

from torch import nn

from hxbench.answering.causal import CausalText
from hxbench.answering.encoder_decoder import EncoderDecoderText
from hxbench.closed import Closed
from hxbench.methods.method import Method, Setup
from hxbench.tasks import MLM, task_of


class Pretraining(Method):
    """The whole model with its language-modelling head."""

    uses_mlm = True

    def __init__(self, setup: Setup, options: Closed) -> None:
        super().__init__(setup, options)
        self.places[MLM] = 0
        if not self.backbone.chooses:
            kind = EncoderDecoderText if self.backbone.is_text_to_text else CausalText
            self.masked_lm = kind(self.backbone, [task_of(MLM)], options)  # type: ignore[assignment]

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """All of it."""
        return {"model": list(self.model.parameters())}
