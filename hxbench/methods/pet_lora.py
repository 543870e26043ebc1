"""LoRA on any family: query and value of self-attention, rank 8, scale 2 (PET scaling, section 4).

Through `peft` where query and value are layers of their own, as BERT's and T5's; beside a fused projection, as
BLOOM's, by `FusedLowRank`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import nn

from hxbench.backbones.families import Projection
from hxbench.backbones.load import Backbone
from hxbench.methods.tuning import PetMethod, Tuning, TuningOptions
from hxbench.modules.low_rank import FusedLowRank
from hxbench.spec import Closed, Positive, added


def projections_of(backbone: Backbone) -> list[Projection]:
    """Return the query and value projections of every self-attention, layer by layer."""
    return backbone.projections("query", "value")


class PetLoraOptions(TuningOptions):
    """Rank and scale."""

    rank: Positive = 8
    alpha: Annotated[float, Field(gt=0)] = 16  # the branch is scaled by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    # BLOOM: whose branch the value gets; in the published code the query's, its own is trained in name alone
    value: Literal["own", "query"] = added("own")


class PeftLora(Tuning):
    """`peft`'s layers around the projections of the backbone, taken out again by `remove`."""

    def __init__(self, backbone: Backbone, options: PetLoraOptions) -> None:
        super().__init__()
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel

        wanted = {id(one.module) for one in projections_of(backbone)}
        model: Any = backbone.model
        config = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=[name for name, module in model.named_modules() if id(module) in wanted],
        )
        self._peft = [LoraModel(model, config, "default")]  # a list: its layers are the backbone's modules already

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Both matrices of every branch."""
        named = self._peft[0].model.named_parameters() if self._peft else ()
        return {"lora": [p for name, p in named if ".lora_A." in name or ".lora_B." in name]}

    def remove(self) -> None:
        """Put the stock layers back in their places."""
        super().remove()
        for tuner in self._peft:
            model = tuner.unload()
            vars(model).pop("peft_config", None)  # which older versions leave behind
        self._peft = []


class FusedLora(Tuning):
    """A pair of branches beside the fused projection of every layer."""

    def __init__(self, backbone: Backbone, options: PetLoraOptions) -> None:
        super().__init__()
        queries = backbone.projections("query")
        self.branches = nn.ModuleList(
            FusedLowRank(
                query.width_in,
                query.groups,
                options.rank,
                options.alpha,
                options.dropout,
                shared=options.value == "query",
            )
            for query in queries
        )
        for branch, query in zip(self.branches, queries, strict=True):
            self.adding(
                query.module,
                lambda hidden, output, branch=branch: branch(hidden).to(output.dtype),  # type: ignore[misc]
            )

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """All four matrices of every layer."""
        return {"lora": list(self.branches.parameters())}


class PetLora(PetMethod):
    """LoRA."""

    Options: ClassVar[type[Closed]] = PetLoraOptions
    imports: ClassVar[tuple[str, ...]] = ("peft.tuners.lora", "peft.utils.transformers_weight_conversion")

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the branches."""
        fused = any(one.place is not None for one in projections_of(backbone))
        return (FusedLora if fused else PeftLora)(backbone, options)
