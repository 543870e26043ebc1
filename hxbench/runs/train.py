"""One run from its spec to a finished folder in the store."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from hxbench.data import Corpora
from hxbench.data.sampling import Sampler
from hxbench.methods.method import Method
from hxbench.modules.trimmed_embedding import training_rows_of
from hxbench.runs.assemble import build, equip, require_choice, trains_embeddings
from hxbench.runs.backbone import get_backbone
from hxbench.runs.compose import held_out_rows
from hxbench.runs.data import RunData
from hxbench.runs.plan import Plan
from hxbench.runs.results import label_losses, write_results
from hxbench.runs.retrieval import write_retrieval
from hxbench.runs.scored import Scored
from hxbench.runs.tracking import Tracking, require_tracker
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunWriter, Store
from hxbench.store.plateau import FIELD as LABEL_LOSSES
from hxbench.tasks.encoding.rows import occurring
from hxbench.training.checkpoint import ResumeStates, save_weights
from hxbench.training.device import accelerator_in, forget_peak
from hxbench.training.loop import Interrupted, Progress, train

Report = Callable[[int, int, float], None]  # step, updates, loss


def run(
    spec: RunSpec,
    plan: Plan,
    corpora: Corpora,
    store: Store,
    *,
    offline: bool = False,
    checkpoint_every: int | None = None,
    keep_weights: bool = True,
    source: str = "",
    track: str = "",
    report: Report = lambda step, updates, loss: None,
) -> Path:
    """Train and score a run whose inputs are resolved; return its folder in the store.

    `keep_weights` false leaves the trained weights out of the finished run: its scores and predictions stay.
    `track` names a tracker that follows the run (`hxbench.runs.tracking`).
    Under `torchrun` every process calls this and only the first writes. What is already in the store is returned.
    """
    final = store.root / "runs" / spec.run_id
    if store.is_complete(spec.run_id):
        return final
    if spec.training.cpu_threads:
        torch.set_num_threads(spec.training.cpu_threads)
    if track:
        require_tracker(track)
    accelerator = accelerator_in(spec.training.precision, track, store.root / "tracking")
    forget_peak()
    backbone = get_backbone(spec.backbone, offline=offline)
    require_choice(spec, backbone.family)  # which may not have been known before
    method = build(spec, backbone)
    equip(method, spec, store)
    method.to(accelerator.device)
    facts: dict[str, Any] = {"drawn": list(backbone.drawn)} if backbone.drawn else {}  # which its weights lacked
    if found := corpora.stand_ins(plan.used()):
        facts["stand_ins"] = found
    facts["data_source"] = source
    work = _Work(
        RunData(spec, plan, corpora, backbone), method, accelerator, facts, checkpoint_every, keep_weights, report,
        Tracking(track, spec, accelerator),
    )  # fmt: skip
    if not accelerator.is_main_process:
        work.train_and_score(Path(broadcast_object_list([None])[0]), None)
        accelerator.wait_for_everyone()  # the next run of this process may build on what is being written
        return final
    with store.open_run(spec) as writer:
        broadcast_object_list([str(writer.folder)])
        try:
            work.train_and_score(writer.folder, writer)
        except Interrupted as stopped:
            writer.status(state="interrupted", step=stopped.step)
            raise
        final = writer.finish()
    accelerator.wait_for_everyone()
    # not before: killed while results are written, a run goes on from here
    ResumeStates(final / "resume").clear()
    return final


def stopped_early(progress: Progress, updates: int) -> str:
    """Return what to say of a training that patience ended; nothing of one that made all its updates."""
    if progress.step == updates:
        return ""
    count = progress.no_better
    since = "1 evaluation since then was" if count == 1 else f"{count} evaluations since then were"
    return (
        f"training stopped at update {progress.step} of {updates}: the best weights are those of update "
        f"{progress.best_step}, and {since} no better."
    )


@dataclass
class _Work:
    """The training of one run in one process."""

    data: RunData
    method: Method
    accelerator: Accelerator
    facts: dict[str, Any]  # for the provenance
    checkpoint_every: int | None
    keep_weights: bool
    report: Report
    tracking: Tracking

    @property
    def share(self) -> tuple[int, int]:
        """Which process this is, and of how many."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def train_and_score(self, folder: Path, writer: RunWriter | None) -> None:
        """Train in the run's work folder, score the test splits, and let the process that has a writer write."""
        spec, plan, sampler = self.data.spec, self.data.plan, self.data.sampler()
        feed = self.data.feed(sampler, self.accelerator.device, self.share)
        self.facts |= self.data.introduce(self.method)
        if isinstance(sampler, Sampler):
            self.facts["updates_by_task"] = sampler.updates_by_task
        if writer:
            writer.status(updates=sampler.updates)

        def tell(step: int, loss: float) -> None:
            if writer and step % spec.training.evaluate_every == 0:
                writer.status(step=step)
            self.tracking.loss(step, sampler.updates, loss)
            self.report(step, sampler.updates, loss)

        self.method.start_training(sampler.updates)
        with self.trained_rows():
            progress = train(
                self.method, feed, sampler.updates, spec.training, spec.seed, self.accelerator,
                ResumeStates(folder / "resume"), evaluate=self.validate if plan.validation else None,
                checkpoint_every=self.checkpoint_every, report=tell,
            )  # fmt: skip
        trained = time.perf_counter()
        results = self.scored(plan.test, "test")
        composed = held_out_rows(self.method, self.data, progress.best_step, self.share)
        more = gather_object([*composed, *self.data.majorities(self.share)])
        if writer is None:
            return
        if self.keep_weights:
            save_weights(folder / "checkpoint", self.method.trained())
        self.facts |= {"device": str(self.accelerator.device), "processes": self.accelerator.num_processes}
        self.tracking.scores(row for one in results for row in one.rows("test"))
        self.tracking.finish()
        uncounted = write_results(writer, spec, plan, progress, results, more, self.facts)
        note = " ".join(filter(None, [stopped_early(progress, sampler.updates), uncounted]))
        write_retrieval(writer, self.method, self.data)
        writer.status(
            step=progress.step,
            best_step=progress.best_step,
            wall_seconds=round(progress.wall_seconds, 2),
            scoring_seconds=round(time.perf_counter() - trained, 2),
            **({LABEL_LOSSES: ended} if (ended := label_losses(sampler, self.data.train, progress)) else {}),
            **({"note": note} if note else {}),
        )

    def trained_rows(self) -> AbstractContextManager[None]:
        """Return a context to train in: of word embeddings perhaps the rows of the run's tokens alone."""
        if self.data.spec.training.embedding_rows == "all" or not trains_embeddings(self.method):
            return nullcontext()
        tokens = torch.from_numpy(occurring(self.data.train.values()))
        self.facts["embedding_rows"] = len(tokens)
        return training_rows_of(self.method.body, tokens)

    def scored(self, pairs: Sequence[Pair], split: str) -> list[Scored]:
        """Score a split of the pairs: each process every so-many-th, and all get to know all results."""
        rank, world = self.share
        return gather_object([self.data.score(self.method, pair, split) for pair in pairs[rank::world]])

    def validate(self) -> tuple[float, list[dict[str, Any]]]:
        """Return the mean validation score, by which the checkpoint is chosen, and the rows behind it."""
        rows = [marked.rows("dev")[0] for marked in self.scored(self.data.plan.validation, "dev")]
        mean = sum(row["value"] for row in rows) / len(rows)
        rows.append({"split": "dev", "task": None, "language": "mean", "metric": "score", "value": mean})
        self.tracking.scores(rows)
        return mean, rows
