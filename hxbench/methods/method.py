"""What every method is: a backbone with sites, a rule for what is trained, and a loss.

weights = method.adapter_weights(condition)      # for all sites at once
site(hidden, weights[site])                      # the sites apply them

What a condition is depends on the kind of task: `tagging` and `text_to_text` say.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from hxbench.backbones.families import Family, Stacks
from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, Sites, SiteWeights
from hxbench.closed import Closed
from hxbench.modules.parameters import fill
from hxbench.spec import START, RunSpec


class NoOptions(Closed):
    """For methods that have nothing to choose."""


class Method(nn.Module):
    """A method on a backbone; subclasses say which sites, which weights, and what is trained."""

    Options: ClassVar[type[Closed]] = NoOptions
    positions: ClassVar[tuple[str, ...]] = ()  # of the sites it uses
    stacks: ClassVar[tuple[Stacks, ...]] = ()  # of the backbones it works on
    uses_mlm: ClassVar[bool] = False  # whether masked language modelling is trained beside the labelled tasks
    needs_text: ClassVar[bool] = False  # whether it can do nothing for a language without running text
    needs_labels: ClassVar[bool] = False  # whether it can do nothing for a language no task has a source in
    imports: ClassVar[tuple[str, ...]] = ()  # modules whose import is put off until a model is made

    def __init__(self, backbone: Backbone, options: Closed) -> None:
        super().__init__()
        self.options = options
        self.backbone = backbone
        self.model = backbone.model
        self.sites = Sites(backbone.body, backbone.family, self.positions)

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a run that a family of backbones cannot do, beyond what `stacks` says."""

    @classmethod
    def needs(cls, spec: RunSpec, texts: Sequence[str]) -> dict[str, RunSpec]:
        """Return the runs that have to be finished before this one, by the role they play for it.

        `texts` are the languages that have running text; the specs are unresolved like `spec` itself.
        """
        return {}

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Take over the trained weights of a finished run; `START`: go on from them."""
        if role != START:
            raise ValueError(f"{type(self).__name__} has no use for a run as {role}")
        fill(self.trained(), tensors, "the run it starts from")

    def start_training(self, updates: int) -> None:
        """Be told the number of updates before the first one; a resumed run is told again."""

    @property
    def body(self) -> nn.Module:
        """The backbone without any head; of one with two stacks the whole."""
        return self.backbone.body

    def forward(self, batch: Any) -> Tensor:
        """Return this process's share of the loss of the global batch, which it is the mean of."""
        raise NotImplementedError

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the part of a loss, just returned by `forward`, that is the mean cross-entropy of the targets.

        It is what can be compared with the entropy of the labels; None where a loss does not have it.
        """
        return None

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what is trained, by name of the part; everything else of the backbone stays frozen."""
        raise NotImplementedError

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what earlier runs trained for this one, by name of the part; of several alike, one."""
        return {}

    def counted(self) -> int:
        """Return the number of parameters as the method's paper counts them."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def drawn(self) -> list[nn.Parameter]:
        """Return the trained parameters whose places were drawn by chance: some may never get a gradient."""
        return []

    def freeze(self) -> None:
        """Let gradients flow to the trained parts only."""
        self.requires_grad_(False)
        for parameters in self.parts().values():
            for parameter in parameters:
                parameter.requires_grad_(True)

    def part_sizes(self) -> dict[str, int]:
        """Return the number of parameters of each part that is trained, here or by the runs before."""
        parts = {**self.taken_parts(), **self.parts()}
        return {name: sum(p.numel() for p in parameters) for name, parameters in parts.items()}

    def trained(self) -> dict[str, nn.Parameter]:
        """Return the trained parameters by name: what a checkpoint keeps."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def remove(self) -> None:
        """Give the backbone back as it came, as far as sites are concerned."""
        self.sites.remove()


def weights_by_site(keys: Sequence[SiteKey], weights: Sequence[SiteWeights]) -> dict[SiteKey, SiteWeights]:
    """Return a mapping from sites to their weights, given in the same order."""
    return dict(zip(keys, weights, strict=True))


def seed_everything(*key: int) -> None:
    """Make what follows a function of `key`: the seed for initialisation, (seed, step, rank) for dropout."""
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))
