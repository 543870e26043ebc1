"""One run from its spec to a finished folder in the store."""

import math
import resource
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from hxbench.corpora.load import Corpora
from hxbench.encoding.rows import Rows
from hxbench.encoding.tokens import encode
from hxbench.encoding.vocabulary import vocabulary_of
from hxbench.evaluation.tagging import Tagged, TaggingData, tag
from hxbench.methods.method import MLM
from hxbench.recipe import RunSpec
from hxbench.sampling import Sampler, Stream
from hxbench.settings import Pair
from hxbench.stages.assemble import build, costs
from hxbench.stages.backbone import get_backbone
from hxbench.stages.plan import Plan
from hxbench.store import RunWriter, Store
from hxbench.store.provenance import collect
from hxbench.training.accelerator import accelerator_in
from hxbench.training.checkpoint import ResumeStates, save_weights
from hxbench.training.feed import Feed
from hxbench.training.loop import Interrupted, Progress, train

Report = Callable[[int, int, float], None]  # step, updates, loss


def accelerator_for(spec: RunSpec) -> Accelerator:
    """Return the accelerator of a run: whatever device is there, in the spec's precision."""
    return accelerator_in(spec.training.precision)


class RunData:
    """The encoded corpora of a run."""

    def __init__(self, spec: RunSpec, plan: Plan, corpora: Corpora, tokenizer: Any) -> None:
        self.spec, self.corpora, self.tokenizer = spec, corpora, tokenizer
        self.vocabulary = vocabulary_of(tokenizer)
        self._used = plan.train | {Pair(MLM, code): "train" for code in plan.mlm}

    @cached_property
    def train(self) -> dict[Pair, Rows]:
        """The training examples of every stream."""
        return {pair: Rows(self._encoded(pair, split)[1]) for pair, split in self._used.items()}

    def _encoded(self, pair: Pair, split: str) -> tuple[Any, Any]:
        corpus = self.corpora.load(*pair, split)
        fingerprint = self.corpora.fingerprint(*pair, split)
        data = self.spec.data
        return corpus, encode(
            corpus, fingerprint, self.tokenizer, max_length=data.max_length, overflow=data.overflow
        )

    def tagging(self, pair: Pair, split: str) -> TaggingData:
        """Return a split ready to be scored."""
        return TaggingData.of(*pair, *self._encoded(pair, split))

    def updates(self) -> int:
        """Return the number of updates: as given, or so many passes over the labelled batches."""
        training = self.spec.training
        if training.updates:
            return training.updates
        assert training.epochs is not None
        labelled = [r for (task, _), r in self.train.items() if task != MLM]
        return math.ceil(training.epochs * sum(math.ceil(len(r) / training.batch_size) for r in labelled))

    def sampler(self) -> Sampler:
        """Return the sampler over all training streams."""
        training = self.spec.training
        return Sampler(
            [Stream(*pair, rows.lengths) for pair, rows in self.train.items()],
            batch_size=training.batch_size,
            updates=self.updates(),
            seed=self.spec.seed,
            temperature=training.temperature,
            draw=training.draw,
        )


def run(
    spec: RunSpec,
    plan: Plan,
    corpora: Corpora,
    store: Store,
    *,
    offline: bool = False,
    checkpoint_every: int | None = None,
    source: str = "",
    report: Report = lambda step, updates, loss: None,
) -> Path:
    """Train and score a run whose inputs are resolved; return its folder in the store.

    Under `torchrun` every process calls this and only the first writes. What is already in the store is returned.
    """
    final = store.root / "runs" / spec.run_id
    if store.is_complete(spec.run_id):
        return final
    if spec.training.cpu_threads:
        torch.set_num_threads(spec.training.cpu_threads)
    accelerator = accelerator_for(spec)
    if not accelerator.is_main_process:
        folder = broadcast_object_list([None])[0]
        _train_and_score(
            spec, plan, corpora, Path(folder), None, accelerator, offline, checkpoint_every, source, report
        )
        return final
    with store.open_run(spec) as writer:
        broadcast_object_list([str(writer.folder)])
        try:
            _train_and_score(
                spec, plan, corpora, writer.folder, writer, accelerator, offline, checkpoint_every, source, report
            )
        except Interrupted as stopped:
            writer.status(state="interrupted", step=stopped.step)
            raise
        final = writer.finish()
    # not before: killed while results are written, a run goes on from here
    ResumeStates(final / "resume").clear()
    return final


