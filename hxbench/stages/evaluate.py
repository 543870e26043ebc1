"""Scoring a finished run on pairs of one's choice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

from hxbench.data.schema import SPLITS
from hxbench.errors import InputError, did_you_mean
from hxbench.evaluation.marked import Marked
from hxbench.languages import code_among
from hxbench.methods import method_class
from hxbench.settings import Pair
from hxbench.stages.compose import Composer, Composition, can_compose, parse
from hxbench.stages.data import RunData
from hxbench.stages.evaluate_text import evaluate_text, own_tasks
from hxbench.stages.inputs import DataSource, plan_to_score
from hxbench.stages.lineage import lack, lineage
from hxbench.stages.pair import heads as heads_of
from hxbench.stages.restore import require_finished, restore
from hxbench.store import RunRecord, Store
from hxbench.tasks import task_of


class Scored(NamedTuple):
    """A tagged pair, its role in the run (`source` or `target`), and what its language's embedding was made of."""

    tagged: Marked
    role: str
    composition: Composition | None = None


def evaluate(
    record: RunRecord,
    *,
    tasks: Sequence[str] | None,
    languages: Sequence[str] | None,
    split: str,
    data_source: str | None,
    offline: bool,
    report: Callable[[str, int, int | None], None],
    note: Callable[[str], None] = lambda text: None,
    embedding: str | None = None,
) -> Iterator[Scored]:
    """Yield the tagged pairs of a run; `embedding` composes their languages' embeddings (see `compose.parse`).

    `note` is told of every pair that was half asked for, by its task or its language, and cannot be scored.
    Raises `InputError` for a task the run has no head for, a language or split that is not there, data that are
    not those of the run, a pair whose split the run was trained on, and an embedding that cannot be composed.
    """
    spec = require_finished(record)
    if spec.data.collection == "english":
        if languages or embedding:
            raise InputError(f"run {record.id} answers in text: --language and --embedding do not apply to it.")
        for answers in evaluate_text(
            record, tasks=tasks, split=split, data_source=data_source, offline=offline, report=report, note=note
        ):
            yield Scored(answers, "source" if answers.task in own_tasks(spec) else "target")
        return
    if split not in SPLITS[1:]:
        raise InputError(did_you_mean("split to score", split, list(SPLITS[1:])))
    heads = heads_of(spec)
    if not heads:
        raise InputError(f"run {record.id} has no head for any task: it was trained on running text alone.")
    if embedding and not can_compose(method_class(spec.kind)):
        raise InputError(f"run {record.id}: {spec.method} has no language embeddings to compose others of.")
    for task in tasks or ():
        task_of(task)
        if task not in heads:
            raise InputError(f"run {record.id} has no head for '{task}': it was trained for {', '.join(heads)}.")
    source = DataSource.choose(data_source, spec.profile, spec.data.origin)
    corpora = source.corpora(spec.data, offline=offline)
    way = parse(embedding, corpora.languages) if embedding else None
    languages = [code_among(corpora.languages.values(), code) for code in languages or ()]
    plan = plan_to_score(spec, record.id, corpora, method_class(spec.kind), other_data=bool(data_source))
    # what the run was trained on, which other data would not tell
    past = lineage(record, Store(record.root))
    trained = past.trained or {str(pair): split for pair, split in plan.train.items()}
    wanted = [Pair(t, code) for t in tasks or heads for code in languages or corpora.languages]
    known = past.known
    chosen, left_out = [], []
    for pair in wanted:
        if split not in corpora.splits(*pair):
            why = f"the data source has no {split} split of {pair}"
        elif trained.get(str(pair)) == split:
            why = f"run {record.id} was trained on the {split} split of {pair}"
        elif lacking := lack(spec, past, pair.language):
            why = f"{spec.method} scores no language without {lacking}, such as {pair.language}"
        elif isinstance(way, str) and not known - {pair.language}:
            why = (
                f"run {record.id} was trained on no language but {pair.language}, so that nothing can be composed"
            )
        else:
            chosen.append(pair)
            continue
        left_out.append(f"{why}.")
    if left_out and (not chosen or (tasks and languages)):  # a pair that was named is not left out silently
        raise InputError(left_out[0])
    for text in left_out if tasks or languages else ():
        note(f"left out: {text}")
    method, backbone = restore(record, offline=offline)
    data = RunData(spec, plan, corpora, backbone.tokenizer)
    composer = Composer(data, known)
    for done, pair in enumerate(chosen):
        report(f"score {record.id}", done, len(chosen))
        composition = composer.compose(way, pair, split) if way else None
        with _embedding_of(method, pair.language, composition):
            scored = data.score(method, pair, split)
        yield Scored(scored, "source" if str(pair) in trained else "target", composition)


def _embedding_of(method: Any, language: str, composition: Composition | None) -> AbstractContextManager[None]:
    return method.composed(language, composition.weights) if composition else nullcontext()
