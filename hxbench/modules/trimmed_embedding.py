"""Word embeddings of which some rows are trained: a small matrix of those, beside the frozen whole.

AdamW without weight decay never moves a row that has had no gradient. What a training text can move of the word
embeddings are the rows of its tokens, a fraction of a multilingual vocabulary: a matrix of these alone needs that
fraction of the work and the memory for gradients and moments, and comes to the same numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class TrimmedEmbedding(nn.Module):
    """In the place of an embedding: trained rows for some tokens, those of the frozen whole for all others."""

    places: Tensor

    def __init__(self, whole: nn.Embedding, tokens: Tensor) -> None:
        """Begin with the rows that `tokens`, ids [tokens], have in `whole`; the padding's is never trained."""
        super().__init__()
        device = whole.weight.device
        tokens = tokens.to(device)
        if whole.padding_idx is not None:
            tokens = tokens[tokens != whole.padding_idx]
        self.whole, self.tokens = whole, tokens
        places = torch.full((whole.num_embeddings,), -1, device=device)
        places[tokens] = torch.arange(len(tokens), device=device)
        self.register_buffer("places", places, persistent=False)  # [vocabulary], -1: not trained
        self.rows = nn.Parameter(whole.weight.detach()[tokens])

    def forward(self, ids: Tensor) -> Tensor:
        """Return the embeddings of `ids`, in their shape and [hidden] behind."""
        places = self.places[ids]
        trained = functional.embedding(places.clamp(min=0), self.rows)
        return torch.where((places >= 0).unsqueeze(-1), trained, self.whole(ids))

    @torch.no_grad()
    def fold(self) -> None:
        """Put the trained rows into the whole."""
        self.whole.weight[self.tokens] = self.rows


@contextmanager
def training_rows_of(model: Any, tokens: Tensor) -> Iterator[None]:
    """Let only the rows of `tokens`, ids [tokens], of a model's trained word embeddings be trained in the block.

    Afterwards, and after an exception, the model has its own embedding again, with these rows as trained so far.
    """
    whole = model.get_input_embeddings()
    trimmed = TrimmedEmbedding(whole, tokens)
    whole.weight.requires_grad_(False)
    model.set_input_embeddings(trimmed)
    try:
        yield
    finally:
        trimmed.fold()
        model.set_input_embeddings(whole)
        whole.weight.requires_grad_(True)
