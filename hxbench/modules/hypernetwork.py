"""The hypernetwork of Hyper-X: source embeddings → projector → generator (Hyper-X, section 3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.wide_linear import WideLinear


class SourceEmbeddings(nn.Module):
    """Task, language and layer embeddings, concatenated in a chosen order; initialised N(0, 1)."""

    def __init__(self, tasks: int, languages: int, layers: int, size: int, order: Sequence[str]) -> None:
        super().__init__()
        counts = {"task": tasks, "language": languages, "layer": layers}
        self.order = tuple(order)
        self.tables = nn.ParameterDict({name: nn.Parameter(torch.randn(n, size)) for name, n in counts.items()})

    def forward(self, task: int, language: int | Tensor) -> Tensor:
        """Return the sources of all layers, [layers, 3·size]; an embedding [size] may stand for a language."""
        layers = self.tables["layer"]
        own = self.tables["language"][language] if isinstance(language, int) else language
        rows = {
            "task": self.tables["task"][task].expand_as(layers),
            "language": own.expand_as(layers),
            "layer": layers,
        }
        return torch.cat([rows[name] for name in self.order], dim=-1)


class BottleneckGenerator(nn.Module):
    """Linear maps from a projected source to the weights and biases of a bottleneck adapter.

    Shared by all layers, tasks and languages; the weights of all layers come out of one product.
    """

    def __init__(self, projected: int, hidden: int, bottleneck: int, layer_norm: bool = False) -> None:
        super().__init__()
        self.shape = (bottleneck, hidden)
        self.down = WideLinear(projected, bottleneck * hidden)
        self.down_bias = nn.Linear(projected, bottleneck)
        self.up = WideLinear(projected, hidden * bottleneck)
        self.up_bias = nn.Linear(projected, hidden)
        self.scale = nn.Linear(projected, hidden) if layer_norm else None
        self.shift = nn.Linear(projected, hidden) if layer_norm else None

    def forward(self, source: Tensor) -> BottleneckWeights:
        """Return the weights for projected sources [sites, projected], a leading [sites] on every tensor."""
        bottleneck, hidden = self.shape
        return BottleneckWeights(
            down=self.down(source).view(-1, bottleneck, hidden),
            down_bias=self.down_bias(source),
            up=self.up(source).view(-1, hidden, bottleneck),
            up_bias=self.up_bias(source),
            scale=None if self.scale is None else self.scale(source),
            shift=None if self.shift is None else self.shift(source),
        )


def projector(size_in: int, hidden: int, size_out: int) -> nn.Sequential:
    """Return the source projector: Linear, ReLU, Linear, nothing after the second layer."""
    return nn.Sequential(nn.Linear(size_in, hidden), nn.ReLU(), nn.Linear(hidden, size_out))


def initialise_linear(module: nn.Module, std: float) -> None:
    """Give every linear layer below `module` weights N(0, std²) and bias 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
