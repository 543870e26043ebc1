"""The hypernetwork of Hyperformer++: task, layer and position → a bottleneck adapter (Mahabadi et al., 2021)."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from hxbench.modules.bottleneck import Activation, BottleneckWeights
from hxbench.modules.hypernetwork import BottleneckGenerator, initialise_linear, projector

EPSILON = 1e-6  # of the LayerNorm on the projected source, T5's own


class TaskHypernetwork(nn.Module):
    """One generator for all layers and positions of a stack, and for all tasks.

    Linear layers N(0, std²) with bias 0; layer and position embeddings N(0, 1).
    """

    def __init__(
        self,
        *,
        layers: int,
        positions: int,
        embedding: int,
        source_hidden: int,
        projected: int,
        hidden: int,
        bottleneck: int,
        layer_norm: bool,
        std: float,
        activation: Activation,
    ) -> None:
        super().__init__()
        self.layers = nn.Parameter(torch.randn(layers, embedding))
        self.positions = nn.Parameter(torch.randn(positions, embedding))
        self.projector = projector(3 * embedding, source_hidden, projected)
        self.norm = nn.LayerNorm(projected, eps=EPSILON)
        self.generator = BottleneckGenerator(projected, hidden, bottleneck, layer_norm)
        self.activation = activation
        for part in (self.projector, self.generator):
            initialise_linear(part, std)

    def sources(self, tasks: Tensor) -> Tensor:
        """Return task ‖ layer ‖ position for task embeddings [tasks, size]: [layers · positions, tasks, 3·size].

        Of the sites, positions go faster than layers, as a backbone's sites are counted.
        """
        layers, positions, count = len(self.layers), len(self.positions), len(tasks)
        grid = (layers, positions, count, tasks.shape[1])
        parts = [tasks.expand(grid), self.layers[:, None, None].expand(grid), self.positions[:, None].expand(grid)]
        return torch.cat(parts, dim=-1).flatten(0, 1)

    def forward(self, tasks: Tensor) -> BottleneckWeights:
        """Return the weights of all sites from one product, [sites, tasks] leading every tensor.

        `tasks` are the embeddings [tasks, size] of the tasks that are wanted.
        """
        sources = self.sources(tasks)
        made = self.generator(self.norm(self.projector(sources.flatten(0, 1))))
        return replace(made.mapped(lambda rows: rows.unflatten(0, sources.shape[:2])), activation=self.activation)
