"""LoRA: query and value of self-attention, rank 8, scale 2 (PET scaling, section 4).

Through `peft` where query and value are layers of their own, as BERT's and T5's; beside a fused projection, as
BLOOM's, by `FusedLowRank`.
"""

import math
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.families import Projection
from hxbench.backbones.load import Backbone
from hxbench.closed import Closed, added
from hxbench.methods.method import Method, Setup
from hxbench.methods.options import PetOptions
from hxbench.spec.run_spec import Positive


def projections_of(backbone: Backbone) -> list[Projection]:
    """Return the query and value projections of every self-attention, layer by layer."""
    return backbone.projections("query", "value")


def low_rank(hidden: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Return scale · B·A·x for x [batch, length, in], A = `down` [rank, in], B = `up` [out, rank]."""
    return functional.linear(functional.linear(hidden, down), up) * scale


def in_fused(part: Tensor, place: int, groups: int) -> Tensor:
    """Return what is added to a fused projection, [batch, length, 3·hidden], of which `part` is one of three.

    Query, key and value stand next to each other, `groups` times: once for each head, or once for all of them.
    `place` 0 is the query, 2 the value.
    """
    by_head = part.unflatten(-1, (groups, -1))
    parts = [by_head if one == place else torch.zeros_like(by_head) for one in range(3)]
    return torch.stack(parts, dim=-2).flatten(-3)


def start_down(matrix: Tensor) -> Tensor:
    """Begin an A in place as `peft` does, Kaiming-uniform; a B begins at zero."""
    return nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))


class FusedLowRank(nn.Module):
    """Two branches beside a fused projection, for the query and for the value.

    `peft` puts one branch beside a whole projection. Of BLOOM's the parameters come to the same number, as
    8·H + 8·3H is 2·(8·H + 8·H), but the paper's has two branches and leaves the key alone. With `shared` the
    query's branch is added to the value too, and the value's own is never applied.
    """

    def __init__(
        self, hidden: int, groups: int, rank: int, alpha: float, dropout: float, *, shared: bool = False
    ) -> None:
        super().__init__()
        self.groups, self.scale, self.shared = groups, alpha / rank, shared
        self.query_a, self.value_a = (nn.Parameter(start_down(torch.empty(rank, hidden))) for _ in range(2))
        self.query_b, self.value_b = (nn.Parameter(torch.zeros(hidden, rank)) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return what is added to the projection's output, [batch, length, 3·hidden], for its input."""
        read = self.dropout(hidden)
        query = low_rank(read, self.query_a, self.query_b, self.scale)
        value = query if self.shared else low_rank(read, self.value_a, self.value_b, self.scale)
        return in_fused(query, 0, self.groups) + in_fused(value, 2, self.groups)


def _added(branch: nn.Module, hidden: Tensor, output: Tensor) -> Tensor:
    added: Tensor = branch(hidden)
    return added.to(output.dtype)


class LoraOptions(PetOptions):
    """Rank and scale."""

    rank: Positive = 8
    alpha: Annotated[float, Field(gt=0)] = 16  # the branch is scaled by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    # fused: whose branch the value gets; in the published code the query's, its own is trained in name alone
    value: Literal["own", "query"] = added("own")


class Lora(Method):
    """Low-rank branches beside the projections."""

    Options: ClassVar[type[Closed]] = LoraOptions
    imports: ClassVar[tuple[str, ...]] = ("peft.tuners.lora", "peft.utils.transformers_weight_conversion")
    transfers = True

    def __init__(self, setup: Setup, options: LoraOptions) -> None:
        super().__init__(setup, options)
        self._peft: list[Any] = []  # a list: its layers are the backbone's modules already
        self.branches: nn.ModuleList | None = None
        if any(one.place is not None for one in projections_of(self.backbone)):
            self._add_branches(options)
        else:
            self._wrap(options)

    def _wrap(self, options: LoraOptions) -> None:
        """Put `peft`'s layers around the projections."""
        from peft import LoraConfig
        from peft.tuners.lora import LoraModel

        wanted = {id(one.module) for one in projections_of(self.backbone)}
        config = LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=[name for name, module in self.model.named_modules() if id(module) in wanted],
        )
        self._peft = [LoraModel(self.model, config, "default")]

    def _add_branches(self, options: LoraOptions) -> None:
        """Hang a pair of branches beside the fused projection of every layer."""
        queries = self.backbone.projections("query")
        shared = options.value == "query"
        self.branches = nn.ModuleList(
            FusedLowRank(query.width_in, query.groups, options.rank, options.alpha, options.dropout, shared=shared)
            for query in queries
        )
        for branch, query in zip(self.branches, queries, strict=True):
            self.adding(query.module, partial(_added, branch))

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Both matrices of every branch."""
        if self.branches is not None:
            return {"lora": list(self.branches.parameters())}
        named = self.model.named_parameters()
        return {"lora": [p for name, p in named if ".lora_A." in name or ".lora_B." in name]}

    def remove(self) -> None:
        """Put the stock layers back in their places."""
        super().remove()
        for tuner in self._peft:
            model = tuner.unload()
            vars(model).pop("peft_config", None)  # which older versions leave behind
        self._peft = []
