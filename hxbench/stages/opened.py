"""The data of a run, whichever kind of task it is of."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch

from hxbench.backbones.load import Backbone
from hxbench.data import Corpora as Collection
from hxbench.encoding.rows import Rows
from hxbench.evaluation.marked import Marked
from hxbench.methods.method import Method
from hxbench.methods.tagging import TaggingMethod
from hxbench.settings import Pair
from hxbench.spec import RunSpec
from hxbench.stages.compose import held_out_rows
from hxbench.stages.data import RunData
from hxbench.stages.plan import Plan
from hxbench.stages.text_data import TextRunData
from hxbench.store import RunWriter


class OpenedData(Protocol):
    """The encoded corpora of a run, and what a method is trained and scored with."""

    @property
    def train(self) -> Mapping[Pair, Rows]:
        """The training examples of every stream."""

    def sampler(self) -> Any:
        """Return which examples come at which step; it knows the number of `updates`."""

    def feed(self, sampler: Any, device: torch.device, share: tuple[int, int]) -> Callable[[int], Any]:
        """Return the batches of the training, of which this process takes its share."""

    def introduce(self, method: Method) -> dict[str, Any]:
        """Show a method, before it is trained, what it has to know of the data; return facts for provenance."""

    def score(self, method: Method, pair: Pair, split: str) -> Marked:
        """Return a split with what the method makes of it."""

    def further_rows(self, method: Method, step: int, share: tuple[int, int]) -> Iterator[dict[str, Any]]:
        """Yield rows for the store beside the scores; `share` = (rank, world) does a process's part."""

    def write_further(self, method: Method, writer: RunWriter) -> None:
        """Write what else a trained method leaves behind."""


class _TaggingRun(RunData):
    """Tagging tasks: held-out languages are scored by composed embeddings."""

    def introduce(self, method: Method) -> dict[str, Any]:
        """Tell a method that models language beside its tasks which tokens occur, where the run asks for those."""
        if self.spec.training.mlm_vocabulary == "all" or not self.plan.mlm:
            return {}
        assert isinstance(method, TaggingMethod)
        tokens = self.mlm_tokens()
        method.choose_among(torch.from_numpy(tokens))
        return {"mlm_vocabulary": len(tokens)}

    def further_rows(self, method: Method, step: int, share: tuple[int, int]) -> Iterator[dict[str, Any]]:
        assert isinstance(method, TaggingMethod)
        return held_out_rows(method, self, self.plan, step, share)

    def write_further(self, method: Method, writer: RunWriter) -> None:
        return


def open_data(spec: RunSpec, plan: Plan, corpora: Collection, backbone: Backbone) -> OpenedData:
    """Return the data of a run, as its backbone reads them."""
    if spec.data.collection == "english":
        return TextRunData(spec, plan, corpora, backbone)
    return _TaggingRun(spec, plan, corpora, backbone.tokenizer)
