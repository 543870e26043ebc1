"""Hyperdecoder: the decoder's adapters are generated for every example from what the encoder made of it.

The encoder has adapters with parameters of their own, the same for all tasks; nothing is told which task a text is
of (Ivison & Peters, 2022; PHA sheet, section 7).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.methods.method import Method, Setup
from hxbench.modules.adapter import Bottlenecks
from hxbench.modules.bottleneck import ACTIVATIONS, ActivationName
from hxbench.modules.hypernetwork import BottleneckGenerator, in_full_precision, projector
from hxbench.spec.run_spec import Positive


class HyperdecoderOptions(AnswerOptions):
    """Sizes of the adapters and of what generates them."""

    bottleneck: Positive = 64  # of the encoder's adapters and of the generated ones
    layer_embedding: Positive = 10
    source_hidden: Positive = 128  # what the weights are a linear map of
    pooled_map: bool = True  # two layers on the pooled text before it meets the layer; the smaller form has none
    activation: ActivationName = "relu"


class Hyperdecoder(Method):
    """Adapters parallel to the feed-forward blocks: own ones in the encoder, in the decoder one for each example.

    At T5-base's shape 15,259,192 parameters, however many the tasks.
    """

    Options: ClassVar[type[Closed]] = HyperdecoderOptions
    roles = ("parallel",)
    reads_first = True

    def __init__(self, setup: Setup, options: HyperdecoderOptions) -> None:
        super().__init__(setup, options)
        hidden = self.backbone.hidden_size
        self.reading = self.backbone.sites("parallel", "reading")
        self.answers = self.backbone.sites("parallel", "answering")
        layers = len(self.answers)
        self.activation = ACTIVATIONS[options.activation]
        self.adapters = Bottlenecks(
            len(self.reading), hidden, options.bottleneck, 1.0, activation=options.activation
        )
        self.adapters.start_small()
        self.pooled_map = projector(hidden, hidden, hidden) if options.pooled_map else nn.Identity()
        self.layers = nn.Parameter(torch.randn(layers, options.layer_embedding))
        self.source = nn.Sequential(nn.Linear(hidden + options.layer_embedding, options.source_hidden), nn.ReLU())
        self.generator = BottleneckGenerator(options.source_hidden, hidden, options.bottleneck)
        self.generator.start_small()

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the encoder's adapters, or those of all layers of the decoder and of all rows from one product.

        The generator always runs in fp32.
        """
        if condition.pooled is None:
            return dict(zip(self.reading, self.adapters.by_layer(), strict=True))
        with in_full_precision(condition.pooled):
            rows = self.pooled_map(condition.pooled.float())  # [batch, hidden]
            grid = (len(self.layers), len(rows))
            joined = torch.cat([rows.expand(*grid, -1), self.layers[:, None].expand(*grid, -1)], dim=-1)
            made = self.generator(self.source(joined.flatten(0, 1)))
            each = (
                replace(made, activation=self.activation).mapped(lambda tensor: tensor.unflatten(0, grid)).unbind()
            )
        return dict(zip(self.answers, each, strict=True))

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The encoder's adapters and all that generates the decoder's; the backbone stays as it is."""
        return {
            "adapters": list(self.adapters.parameters()),
            "pooled_map": list(self.pooled_map.parameters()),
            "layer_embeddings": [self.layers],
            "source": list(self.source.parameters()),
            "generator": list(self.generator.parameters()),
        }
