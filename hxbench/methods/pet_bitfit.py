"""BitFit on any family: what is added to the output of linear layers and LayerNorms (PET scaling, section 4).

A bias of the backbone stays as it is and gets an addend that begins at 0, which trains as the bias itself would;
so it is the same for T5, which has no biases, and the backbone is never changed.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from hxbench.backbones.load import Backbone
from hxbench.methods.tuning import PetMethod, Tuning, layers_of

# Of a BERT layer: not the feed-forward block's first layer.
_BERT = (
    "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
    "attention.output.LayerNorm", "output.dense", "output.LayerNorm",
)  # fmt: skip


def biased_modules(backbone: Backbone) -> dict[str, nn.Module]:
    """Return the modules whose output BitFit adds to, by name.

    BERT: seven a layer, no embeddings' norm. BLOOM: all that have a bias. T5: self-attention, feed-forward block,
    every LayerNorm and the output matrix; no cross-attention. That rule gives XXL 2,497,920, where the published
    code has a table of 2,444,644 by another one.
    """
    model: Any = backbone.model
    if backbone.family.stacks == "decoder":
        return {
            name: one
            for name, one in model.named_modules()
            if isinstance(getattr(one, "bias", None), nn.Parameter)
        }
    if backbone.family.stacks == "encoder":
        return {
            f"layer.{number}.{name}": layer.get_submodule(name)
            for number, layer in enumerate(layers_of(backbone))
            for name in _BERT
        }
    wanted = lambda name, one: (  # noqa: E731
        (isinstance(one, nn.Linear) and "EncDecAttention" not in name) or type(one).__name__.endswith("LayerNorm")
    )
    return {name: one for name, one in model.named_modules() if wanted(name, one)}


def output_width(module: nn.Module) -> int:
    """Return the width of what a linear layer or a LayerNorm puts out."""
    weight: Any = module.weight
    return int(weight.shape[0])


class Biases(Tuning):
    """One addend for each of the modules."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        modules = biased_modules(backbone)
        self.names = tuple(modules)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(output_width(one))) for one in modules.values())
        for bias, module in zip(self.biases, modules.values(), strict=True):
            self.adding(module, lambda _input, output, bias=bias: bias.to(output.dtype))  # type: ignore[misc]

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The addends."""
        return {"biases": list(self.biases)}


class PetBitfit(PetMethod):
    """BitFit."""

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the addends."""
        return Biases(backbone)
