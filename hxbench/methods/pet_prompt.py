"""Prompt tuning on any family: virtual tokens before the embedded text (PET scaling, sheet section 4).

Of T5 before the encoder's input; of BERT before its first piece, of BLOOM before the text and its padding, which
ALiBi counts neither.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.backbones.load import Backbone
from hxbench.closed import Closed
from hxbench.methods.tuning import PetMethod, Tuning, TuningOptions
from hxbench.spec import Positive


class PetPromptOptions(TuningOptions):
    """Size of the prompt, and what it begins as."""

    tokens: Positive = 100
    # the first entries of the vocabulary, or N(0, std²): the published code has the latter for BLOOM alone
    start: Literal["published", "words", "normal"] = "published"
    std: Annotated[float, Field(gt=0)] = 0.1


def first_tokens(backbone: Backbone, tokens: int, start: str, std: float) -> Tensor:
    """Return virtual tokens [tokens, hidden] as they begin."""
    model: Any = backbone.model
    words = model.get_input_embeddings().weight.detach()
    if start == "normal" or (start == "published" and backbone.family.prompt == "normal"):
        return torch.empty(tokens, words.shape[1]).normal_(std=std)
    rows = torch.arange(tokens, device=words.device) % len(words)  # a small vocabulary may have fewer
    return words[rows].clone()


class VirtualTokens(Tuning):
    """100·H parameters with 100 tokens at width H."""

    def __init__(self, backbone: Backbone, tokens: int, start: str, std: float) -> None:
        super().__init__()
        self.tokens = nn.Parameter(first_tokens(backbone, tokens, start, std))

    def prompt(self) -> Tensor:
        """Return the prompt, [tokens, hidden]."""
        return self.tokens

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The prompt."""
        return {"prompt": [self.tokens]}


class PetPrompt(PetMethod):
    """Prompt tuning."""

    Options: ClassVar[type[Closed]] = PetPromptOptions

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the virtual tokens."""
        return VirtualTokens(backbone, options.tokens, options.start, options.std)
