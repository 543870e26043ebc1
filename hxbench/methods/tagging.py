"""What the methods that tag words have in common: an encoder, a head a task, and adapters by task and language."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed
from hxbench.encoding.batch import Batch
from hxbench.methods.method import Method
from hxbench.modules.heads import OutputRows, TaggingHead
from hxbench.tasks import MLM


class Condition(NamedTuple):
    """What a method is told about a batch."""

    task: str
    language: str


class TaggingMethod(Method):
    """A method for tagging tasks, and for masked language modelling beside them."""

    stacks = ("encoder",)

    def __init__(
        self, backbone: Backbone, *, labels: Mapping[str, int], languages: Sequence[str], options: Closed
    ) -> None:
        """Build on `backbone`; `labels` gives the number of labels of each tagging task, `languages` all codes."""
        super().__init__(backbone, options)
        self.tasks = (*labels, MLM) if self.uses_mlm else tuple(labels)
        self.languages = tuple(languages)
        self.heads = nn.ModuleDict({t: TaggingHead(backbone.hidden_size, n) for t, n in labels.items()})
        self._kept: dict[Condition, Mapping[SiteKey, SiteWeights]] | None = None
        self._mlm_rows: OutputRows | None = None

    @property
    def mlm_head(self) -> nn.Module:
        """The language-modelling head."""
        return self.backbone.mlm_head

    @property
    def mlm_decoder(self) -> nn.Linear:
        """The output matrix [vocabulary, hidden] of that head, tied to the word embeddings, and its bias."""
        return self.backbone.output

    def choose_among(self, tokens: Tensor) -> None:
        """Let masked language modelling choose among some tokens alone: all targets to come, ascending ids."""
        self._mlm_rows = OutputRows(self.mlm_decoder, tokens)

    def adapter_weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of every site under a condition; none at all leaves the backbone as it is."""
        return {}

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
        """Return the logits at the targets in fp32: [targets, labels], or of all tokens that MLM chooses among."""
        hidden = self.hidden(batch)
        if batch.task != MLM:
            return self.heads[batch.task](hidden).float()
        with self._mlm_rows.in_place() if self._mlm_rows else nullcontext():
            return self.mlm_head(hidden).float()

    def forward(self, batch: Batch) -> Tensor:
        """Return this process's share of the mean cross-entropy over the global batch's targets."""
        targets = batch.targets
        if batch.task == MLM and self._mlm_rows:
            targets = self._mlm_rows.places(targets)
        return functional.cross_entropy(self.logits(batch), targets, reduction="sum") / batch.count

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return the loss, which is nothing else."""
        return loss
