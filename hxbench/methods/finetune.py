"""Full fine-tuning: every parameter of the encoder and one head a task; no MLM data (Hyper-X, section 4)."""

from collections.abc import Iterable

from torch import nn

from hxbench.methods.tagging import TaggingMethod


class FineTuning(TaggingMethod):
    """The backbone itself, all of it trained."""

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole encoder and the heads."""
        return {"body": list(self.body.parameters()), "heads": list(self.heads.parameters())}

    def counted(self) -> int:
        """The encoder: the paper's 177m leave the heads out."""
        return self.part_sizes()["body"]
