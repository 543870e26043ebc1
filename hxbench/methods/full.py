"""Full fine-tuning: all of the backbone that answers are made with, and what it needs to answer.

Of Hyper-X (section 4: mBERT's encoder and one head a task), of PHA (section 4.2: FT with one task, Shared-FT with
several) and of PET scaling (figure 2: what the other ways are compared with).
"""

from collections.abc import Iterable
from typing import ClassVar

from torch import nn

from hxbench.closed import Closed
from hxbench.methods.method import Method
from hxbench.methods.options import PetOptions


class Full(Method):
    """The backbone itself: of an encoder without its language-modelling head.

    The paper of Hyper-X prints 177m for mBERT's encoder; at T5-base's shape it is 222,903,552, printed as 220M.
    """

    transfers = True

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The backbone."""
        return {"model": list(self.backbone.answering_root.parameters())}


class PetFull(Full):
    """The same with the options that runs of PET scaling store."""

    Options: ClassVar[type[Closed]] = PetOptions
