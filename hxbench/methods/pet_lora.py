"""LoRA on any family: query and value of self-attention, rank 8, scale 2 (PET scaling, section 4).

Through `peft` where query and value are layers of their own, BERT and T5; beside BLOOM's fused projection by
`FusedLowRank`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field
from torch import nn

from hxbench.backbones.load import Backbone
from hxbench.closed import Closed, added
from hxbench.methods.tuning import PetMethod, Tuning, TuningOptions, layers_of
from hxbench.modules.low_rank import FusedLowRank
from hxbench.spec import Positive

_PROJECTIONS = {
    "encoder": ("attention.self.query", "attention.self.value"),
    "encoder-decoder": ("layer.0.SelfAttention.q", "layer.0.SelfAttention.v"),
}


class Projection(NamedTuple):
    """A query or value projection, a layer of its own or a third of one."""

    name: str
    module: nn.Module
    third: int | None  # of a fused projection: 0 the query, 2 the value
    width_in: int
    width_out: int


def projections_of(backbone: Backbone) -> list[Projection]:
    """Return the query and value projections of every self-attention, layer by layer."""
    found = []
    for number, layer in enumerate(layers_of(backbone)):
        if backbone.family.stacks == "decoder":
            fused, hidden = layer.get_submodule("self_attention.query_key_value"), backbone.hidden_size
            for name, third in (("query", 0), ("value", 2)):
                found.append(Projection(f"{number}.{name}", fused, third, hidden, hidden))
            continue
        for name in _PROJECTIONS[backbone.family.stacks]:
            module: Any = layer.get_submodule(name)
            found.append(Projection(f"{number}.{name}", module, None, module.in_features, module.out_features))
    return found


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
        heads = int(backbone.model.config.n_head)  # type: ignore[union-attr, arg-type]
        layers: list[Any] = layers_of(backbone)
        self.branches = nn.ModuleList(
            FusedLowRank(
                backbone.hidden_size,
                heads,
                options.rank,
                options.alpha,
                options.dropout,
                shared=options.value == "query",
            )
            for _ in layers
        )
        for branch, layer in zip(self.branches, layers, strict=True):
            self.adding(
                layer.self_attention.query_key_value,
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
        kind = FusedLora if backbone.family.stacks == "decoder" else PeftLora
        return kind(backbone, options)
