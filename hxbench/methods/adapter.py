"""Adapters with parameters of their own, after self-attention and after the feed-forward block or parallel to it.

Sequential ones act on what a block's layer puts out, inside of the residual: T5's and BLOOM's before its dropout,
BERT's behind it and before "add & norm". That is the form of the baselines that PHA's table quotes, which tune the
backbone's layer normalisations along (PHA sheet, section 7), and of PET scaling (section 4). Another form, that of
Ivison & Peters, is named in PHA's appendix A: parallel to the feed-forward block alone.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.families import Family, SiteRole
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed, added, validated
from hxbench.methods.method import Method, Setup, require_sites
from hxbench.methods.options import PetOptions
from hxbench.modules.bottleneck import ActivationName, Bottlenecks
from hxbench.spec.backbone import Positive
from hxbench.spec.run_spec import RunSpec

SEQUENTIAL: tuple[SiteRole, ...] = ("attention", "ffn")
PLACEMENTS: dict[str, tuple[SiteRole, ...]] = {
    "sequential": SEQUENTIAL,
    "ffn": ("ffn",),
    "parallel": ("parallel",),
}


class AdapterOptions(AnswerOptions):
    """Where the adapters are and how wide, and what is trained beside them."""

    placement: Literal["sequential", "ffn", "parallel"] = "sequential"
    reduction: Positive = 32  # the bottleneck is the model's width divided by it
    bottleneck: Positive | None = None  # or its width itself
    activation: ActivationName = "gelu_new"
    post_norm: bool = False  # LayerNorm on an adapter's output: Hyperformer's Adapter has it, ATTEMPT's has not
    train_norms: bool = True  # the backbone's layer normalisations
    initial_std: Annotated[float, Field(gt=0)] = 0.01  # of sequential ones; parallel ones start far smaller


class Adapter(Method):
    """One adapter a site, whatever the task: (2·width + 1)·H + width parameters each.

    At T5-base's shape 1,855,104 parameters with the backbone's layer normalisations; with LayerNorms after the
    adapters 1,928,832.
    """

    Options: ClassVar[type[Closed]] = AdapterOptions
    transfers = True

    def __init__(self, setup: Setup, options: AdapterOptions) -> None:
        super().__init__(setup, options)
        backbone, hidden = self.backbone, self.backbone.hidden_size
        self.adapters = nn.ModuleDict(
            {
                position: Bottlenecks(
                    backbone.layers_at(position),
                    hidden,
                    options.bottleneck or max(1, hidden // options.reduction),
                    options.initial_std,
                    layer_norm=options.post_norm,
                    activation=options.activation,
                )
                for position in self.positions()
            }
        )
        if options.placement == "parallel":
            for adapters in self.adapters.values():
                assert isinstance(adapters, Bottlenecks)
                adapters.start_small()

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a family that has no site of the placement that was chosen."""
        options: Any = validated(cls.Options, spec.options, f"options of {spec.method}")
        require_sites(spec, family, PLACEMENTS[options.placement])

    def positions(self) -> tuple[str, ...]:
        return self.backbone.family.site_names(*PLACEMENTS[self.options.placement])

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        return {
            SiteKey(layer, position): weights
            for position, adapters in self.adapters.items()
            if isinstance(adapters, Bottlenecks)
            for layer, weights in enumerate(adapters.by_layer())
        }

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        norms = {"layer_norms": self.backbone.norms()} if self.options.train_norms else {}
        return {"adapters": list(self.adapters.parameters()), **norms}


class PetAdapterOptions(PetOptions, AdapterOptions):
    """The adapters' width, and what they begin as, as runs of PET scaling store it."""

    placement: Literal["sequential", "ffn", "parallel"] = added("sequential")
    reduction: Positive = added(32)
    bottleneck: Positive | None = 24
    activation: ActivationName = "gelu_new"
    post_norm: bool = added(False)
    train_norms: bool = added(False)
    initial_std: Annotated[float, Field(gt=0)] = 0.01


class PetAdapter(Adapter):
    """The same with the width of PET scaling, and the backbone left as it is."""

    Options: ClassVar[type[Closed]] = PetAdapterOptions
