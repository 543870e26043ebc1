"""Adapters on any family: after the self-attention and after the feed-forward block of every block (section 4).

T5's and BLOOM's act on what a block's layer puts out, before its dropout and the residual; BERT's on the same
behind the dropout, before "add & norm".
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import nn

from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.methods.tuning import PetMethod, Tuning, TuningOptions
from hxbench.modules.adapter import Bottlenecks
from hxbench.modules.bottleneck import ActivationName
from hxbench.spec import Positive


class PetAdapterOptions(TuningOptions):
    """The adapters' width, and what they begin as."""

    bottleneck: Positive = 24
    activation: ActivationName = "gelu_new"
    initial_std: Annotated[float, Field(gt=0)] = 0.01


def positions_of(backbone: Backbone) -> tuple[str, ...]:
    """Return the two positions of a block, in both stacks where there are two."""
    return backbone.family.site_names("attention", "ffn")


class Adapters(Tuning):
    """Two adapters a block, (2·width + 1)·H + width parameters each."""

    def __init__(self, backbone: Backbone, bottleneck: int, std: float, activation: ActivationName) -> None:
        super().__init__()
        self.positions = positions_of(backbone)
        self.adapters = nn.ModuleDict(
            {
                position: Bottlenecks(
                    backbone.layers_at(position), backbone.hidden_size, bottleneck, std, activation=activation
                )
                for position in self.positions
            }
        )

    def weights(self) -> Mapping[SiteKey, SiteWeights]:
        """Return the parameters themselves."""
        return {
            SiteKey(layer, position): weights
            for position, adapters in self.adapters.items()
            if isinstance(adapters, Bottlenecks)
            for layer, weights in enumerate(adapters.by_layer())
        }

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The adapters."""
        return {"adapters": list(self.adapters.parameters())}


class PetAdapter(PetMethod):
    """Bottleneck adapters."""

    Options: ClassVar[type[Closed]] = PetAdapterOptions

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return the adapters."""
        return Adapters(backbone, options.bottleneck, options.initial_std, options.activation)
