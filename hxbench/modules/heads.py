"""Output heads: a linear classifier, and a language-modelling head over some of its tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional


class Head(nn.Module):
    """Dropout, then a linear map [n, hidden] → [n, labels] (Hyper-X, section 3)."""

    def __init__(self, hidden: int, labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden, labels)
        nn.init.normal_(self.classifier.weight, std=0.02)  # as BERT initialises its heads
        nn.init.zeros_(self.classifier.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return logits [n, labels] for hidden states [n, hidden]."""
        return self.classifier(self.dropout(hidden))


class OutputRows:
    """Some rows of an output matrix, to compute logits of the tokens that can occur and of no others.

    The softmax is over these tokens: the loss is that of the whole matrix with the logits of all others at -∞. It
    is no module: neither parameter counts nor checkpoints see it.
    """

    def __init__(self, decoder: nn.Linear, tokens: Tensor) -> None:
        """Take the rows of `tokens`, ascending ids [tokens], of `decoder`: [vocabulary, hidden] with its bias."""
        self._decoder, self._tokens = decoder, tokens
        self._frozen: Tensor | None = None

    def places(self, ids: Tensor) -> Tensor:
        """Return where ids [n] are among the tokens, [n]."""
        return torch.searchsorted(self._on(ids.device), ids)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the output matrix map [n, hidden] to [n, tokens] inside the block."""
        self._decoder.forward = self._logits  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            del self._decoder.forward

    def _logits(self, hidden: Tensor) -> Tensor:
        bias = self._decoder.bias
        return functional.linear(hidden, self._rows(), None if bias is None else bias[self._on(bias.device)])

    def _rows(self) -> Tensor:
        """Return the rows [tokens, hidden]: of a frozen matrix gathered once, and once in autocast's precision."""
        weight = self._decoder.weight
        if weight.requires_grad:
            return weight[self._on(weight.device)]
        kind = weight.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        if self._frozen is None or (self._frozen.device, self._frozen.dtype) != (weight.device, dtype):
            self._frozen = weight[self._on(weight.device)].to(dtype)
        return self._frozen

    def _on(self, device: torch.device) -> Tensor:
        self._tokens = self._tokens.to(device)
        return self._tokens
