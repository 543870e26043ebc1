"""Scoring a finished run on pairs of one's choice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from hxbench.data import SPLITS, Corpora
from hxbench.errors import InputError, did_you_mean
from hxbench.methods import method_class
from hxbench.runs.assemble import require_answers, require_transfer
from hxbench.runs.compose import Composer, Composition, can_compose, parse
from hxbench.runs.data import RunData
from hxbench.runs.finished import Lineage, lack, lineage, own_tasks, require_finished, restore
from hxbench.runs.inputs import DataSource, plan_to_score
from hxbench.runs.scored import Scored
from hxbench.spec.languages import code_among
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import RunRecord, Store
from hxbench.tasks import task_of


class ScoredPair(NamedTuple):
    """A scored pair, its role in the run (`source` or `target`), and what its language's embedding was made of."""

    scored: Scored
    role: str
    composition: Composition | None = None


def evaluate(
    record: RunRecord,
    *,
    tasks: Sequence[str] | None,
    languages: Sequence[str] | None,
    split: str,
    data_source: str | None,
    data_file: Path | None = None,
    offline: bool,
    report: Callable[[str, int, int | None], None],
    note: Callable[[str], None] = lambda text: None,
    embedding: str | None = None,
    backbone_folder: Path | None = None,
) -> Iterator[ScoredPair]:
    """Yield the scored pairs of a run; `embedding` composes their languages' embeddings (see `compose.parse`).

    `backbone_folder` is where the files of a local backbone are now.

    `note` receives a sentence for each pair that was requested by task or language alone and cannot be scored.
    Raises `InputError` for a task that its model cannot be applied to, a language or split that is not there, data
    or a backbone that are not those of the run, a pair whose split the run was trained on, and an embedding that
    cannot be composed.
    """
    spec = require_finished(record)
    if split not in SPLITS[1:]:
        raise InputError(did_you_mean("split to score", split, list(SPLITS[1:])))
    if not (known := own_tasks(spec)):
        raise InputError(f"run {record.id} has no head for any task: it was trained on raw text alone.")
    kind = method_class(spec.kind)
    if spec.answers_texts and (languages or embedding):
        raise InputError(f"run {record.id} answers in text: --language and --embedding do not apply to it.")
    if embedding and not can_compose(kind):
        raise InputError(f"run {record.id}: {spec.method} has no language embeddings to compose others of.")
    others = [task for task in tasks or () if task_of(task).name not in known]
    if others and not spec.answers_texts:
        raise InputError(f"run {record.id} has no head for '{others[0]}': it was trained for {', '.join(known)}.")
    require_transfer(spec, others)
    source = DataSource.of_run(data_source, data_file, spec)
    corpora = source.corpora(spec.data, offline=offline)
    way = parse(embedding, corpora.languages) if embedding else None
    codes = [code_among(corpora.languages.values(), code) for code in languages or ()]
    plan = plan_to_score(spec, record.id, corpora, other_data=bool(data_source or data_file))
    # what the run was trained on, which other data would not tell
    past = lineage(record, Store(record.root))
    trained = past.trained or {str(pair): split for pair, split in plan.train.items()}
    chosen, left_out = [], []
    for pair in (Pair(task, code) for task in tasks or known for code in codes or corpora.languages):
        if why := _hindrance(record.id, spec, corpora, past, trained, pair, split, way):
            left_out.append(f"{why}.")
        else:
            chosen.append(pair)
    named = tasks and (languages or spec.answers_texts)
    if left_out and (not chosen or named):  # a pair that was named is not left out silently
        raise InputError(left_out[0])
    for text in left_out if tasks or languages else ():
        note(f"left out: {text}")
    method, backbone = restore(record, offline=offline, folder=backbone_folder)
    require_answers(spec.model_copy(update={"transfer": tuple(others)}), backbone.family)
    data = RunData(spec, plan, corpora, backbone)
    composer = Composer(data, past.known)
    for done, pair in enumerate(chosen):
        report(f"score {record.id}", done, len(chosen))
        composition = composer.compose(way, pair, split) if way else None
        with (
            method.composed(pair.language, composition.weights)  # type: ignore[operator]
            if composition
            else nullcontext()
        ):
            scored = data.score(method, pair, split)
        if pair.task in others and scored.unreadable == len(scored.gold):
            unify = "" if spec.data.labels == "unified" else ": trained with data.labels=unified it would"
            note(f"{spec.title} never answers as {pair.task} is answered{unify}.")
        own = pair.task in known if spec.answers_texts else str(pair) in trained
        yield ScoredPair(scored, "source" if own else "target", composition)


def _hindrance(
    run_id: str,
    spec: RunSpec,
    corpora: Corpora,
    past: Lineage,
    trained: Mapping[str, str],
    pair: Pair,
    split: str,
    way: str | Composition | None,
) -> str | None:
    """Return why a pair cannot be scored; None where it can."""
    if split not in corpora.splits(*pair):
        where = pair.task if spec.answers_texts else pair
        return f"the data source has no {split} split of {where}"
    if trained.get(str(pair)) == split:
        return f"run {run_id} was trained on the {split} split of {pair}"
    if lacking := lack(spec, past, pair.language):
        return f"{spec.method} scores no language without {lacking}, such as {pair.language}"
    if isinstance(way, str) and not past.known - {pair.language}:
        return f"run {run_id} was trained on no language but {pair.language}, so that nothing can be composed"
    return None
