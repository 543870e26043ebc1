"""Hyper-X: one hypernetwork generates the adapters of all layers, tasks and languages (Üstün et al., 2022)."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.methods.method import Method, Setup
from hxbench.modules.hypernetwork import (
    BottleneckGenerator,
    SourceEmbeddings,
    in_full_precision,
    initialise_linear,
    projector,
)
from hxbench.modules.per_row import for_rows
from hxbench.spec.backbone import Positive


class HyperXOptions(AnswerOptions):
    """Sizes of the hypernetwork, and where paper and published code differ."""

    embedding: Positive = 64  # of the task, the language and the layer, each
    source_hidden: Positive = 192  # hidden layer of the projector
    projected: Positive = 192  # 192 is Base, 32 is Small; the paper calls it d_s
    bottleneck: Positive = 256
    order: tuple[Literal["language", "task", "layer"], ...] = ("language", "task", "layer")  # code: task first
    adapter_layer_norm: bool = False  # on in the published example script, absent from the paper
    # of the MLM head. frozen, trained: the word embeddings, which it is tied to. apart: a matrix of its own that
    # starts from them and leaves them frozen, as in the published code wherever mlm is not the first task
    mlm_decoder: Literal["frozen", "trained", "apart"] = "frozen"
    # older runs; the published code's layers really start at 0.02 (sheet, section 3)
    initial_std: Annotated[float, Field(gt=0)] = 0.01

    @field_validator("order")
    @classmethod
    def _each_once(cls, order: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(order) != ["language", "layer", "task"]:
            raise ValueError("order names language, task and layer once each")
        return order


class HyperX(Method):
    """Adapters after each layer's feed-forward block, generated from (task, language, layer).

    The layers of a decoder are counted behind those of its encoder.
    """

    Options: ClassVar[type[Closed]] = HyperXOptions
    roles = ("ffn",)
    uses_mlm = True

    def __init__(self, setup: Setup, options: HyperXOptions) -> None:
        super().__init__(setup, options)
        backbone = self.backbone
        if options.mlm_decoder == "apart" and self.masked_lm:
            backbone.output.weight = nn.Parameter(backbone.output.weight.detach().clone())
        self.sites_in_order = backbone.sites("ffn")
        self.embeddings = SourceEmbeddings(
            len(self.tasks), len(self.languages), len(self.sites_in_order), options.embedding, options.order
        )
        self.projector = projector(3 * options.embedding, options.source_hidden, options.projected)
        self.generator = BottleneckGenerator(
            options.projected, backbone.hidden_size, options.bottleneck, options.adapter_layer_norm
        )
        for part in (self.projector, self.generator):
            initialise_linear(part, options.initial_std)
        self._composed: dict[str, Tensor] = {}  # embeddings that stand in for those of languages

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of all layers from one product; the generator always runs in fp32.

        Of a batch of several tasks every row gets its own task's.
        """
        with in_full_precision(next(self.projector.parameters())):
            language = self._composed.get(condition.language, self.languages.index(condition.language))
            places = range(len(self.tasks)) if condition.place is None else [condition.place]
            sources = torch.stack([self.embeddings(place, language) for place in places], dim=1)
            made = self.generator(self.projector(sources.flatten(0, 1)))
            each = for_rows(
                made.mapped(lambda rows: rows.unflatten(0, sources.shape[:2])),
                condition.tasks,
                alone=condition.place is not None,
            )
        return dict(zip(self.sites_in_order, each, strict=True))

    @contextmanager
    def composed(self, language: str, weights: Mapping[str, float]) -> Iterator[None]:
        """Let the weighted sum of other languages' embeddings stand for that of `language` inside the block.

        `weights` go by language and add up to 1. Not inside `keeping_weights`, which may have the language's own.
        """
        rows = self.embeddings.tables["language"][[self.languages.index(code) for code in weights]]
        shares = torch.tensor(list(weights.values()), dtype=rows.dtype, device=rows.device)
        self._composed = {language: (shares[:, None] * rows).sum(0)}
        try:
            yield
        finally:
            self._composed = {}

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Hypernetwork, the body's own LayerNorms; of the MLM head all but a frozen decoder matrix."""
        decoder = self.backbone.output.weight
        return {
            "embeddings": list(self.embeddings.parameters()),
            "projector": list(self.projector.parameters()),
            "generator": list(self.generator.parameters()),
            "layer_norms": self.backbone.norms(),
            "mlm_head": [
                p
                for p in (self.backbone.mlm_head.parameters() if self.masked_lm else ())
                if p is not decoder or self.options.mlm_decoder != "frozen"
            ],
        }

    def counted(self) -> int:
        """Generator, projector and embeddings: the paper's 76m and 13m."""
        sizes = self.part_sizes()
        return sizes["generator"] + sizes["projector"] + sizes["embeddings"]
