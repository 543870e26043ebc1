"""The trained parts of PHA beside its encoder adapters: the retriever, and the hypernetwork of the decoder.

(key, layer embedding) → projector → generator → weights of a bottleneck adapter (PHA, section 4.2). The key is a
task's prototype; in the ablations it may be what the encoder made of one example.
"""

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.hypernetwork import BottleneckGenerator

Projector = Literal["matrix", "two_layers"]
M = TypeVar("M", bound=nn.Module)


def retriever(hidden: int, inner: int, size: int, *, biases: bool) -> nn.Sequential:
    """Return the map from pooled encoder states [batch, hidden] to z [batch, size]."""
    found = nn.Sequential(nn.Linear(hidden, inner), nn.ReLU(), nn.Linear(inner, size))
    return found if biases else without_biases(found)


class PrototypeHypernetwork(nn.Module):
    """Weights of the adapters of every layer, for any number of keys, out of one product."""

    def __init__(
        self,
        layers: int,
        key: int,
        embedding: int,
        mixed: int,
        hidden: int,
        bottleneck: int,
        *,
        projector: Projector,
        projector_hidden: int,
        biases: bool,
    ) -> None:
        """Build for keys of size `key`, layer embeddings of size `embedding` and mixed embeddings of size `mixed`.

        The `matrix` is what the paper counts in appendix B; `two_layers` with a LayerNorm behind is the code's.
        """
        super().__init__()
        self.layers = nn.Parameter(torch.randn(layers, embedding))
        width = key + embedding
        if projector == "matrix":
            self.projector = nn.Sequential(nn.Linear(width, mixed))
        else:
            self.projector = nn.Sequential(
                nn.Linear(width, projector_hidden),
                nn.ReLU(),
                nn.Linear(projector_hidden, mixed),
                nn.LayerNorm(mixed, eps=1e-6),
            )
        self.generator = BottleneckGenerator(mixed, hidden, bottleneck)
        self.generator.start_small()
        if not biases:
            without_biases(self)

    def forward(self, keys: Tensor) -> BottleneckWeights:
        """Return the weights for keys [..., key], with leading dimensions [layers, ...] on every tensor."""
        lead = (len(self.layers), *keys.shape[:-1])
        embeddings = self.layers.view(len(self.layers), *[1] * (keys.dim() - 1), -1).expand(*lead, -1)
        source = torch.cat([keys.expand(*lead, -1), embeddings], dim=-1)
        made = self.generator(self.projector(source).flatten(0, -2))
        return made.mapped(lambda part: part.unflatten(0, lead))


def without_biases(module: M) -> M:
    """Return `module` with the biases of its linear layers taken away."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.register_parameter("bias", None)
    return module
