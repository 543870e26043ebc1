"""The bottleneck adapter as a function of its weights, wherever those come from."""

from dataclasses import dataclass, fields

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class BottleneckWeights:
    """Weights of bottleneck adapters: x + U·ReLU(D·x + d) + u (Hyper-X, section 3).

    Either for one site (shapes as given) or for all sites at once, with a leading [sites] on every tensor.
    """

    down: Tensor  # [bottleneck, hidden]
    down_bias: Tensor  # [bottleneck]
    up: Tensor  # [hidden, bottleneck]
    up_bias: Tensor  # [hidden]
    scale: Tensor | None = None  # [hidden]; LayerNorm on the up-projection's output, before the residual
    shift: Tensor | None = None  # [hidden]

    def unbind(self) -> list["BottleneckWeights"]:
        """Return the weights site by site.

        `unbind` and not indexing: the gradient of one unbind is one stack, that of n selections n full-size sums.
        """
        columns = [getattr(self, field.name) for field in fields(self)]
        sites = len(self.down)
        return [
            BottleneckWeights(*row)
            for row in zip(*(c.unbind(0) if c is not None else (None,) * sites for c in columns), strict=True)
        ]

    def added(self, hidden: Tensor) -> Tensor:
        """Return what the adapter adds, given its input [batch, length, hidden]."""
        inner = functional.relu(functional.linear(hidden, self.down, self.down_bias))
        added = functional.linear(inner, self.up, self.up_bias)
        if self.scale is not None:
            added = functional.layer_norm(added, added.shape[-1:], self.scale, self.shift)
        return added

    def apply(self, hidden: Tensor) -> Tensor:
        """Return `hidden` [batch, length, hidden] with the adapter's output added."""
        return hidden + self.added(hidden)
