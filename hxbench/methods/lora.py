"""LoRA: query and value of self-attention, rank 8, scale 2 (PET scaling, section 4).

Through `peft` where query and value are layers of their own, as BERT's and T5's; beside a fused projection, as
BLOOM's, by `FusedLowRank`.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.backbones.families import ProjectionRole, is_transposed
from hxbench.closed import Closed, added
from hxbench.errors import InputError
from hxbench.methods.method import PEFT_PREFIX
from hxbench.methods.options import PetOptions
from hxbench.methods.peft import Peft
from hxbench.methods.peft_options import PeftOptions
from hxbench.modules.low_rank import FusedLowRank
from hxbench.modules.parameters import fill
from hxbench.spec.backbone import Positive

ROLES: tuple[ProjectionRole, ...] = ("query", "value")


class LoraOptions(PetOptions):
    """Rank and scale."""

    rank: Positive = 8
    alpha: Annotated[float, Field(gt=0)] = 16  # the branch is scaled by alpha / rank
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    # fused: whose branch the value gets; in the published code the query's, its own is trained in name alone
    value: Literal["own", "query"] = added("own")


class Lora(Peft):
    """Low-rank branches beside the projections."""

    Options: ClassVar[type[Closed]] = LoraOptions

    @classmethod
    def configured(cls, options: Any) -> PeftOptions:
        fields = {"r": options.rank, "lora_dropout": options.dropout}
        return PeftOptions(type="LORA", targets=ROLES, **fields)

    def configuration(self, **more: Any) -> Any:
        """Return the configuration; `peft` itself takes scales that are no whole numbers."""
        return super().configuration(**{"lora_alpha": self.options.alpha, **more})

    def _make(self) -> None:
        self.branches: nn.ModuleList | None = None
        if any(one.part is not None for one in self.backbone.projections(*ROLES)):
            self._add_branches(self.options)
        else:
            super()._make()

    def _add_branches(self, options: LoraOptions) -> None:
        """Hang a pair of branches beside the fused projection of every layer."""
        queries, values = (self.backbone.projections(role) for role in ROLES)
        shared = options.value == "query"
        if shared and any(
            query.width_out != value.width_out for query, value in zip(queries, values, strict=True)
        ):
            raise InputError(
                f"options.value=query: the values of {self.backbone.family.title} are narrower than the queries, "
                "whose branch does not fit them: set it to own."
            )
        self.branches = nn.ModuleList(
            FusedLowRank(query, value, options.rank, options.alpha, options.dropout, shared=shared)
            for query, value in zip(queries, values, strict=True)
        )
        for branch, query in zip(self.branches, queries, strict=True):
            self.adding(
                query.module,
                lambda hidden, output, branch=branch: branch(hidden).to(output.dtype),  # type: ignore[misc]
            )

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        if self.branches is not None:
            return {"lora": list(self.branches.parameters())}
        return {"lora": [p for some in super().parts().values() for p in some]}

    def peft(self) -> tuple[Any, dict[str, Tensor]] | None:
        """Return LoRA's configuration and both matrices of every branch, two beside a fused projection as one."""
        if self.branches is None:
            return super().peft()
        pairs = [branch.as_one() for branch in self._fused()]
        state = {
            f"{PEFT_PREFIX}{name}.lora_{side}.weight": matrix
            for name, pair in zip(self._fused_names(), pairs, strict=True)
            for side, matrix in zip("AB", pair, strict=True)
        }
        options, rank = self.options, len(pairs[0][0])
        config = self.configuration(
            r=rank,
            lora_alpha=options.alpha * rank / options.rank,  # the scale stays
            target_modules=self._fused_names(),
            fan_in_fan_out=is_transposed(self.backbone.projections("query")[0].module),
        )
        return config, state

    def take_peft(self, state: Mapping[str, Tensor], origin: str) -> None:
        """Take over the matrices of every branch; `InputError` for others, and for matrices of another shape."""
        if self.branches is None:
            super().take_peft(state, origin)
            return
        own = self.peft()
        assert own is not None
        wanted = {name: nn.Parameter(torch.empty_like(matrix)) for name, matrix in own[1].items()}
        fill(wanted, state, origin)
        with torch.no_grad():
            for name, branch in zip(self._fused_names(), self._fused(), strict=True):
                branch.take_one(*(wanted[f"{PEFT_PREFIX}{name}.lora_{side}.weight"] for side in "AB"))

    def _fused(self) -> list[FusedLowRank]:
        return [branch for branch in self.branches or () if isinstance(branch, FusedLowRank)]

    def _fused_names(self) -> list[str]:
        """Return the names of the fused projections, layer by layer."""
        wanted = {id(one.module) for one in self.backbone.projections("query")}
        return [name for name, module in self.model.named_modules() if id(module) in wanted]
