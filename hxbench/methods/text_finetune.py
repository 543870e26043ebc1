"""Full fine-tuning of an encoder and a decoder: FT with one task, Shared-FT with several (PHA, section 4.2)."""

from collections.abc import Iterable

from torch import nn

from hxbench.methods.text_to_text import TextToText


class TextFineTuning(TextToText):
    """The backbone itself, all of it trained; at T5-base's shape 222,903,552 parameters, printed as 220M."""

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Both stacks, the word embeddings and with them the output matrix, where they are one."""
        return {"model": list(self.model.parameters())}
