"""Hyperdecoder: the decoder's adapters are generated for every example from what the encoder made of it.

The encoder has adapters with parameters of their own, the same for all tasks; nothing is told which task a text is
of (Ivison & Peters, 2022; PHA sheet, section 7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.methods.method import Method, Setup
from hxbench.modules.bottleneck import ACTIVATIONS, ActivationName, Bottlenecks
from hxbench.modules.hypernetwork import BottleneckGenerator, in_every_layer, in_full_precision, projector
from hxbench.spec.backbone import Positive


class HyperdecoderOptions(AnswerOptions):
    """Sizes of the adapters and of what generates them."""

    bottleneck: Positive = 64  # of the encoder's adapters and of the generated ones
    layer_embedding: Positive = 10
    source_hidden: Positive = 128  # what the weights are a linear map of
    pooled_map: bool = True  # two layers on the pooled text before it meets the layer; the smaller form has none
    activation: ActivationName = "relu"


class ReadFirst(Method):
    """Adapters parallel to the feed-forward blocks: own ones on the reading side, generated ones on the answering.

    The latter may depend on the pooled texts.
    """

    roles = ("parallel",)
    reads_first = True

    def __init__(self, setup: Setup, options: Any, activation: ActivationName = "relu") -> None:
        super().__init__(setup, options)
        hidden = self.backbone.hidden_size
        self.reading = self.backbone.sites("parallel", "reading")
        self.answers = self.backbone.sites("parallel", "answering")
        self.adapters = Bottlenecks(len(self.reading), hidden, options.bottleneck, 1.0, activation=activation)
        self.adapters.start_small()

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the reading side's adapters, or those of all other layers from one product, in fp32."""
        if condition.pooled is None:
            return dict(zip(self.reading, self.adapters.by_layer(), strict=True))
        with in_full_precision(condition.pooled):
            return dict(zip(self.answers, self.generated(condition, condition.pooled), strict=True))

    def generated(self, condition: Condition, pooled: Tensor) -> Iterable[SiteWeights]:
        """Return the adapters of the answering side, layer by layer, for pooled texts [batch, hidden]."""
        raise NotImplementedError


class Hyperdecoder(ReadFirst):
    """In the decoder an adapter for each example.

    At T5-base's shape 15,259,192 parameters, however many the tasks.
    """

    Options: ClassVar[type[Closed]] = HyperdecoderOptions

    def __init__(self, setup: Setup, options: HyperdecoderOptions) -> None:
        super().__init__(setup, options, options.activation)
        hidden = self.backbone.hidden_size
        self.pooled_map = projector(hidden, hidden, hidden) if options.pooled_map else nn.Identity()
        self.layers = nn.Parameter(torch.randn(len(self.answers), options.layer_embedding))
        self.source = nn.Sequential(nn.Linear(hidden + options.layer_embedding, options.source_hidden), nn.ReLU())
        self.generator = BottleneckGenerator(options.source_hidden, hidden, options.bottleneck)
        self.generator.start_small()

    def generated(self, condition: Condition, pooled: Tensor) -> Iterable[SiteWeights]:
        """Return the adapters of all layers, each with one for every row, for pooled texts [batch, hidden]."""
        made = in_every_layer(
            self.pooled_map(pooled.float()), self.layers, lambda joined: self.generator(self.source(joined))
        )
        return replace(made, activation=ACTIVATIONS[self.options.activation]).unbind()

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {
            "adapters": list(self.adapters.parameters()),
            "pooled_map": list(self.pooled_map.parameters()),
            "layer_embeddings": [self.layers],
            "source": list(self.source.parameters()),
            "generator": list(self.generator.parameters()),
        }
