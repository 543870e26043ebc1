"""Adapters with parameters of their own in both stacks: Adapter with one task, Shared-Adapter with several.

As in the baselines that PHA's table quotes: after self-attention and after the feed-forward block, inside of the
residual and before its dropout, the backbone's layer normalisations tuned along (PHA sheet, section 7). Another
form, that of Ivison & Peters, is named in the paper's appendix A: parallel to the feed-forward block alone.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from hxbench.backbones.families import SiteRole
from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.methods.text_method import TextCondition
from hxbench.methods.text_to_text import TextToText
from hxbench.modules.adapter import Bottlenecks
from hxbench.modules.bottleneck import ActivationName
from hxbench.modules.small_start import start_adapters
from hxbench.spec import Positive


class AdapterOptions(Closed):
    """Where the adapters are and how wide, and what is trained beside them."""

    placement: Literal["sequential", "parallel"] = "sequential"
    reduction: Positive = 32  # the bottleneck is the model's width divided by it
    bottleneck: Positive | None = None  # or its width itself
    activation: ActivationName = "gelu_new"
    post_norm: bool = False  # LayerNorm on an adapter's output: Hyperformer's Adapter has it, ATTEMPT's has not
    train_norms: bool = True  # the backbone's layer normalisations
    initial_std: Annotated[float, Field(gt=0)] = 0.01  # of sequential ones; parallel ones start far smaller


class Adapter(TextToText):
    """One adapter a site, whatever the task.

    At T5-base's shape 1,855,104 parameters, with LayerNorms after the adapters 1,928,832.
    """

    Options = AdapterOptions
    positions = (
        "encoder_attention", "encoder_ffn", "encoder_parallel",
        "decoder_attention", "decoder_ffn", "decoder_parallel",
    )  # fmt: skip

    def __init__(self, backbone: Backbone, *, options: AdapterOptions, **others: Any) -> None:
        """Build the adapters of every site; `others` as every text-to-text method."""
        super().__init__(backbone, options=options, **others)
        self.trains_norms = options.train_norms
        hidden = backbone.hidden_size
        roles: tuple[SiteRole, ...] = ("attention", "ffn") if options.placement == "sequential" else ("parallel",)
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
                for position in backbone.family.site_names(*roles)
            }
        )
        if options.placement == "parallel":
            for adapters in self.adapters.values():
                assert isinstance(adapters, Bottlenecks)
                start_adapters(adapters)

    def adapter_weights(self, condition: TextCondition) -> Mapping[SiteKey, SiteWeights]:
        """Return the parameters themselves."""
        return {
            SiteKey(layer, position): weights
            for position, adapters in self.adapters.items()
            if position.startswith(condition.stack) and isinstance(adapters, Bottlenecks)
            for layer, weights in enumerate(adapters.by_layer())
        }

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The adapters and the backbone's layer normalisations."""
        norms = {"layer_norms": self.backbone.norms()} if self.trains_norms else {}
        return {"adapters": list(self.adapters.parameters()), **norms}
