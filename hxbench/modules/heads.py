"""Output heads: one linear classifier a tagging task."""

from torch import Tensor, nn


class TaggingHead(nn.Module):
    """Dropout, then a linear map [n, hidden] → [n, labels] (Hyper-X, section 3)."""

    def __init__(self, hidden: int, labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden, labels)
        nn.init.normal_(self.classifier.weight, std=0.02)  # as BERT initialises its heads
        nn.init.zeros_(self.classifier.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits of the given pieces."""
        return self.classifier(self.dropout(hidden))