def _train_and_score(
    spec: RunSpec,
    plan: Plan,
    corpora: Corpora,
    folder: Path,
    writer: RunWriter | None,
    accelerator: Accelerator,
    offline: bool,
    checkpoint_every: int | None,
    source: str,
    report: Report,
) -> None:
    backbone = get_backbone(spec.backbone, offline=offline)
    data = RunData(spec, plan, corpora, backbone.tokenizer)
    method = build(spec, backbone).to(accelerator.device)
    share = (accelerator.process_index, accelerator.num_processes)
    sampler = data.sampler()
    feed = Feed(
        sampler, data.train, data.vocabulary,
        masking=spec.training.mlm_masking, device=accelerator.device, share=share,
    )  # fmt: skip
    validation = {pair: data.tagging(pair, "dev") for pair in plan.validation}

    def scored(sets: dict[Pair, TaggingData]) -> list[Tagged]:
        # each process tags every so-many-th pair, and all of them get to know all results
        mine = [
            tag(method, one, data.vocabulary, spec.training.eval_batch_size, accelerator.device)
            for one in list(sets.values())[share[0] :: share[1]]
        ]
        return gather_object(mine)

    def evaluate() -> tuple[float | None, list[dict[str, Any]]]:
        rows = [tagged.row("dev") for tagged in scored(validation)]
        mean = float(np.mean([row["value"] for row in rows]))
        return mean, [*rows, {"split": "dev", "task": None, "language": "mean", "metric": "score", "value": mean}]

    def tell(step: int, loss: float) -> None:
        report(step, sampler.updates, loss)

    if writer:
        writer.status(updates=sampler.updates)
    progress, tensors = train(
        method, feed, sampler.updates, spec.training, spec.seed, accelerator, ResumeStates(folder / "resume"),
        evaluate=evaluate if validation else None, checkpoint_every=checkpoint_every, report=tell,
    )  # fmt: skip
    results = scored({pair: data.tagging(pair, "test") for pair in plan.test})
    if writer is None:
        return
    rows = [
        {**tagged.row("test"), "step": progress.best_step, "role": _role(plan, tagged)}
        for tagged in sorted(results, key=lambda t: (t.task, data.corpora.languages[t.language].paper_code))
    ]
    save_weights(folder / "checkpoint", tensors)
    writer.write_metrics([*rows, *progress.validation, *_cost_rows(spec, progress, accelerator)])
    writer.write_history(progress.history)
    for tagged in results:
        table: dict[str, list[Any]] = {
            "sentence": list(range(len(tagged.gold))),
            "gold": tagged.gold,
            "predicted": tagged.predicted,
        }
        writer.write_predictions(tagged.task, tagged.language, table)
    writer.write_provenance(
        collect(
            device=str(accelerator.device), processes=accelerator.num_processes, data_source=source,
            threads=torch.get_num_threads(),
            trained_on={str(pair): split for pair, split in plan.train.items()}, mlm=list(plan.mlm),
            missing=[str(pair) for pair in plan.missing],
        )
    )  # fmt: skip
    writer.status(step=sampler.updates, best_step=progress.best_step, wall_seconds=round(progress.wall_seconds, 2))


def _role(plan: Plan, tagged: Tagged) -> str:
    return "source" if Pair(tagged.task, tagged.language) in plan.train else "target"


def _cost_rows(spec: RunSpec, progress: Progress, accelerator: Accelerator) -> list[dict[str, Any]]:
    """Return what the run cost, as rows of the store."""
    counted = costs(spec)
    if accelerator.device.type == "cuda":
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    values = {
        "trainable_parameters": counted["trainable"],
        "counted_parameters": counted["counted"],
        "backbone_parameters": counted["backbone"],
        "flops_per_token": counted["flops_per_token"],
        "wall_seconds": progress.wall_seconds,
        "device_seconds": progress.device_seconds,
        "peak_memory_bytes": peak,
        "tokens_per_second": progress.pieces / progress.wall_seconds if progress.wall_seconds else 0.0,
    }
    return [
        {
            "split": "cost",
            "task": None,
            "language": None,
            "metric": name,
            "value": value,
            "step": progress.step,
            "role": None,
        }
        for name, value in values.items()
    ]
