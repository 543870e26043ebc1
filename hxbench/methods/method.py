"""What every method is: a backbone with sites, heads, and a rule for what is trained.

weights = method.adapter_weights(condition)      # for all sites at once
site(hidden, weights[site])                      # the sites apply them
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, Sites, SiteWeights
from hxbench.encoding.batch import Batch
from hxbench.modules.heads import TaggingHead
from hxbench.modules.parameters import fill
from hxbench.spec import START, Closed, RunSpec

MLM = "mlm"


class Condition(NamedTuple):
    """What a method is told about a batch."""

    task: str
    language: str


class NoOptions(Closed):
    """For methods that have nothing to choose."""


class Method(nn.Module):
    """A method on a backbone; subclasses say which sites, which weights, and what is trained."""

    Options: ClassVar[type[Closed]] = NoOptions
    positions: ClassVar[tuple[str, ...]] = ()  # of the sites it uses
    uses_mlm: ClassVar[bool] = False  # whether masked language modelling is trained beside the labelled tasks
    needs_text: ClassVar[bool] = False  # whether it can do nothing for a language without running text
    needs_labels: ClassVar[bool] = False  # whether it can do nothing for a language no task has a source in

    def __init__(
        self, backbone: Backbone, *, labels: Mapping[str, int], languages: Sequence[str], options: Closed
    ) -> None:
        """Build on `backbone`; `labels` gives the number of labels of each tagging task, `languages` all codes."""
        super().__init__()
        self.options = options
        self.backbone = backbone
        self.tasks = (*labels, MLM) if self.uses_mlm else tuple(labels)
        self.languages = tuple(languages)
        self.model = backbone.model
        self.sites = Sites(backbone.body, backbone.family, self.positions)
        self.heads = nn.ModuleDict({t: TaggingHead(backbone.hidden_size, n) for t, n in labels.items()})
        self._kept: dict[Condition, Mapping[SiteKey, SiteWeights]] | None = None

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
        """The encoder."""
        return self.backbone.body

    @property
    def mlm_head(self) -> nn.Module:
        """The language-modelling head."""
        return self.backbone.mlm_head

    def adapter_weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of every site under a condition; none at all leaves the backbone as it is."""
        return {}

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what is trained, by name of the part; everything else of the backbone stays frozen."""
        raise NotImplementedError

    def taken_parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what earlier runs trained for this one, by name of the part; of several alike, one."""
        return {}

    def counted(self) -> int:
        """Return the number of parameters as the method's paper counts them."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

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

    @contextmanager
    def keeping_weights(self) -> Iterator[None]:
        """Generate the weights of each condition only once inside the block: parameters must not change there."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def _weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        if self._kept is None:
            return self.adapter_weights(condition)
        if condition not in self._kept:
            self._kept[condition] = self.adapter_weights(condition)
        return self._kept[condition]

    def hidden(self, batch: Batch) -> Tensor:
        """Return the hidden states of the pieces that carry a target, [targets, hidden]."""
        with self.sites.using(self._weights(Condition(batch.task, batch.language))):
            states = self.body(input_ids=batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        return states.flatten(0, 1)[batch.positions]

    def logits(self, batch: Batch) -> Tensor:
        """Return the logits at the targets in fp32, [targets, labels] or [targets, vocabulary]."""
        hidden = self.hidden(batch)
        head = self.mlm_head if batch.task == MLM else self.heads[batch.task]
        return head(hidden).float()

    def forward(self, batch: Batch) -> Tensor:
        """Return this process's share of the mean cross-entropy over the global batch's targets."""
        return functional.cross_entropy(self.logits(batch), batch.targets, reduction="sum") / batch.count

    def remove(self) -> None:
        """Give the backbone back as it came, as far as sites are concerned."""
        self.sites.remove()


def layer_norms(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of every LayerNorm below `module`."""
    return [p for m in module.modules() if isinstance(m, nn.LayerNorm) for p in m.parameters()]


def weights_by_site(keys: Sequence[SiteKey], weights: Sequence[SiteWeights]) -> dict[SiteKey, SiteWeights]:
    """Return a mapping from sites to their weights, given in the same order."""
    return dict(zip(keys, weights, strict=True))


def seed_everything(*key: int) -> None:
    """Make what follows a function of `key`: the seed for initialisation, (seed, step, rank) for dropout."""
    torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]))
