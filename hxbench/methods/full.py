"""All of the backbone is trained: full fine-tuning, and pre-training of a small one through the same loop.

Fine-tuning is that of Hyper-X (section 4: mBERT's encoder and one head a task), of PHA (section 4.2: FT with one
task, Shared-FT with several) and of PET scaling (figure 2: what the other ways are compared with).
"""

from collections.abc import Iterable
from typing import ClassVar

from torch import nn

from hxbench.answering.causal import CausalText
from hxbench.answering.encoder_decoder import EncoderDecoderText
from hxbench.closed import Closed
from hxbench.methods.method import Method, Setup
from hxbench.methods.options import PetOptions
from hxbench.tasks import MLM, task_of


class Full(Method):
    """The backbone itself: below heads of tasks without that for language modelling.

    The paper of Hyper-X prints 177m for mBERT's encoder; at T5-base's shape it is 222,903,552, printed as 220M.
    """

    transfers = True

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"model": list(self.answering_root.parameters())}


class PetFull(Full):
    """The same with the options that runs of PET scaling store."""

    Options: ClassVar[type[Closed]] = PetOptions


class Pretraining(Method):
    """The whole model with its language-modelling head, on raw text only.

    An encoder learns masked language modelling, with a decoder span corruption, a decoder alone the next token.
    """

    uses_mlm = True

    def __init__(self, setup: Setup, options: Closed) -> None:
        super().__init__(setup, options)
        self.places[MLM] = 0
        if not self.backbone.chooses:
            kind = EncoderDecoderText if self.backbone.is_text_to_text else CausalText
            self.masked_lm = kind(self.backbone, [task_of(MLM)], options)  # type: ignore[assignment]

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"model": list(self.model.parameters())}
