"""Everything a profile needs before training: corpora read and tokenised, the backbone made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hxbench.backbones.load import fetch_backbone, pinned
from hxbench.corpora.load import Corpora
from hxbench.corpora.schema import CORPUS_OF_TASK
from hxbench.corpora.schema import SPLITS as CORPUS_SPLITS
from hxbench.errors import InputError, did_you_mean
from hxbench.settings import Pair
from hxbench.spec import BackboneSpec, DataSpec
from hxbench.stages import backbone

Report = Callable[[str, int, int | None], None]  # what is being done, how far, of how much


@dataclass(frozen=True)
class Prepared:
    """One pair after reading: its number of sentences (lines of text for mlm) by split."""

    pair: Pair
    sentences: dict[str, int]


def tasks_of(corpora: Sequence[str]) -> list[str]:
    """Return the tasks behind corpus names (`ud`, `wikiann`, `text`); all of them for none."""
    task_of = {corpus: task for task, corpus in CORPUS_OF_TASK.items()}
    for name in corpora:
        if name not in task_of:
            raise InputError(did_you_mean("corpus", name, list(task_of)))
    return [task_of[name] for name in corpora] or list(CORPUS_OF_TASK)


def fetch(tasks: Sequence[str], corpora: Corpora, report: Report) -> list[Pair]:
    """Bring the corpora of `tasks` here if the source is remote; return the pairs that the source lacks."""
    pairs = [Pair(task, code) for task in tasks for code in corpora.languages]
    corpora.fetch(pairs, lambda what, done, total: report(f"fetch {what}", done, total))
    return [Pair(*pair) for pair in corpora.missing(pairs)]


def read(tasks: Sequence[str], corpora: Corpora, report: Report) -> list[Prepared]:
    """Read every pair that is there into Arrow, so that broken input shows now and not in a training."""
    pairs = [Pair(task, code) for task in tasks for code in corpora.languages if corpora.splits(task, code)]
    prepared = []
    for done, pair in enumerate(pairs):
        report("read corpora", done, len(pairs))
        sizes = {
            split: len(corpora.load(*pair, split)) for split in CORPUS_SPLITS if split in corpora.splits(*pair)
        }
        prepared.append(Prepared(pair, sizes))
    report("read corpora", len(pairs), len(pairs))
    return prepared


def make_backbone(spec: BackboneSpec, corpora: Corpora, report: Report) -> BackboneSpec:
    """Return the spec with its fingerprint, its backbone fetched or pre-trained if that is how it comes about."""
    spec = spec.model_copy(update={"fingerprint": spec.fingerprint or backbone.fingerprint(spec, corpora)})
    if spec.hub:
        report("fetch backbone", 0, None)
        fetch_backbone(pinned(spec), offline=corpora.origin.offline)
    if not backbone.is_ready(spec):
        assert spec.pretrain is not None
        steps = spec.pretrain.steps
        backbone.pretrain(spec, corpora, lambda step, _loss: report("pre-train backbone", step, steps))
    return spec


def tokenise(
    prepared: Sequence[Prepared],
    corpora: Corpora,
    data: DataSpec,
    spec: BackboneSpec,
    report: Report,
    *,
    offline: bool,
) -> dict[str, Any]:
    """Tokenise every split that was read, once; return the counts of rows and of sentences that needed windows."""
    from hxbench.encoding.tokens import encode

    tokenizer = backbone.get_backbone(spec, offline=offline).tokenizer
    total = sum(len(one.sentences) for one in prepared)
    done = rows = sentences = 0
    for one in prepared:
        for split in one.sentences:
            report("tokenise", done, total)
            corpus, mark = corpora.load(*one.pair, split), corpora.fingerprint(*one.pair, split)
            encoded = encode(corpus, mark, tokenizer, max_length=data.max_length, overflow=data.overflow)
            if "sentence" in encoded.column_names:
                rows, sentences = rows + len(encoded), sentences + one.sentences[split]
            done += 1
    report("tokenise", total, total)
    return {"vocabulary": len(tokenizer), "tagged_rows": rows, "tagged_sentences": sentences}
