"""The hypernetwork of Hyper-X: source embeddings → projector → generator (Hyper-X, section 3)."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.modules.bottleneck import BottleneckWeights

BLOCK = 256  # outputs: a block of weights stays in a core's cache, and rounds as the whole product does
_LEAST_SIZE = 2**22  # weights: those of a smaller layer stay in the caches as a whole
_MOST_ROWS = 64  # with more, the products are of a common shape


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


class WideLinear(nn.Linear):
    """`nn.Linear` for far more outputs than rows, in blocks of outputs where that is faster on a CPU.

    Outputs and gradients are the same. Libraries of matrix products are made for other shapes: on two cores of a
    Zen 4 the whole product of 196,608 outputs takes 26 ms and its weight's gradient 25, in blocks 20 and 17.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Return rows·weightᵀ + bias, [rows, out], for [rows, in]."""
        if self.bias is None or not _in_blocks(rows, self.weight):
            return super().forward(rows)
        product: Tensor = _Product.apply(rows, self.weight)
        return product + self.bias


def _in_blocks(rows: Tensor, weight: Tensor) -> bool:
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    wide = weight.numel() >= _LEAST_SIZE and len(weight) % BLOCK == 0
    return plain and wide and rows.dim() == 2 and len(rows) <= _MOST_ROWS


class _Product(torch.autograd.Function):
    """rows·weightᵀ and its gradients, a product a block each."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weight)
        blocks = weight.view(-1, BLOCK, weight.shape[1])
        made = torch.bmm(rows.expand(len(blocks), *rows.shape), blocks.transpose(1, 2))  # [blocks, rows, BLOCK]
        return made.transpose(0, 1).reshape(len(rows), -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        blocks = weight.view(-1, BLOCK, weight.shape[1])
        incoming = gradients[0].view(len(rows), -1, BLOCK).permute(1, 2, 0)  # [blocks, BLOCK, rows]
        of_rows = of_weight = None
        if ctx.needs_input_grad[0]:
            of_rows = gradients[0] @ weight  # a sum over all blocks: cut up, it would be rounded otherwise
        if ctx.needs_input_grad[1]:
            of_weight = torch.bmm(incoming, rows.expand(len(blocks), *rows.shape)).view_as(weight)
        return of_rows, of_weight


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

    def start_small(self) -> None:
        """Begin as PHA's published code, by what is generated: matrices with entries of the order of 1e-3.

        That code was made from Hyperdecoder's (PHA sheet, section 4). The heads of matrices are uniform in
        ±1e-3·√(3 / (n·m)), with n the width of the source and m the number of inputs of the generated matrix;
        those of biases in ±1e-3·√(3 / n). The heads' own biases are 0.
        """
        bottleneck, hidden = self.shape
        inputs = {self.down: hidden, self.up: bottleneck, self.down_bias: 1, self.up_bias: 1}
        for head, count in inputs.items():
            bound = 1e-3 * (3 / (head.in_features * count)) ** 0.5
            nn.init.uniform_(head.weight, -bound, bound)
            nn.init.zeros_(head.bias)

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


def in_every_layer(
    keys: Tensor, layers: Tensor, generate: Callable[[Tensor], BottleneckWeights]
) -> BottleneckWeights:
    """Return adapters for every key in every layer from one product, [layers, …] leading each tensor.

    `keys` are [..., key] and `layers`, their embeddings, [layers, size]; `generate` makes [n, …] of both joined,
    [n, key + size].
    """
    lead = (len(layers), *keys.shape[:-1])
    every = layers.view(len(layers), *[1] * (keys.dim() - 1), -1).expand(*lead, -1)
    made = generate(torch.cat([keys.expand(*lead, -1), every], dim=-1).flatten(0, -2))
    return made.mapped(lambda part: part.unflatten(0, lead))


def in_full_precision(value: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which a generator runs in fp32 on the device of `value` [...], also under autocast."""
    device = value.device.type
    return torch.autocast("cpu" if device == "meta" else device, enabled=False)


def projector(size_in: int, hidden: int, size_out: int) -> nn.Sequential:
    """Return the source projector: Linear, ReLU, Linear, nothing after the second layer."""
    return nn.Sequential(nn.Linear(size_in, hidden), nn.ReLU(), nn.Linear(hidden, size_out))


def initialise_linear(module: nn.Module, std: float) -> None:
    """Give every linear layer below `module` weights N(0, std²) and bias 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)
