"""BitFit: what is added to the output of linear layers and LayerNorms (PET scaling, section 4).

A bias of the backbone stays as it is and gets an addend that begins at 0, which trains as the bias itself would;
so it is the same for T5, which has no biases, and the backbone is never changed.
"""

from collections.abc import Iterable
from functools import cache, partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import Family, widths_of
from hxbench.backbones.load import meta_backbone
from hxbench.closed import Closed, added
from hxbench.errors import InputError
from hxbench.methods.method import Method, Setup
from hxbench.methods.options import PetOptions
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.run_spec import RunSpec


def biased_modules(backbone: Backbone, *, xxl: bool = False) -> dict[str, nn.Module]:
    """Return the modules whose output BitFit adds to, by name.

    BERT: seven a layer, no embeddings' norm. Decoders: all that have a bias. T5: self-attention, feed-forward
    block, every LayerNorm and the output matrix; no cross-attention. That rule gives XXL 2,497,920, where the
    published code has a table of 2,444,644 by another one: see `BitfitOptions`.
    """
    if not xxl:
        return backbone.biased()
    return {
        name: one
        for name, one in backbone.model.named_modules()
        if isinstance(one, nn.Linear) or name.rpartition(".")[2] == "relative_attention_bias"
    }


class BitfitOptions(PetOptions):
    """How T5's modules are chosen: by one rule at `every` size, or at XXL's by the published `code`'s other one.

    That is every linear layer, cross-attention and the output matrix too, and the tables of relative positions, as
    their names have "bias" in them; no LayerNorm. The code's fork has a table in each of XXL's 24 cross-attentions
    and 32,100 words. The stock model has neither those tables nor that size, and comes to 2,395,520.
    """

    t5: Literal["every", "code"] = added("every")


def added_shape(module: nn.Module) -> tuple[int, ...]:
    """Return the shape of what is added to a module: to what it puts out, or to every entry of a table."""
    weight: Any = module.weight
    return tuple(weight.shape) if isinstance(module, nn.Embedding) else (widths_of(module)[1],)


def is_xxl(backbone: Backbone) -> bool:
    """Return whether a backbone is as wide and as deep as T5 XXL."""
    return backbone.is_text_to_text and (backbone.hidden_size, *backbone.depths) == (4096, 24, 24)


@cache
def _has_biases(backbone: str) -> bool:
    """Return whether a backbone, given as JSON, has biases by its shape; nothing is refused that has none yet."""
    spec = BackboneSpec.model_validate_json(backbone)
    return not spec.family or bool(meta_backbone(spec).biased())


class Bitfit(Method):
    """One addend for each of the modules."""

    Options: ClassVar[type[Closed]] = BitfitOptions
    transfers = True

    def __init__(self, setup: Setup, options: BitfitOptions) -> None:
        super().__init__(setup, options)
        modules = biased_modules(self.backbone, xxl=options.t5 == "code" and is_xxl(self.backbone))
        self.names = tuple(modules)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(added_shape(one))) for one in modules.values())
        for bias, module in zip(self.biases, modules.values(), strict=True):
            self.adding(module, partial(self._addend, bias))

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a family that has nothing for BitFit to add to."""
        super().require(spec, family)
        if not (family.has_biases and (family.adds_biases or _has_biases(spec.backbone.model_dump_json()))):
            raise InputError(f"{spec.method} tunes biases, and {family.title} has none.")

    @staticmethod
    def _addend(bias: Tensor, place: Tensor, output: Tensor) -> Tensor:
        return (bias if bias.dim() == 1 else functional.embedding(place, bias)).to(output.dtype)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"biases": list(self.biases)}
