"""A language adapter: what MAD-X learns of one language from its raw text alone (Pfeiffer et al., 2020).

The backbone is frozen. Of its language-modelling head the part before the output matrix is trained along and left
behind, since that is what the AdapterHub implementation does, which the Hyper-X paper used: its `train_adapter`
freezes the base model and the output matrix with its bias, not the head's transform.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import Answered, AnswerOptions, Condition
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.sites import EMBEDDINGS, SiteKey, SiteWeights, changing_input
from hxbench.closed import Closed
from hxbench.errors import InputError
from hxbench.methods.method import Method, Reason, Setup
from hxbench.modules.bottleneck import Bottlenecks, BottleneckWeights, NormedStack
from hxbench.modules.hypernetwork import initialise_linear, projector
from hxbench.spec.backbone import Positive
from hxbench.tasks.encoding.batch import Batch

POSITION = "ffn_output_normed"
REDUCTION = 2  # of the hidden layers of a coupling (AdapterHub `SeqBnInvConfig`)
MlmHead = Literal["transform", "frozen"]  # what of it is trained along


class LanguageAdapterOptions(AnswerOptions):
    """Sizes of a language adapter, and what is trained beside it."""

    bottleneck: Positive = 256
    invertible: bool = False  # a coupling on the embeddings; not used in Hyper-X (footnote 3)
    initial_std: Annotated[float, Field(gt=0)] = 0.02
    mlm_head: MlmHead = "transform"


class Coupling(nn.Module):
    """An invertible map of hidden vectors (NICE), each half shifted by a function of the other.

    It acts on the embeddings and is undone before the output matrix.
    """

    def __init__(self, hidden: int, std: float) -> None:
        super().__init__()
        self.split = hidden // 2
        rest = hidden - self.split
        self.first = projector(rest, rest // REDUCTION, self.split)  # shifts the first half
        self.second = projector(self.split, self.split // REDUCTION, rest)
        initialise_linear(self, std)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return y of x, both [..., hidden]: y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁)."""
        one, two = hidden[..., : self.split], hidden[..., self.split :]
        one = one + self.first(two)
        return torch.cat([one, two + self.second(one)], dim=-1)

    def inverse(self, hidden: Tensor) -> Tensor:
        """Return x of y, both [..., hidden]."""
        one, two = hidden[..., : self.split], hidden[..., self.split :]
        two = two - self.second(one)
        return torch.cat([one - self.first(two), two], dim=-1)


@dataclass(frozen=True)
class CouplingWeights:
    """A coupling as what an adapter brings to the embeddings' site."""

    coupling: Coupling

    def apply(self, hidden: Tensor) -> Tensor:
        """Return `hidden` [batch, length, hidden] mapped forward."""
        mapped: Tensor = self.coupling(hidden)
        return mapped


class AdapterParts(nn.Module):
    """The parameters of one language adapter: a bottleneck in every layer, and a coupling if it is invertible."""

    def __init__(self, backbone: Backbone, bottleneck: int, std: float, invertible: bool) -> None:
        super().__init__()
        if invertible and backbone.output.in_features != backbone.hidden_size:
            raise InputError(
                "an invertible adapter is undone before the output matrix, which of this "
                f"{backbone.family.title} is narrower than the hidden states: set options.invertible to false."
            )
        self.bottlenecks = Bottlenecks(backbone.layer_count, backbone.hidden_size, bottleneck, std)
        self.coupling = Coupling(backbone.hidden_size, std) if invertible else None


def stacked(
    layers: Iterable[Sequence[BottleneckWeights]], coupling: Coupling | None
) -> dict[SiteKey, SiteWeights]:
    """Return the weights of every site, given the adapters of each layer from below and the coupling, if any."""
    weights: dict[SiteKey, SiteWeights] = {
        SiteKey(layer, POSITION): NormedStack(adapters) for layer, adapters in enumerate(layers)
    }
    return weights | ({EMBEDDINGS: CouplingWeights(coupling)} if coupling else {})


class LanguageAdapter(Method):
    """One adapter, trained by masked language modelling."""

    Options: ClassVar[type[Closed]] = LanguageAdapterOptions
    roles = ("embeddings", "ffn_normed")
    refused: ClassVar[Mapping[str, Reason]] = {
        "encoder-decoder": "needs an MLM head",
        "causal": "needs an MLM head",
        "decoder": "needs an MLM head",
    }
    uses_mlm = True
    needs_text = True

    def __init__(self, setup: Setup, options: LanguageAdapterOptions) -> None:
        super().__init__(setup, options)
        self.adapter = AdapterParts(self.backbone, options.bottleneck, options.initial_std, options.invertible)

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the adapter, whatever the condition: a run has one language."""
        own = self.adapter.bottlenecks.by_layer()
        return stacked(([one] for one in own), self.adapter.coupling)

    def answer(self, batch: Batch) -> Answered:
        """Return the logits at the masked tokens in fp32, [targets, vocabulary]; the coupling is undone before."""
        coupling = self.adapter.coupling
        with changing_input(self.backbone.output, coupling.inverse) if coupling else nullcontext():
            return super().answer(batch)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The adapter; of the language-modelling head what comes before the output matrix."""
        output = self.backbone.output
        before = [part for part in self.backbone.mlm_head.children() if part is not output]
        head = [p for part in before for p in part.parameters()] if self.options.mlm_head == "transform" else []
        return {"language_adapter": list(self.adapter.parameters()), "mlm_head": head}

    def counted(self) -> int:
        """The adapter alone: the 4.7m of Hyper-X, Table 3."""
        return self.part_sizes()["language_adapter"]
