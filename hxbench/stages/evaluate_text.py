"""Scoring a finished text-to-text run from its weights: on its tasks, or on others it is applied to as it is."""

from collections.abc import Callable, Iterator, Sequence

from hxbench.data.schema import SPLITS
from hxbench.errors import InputError, did_you_mean
from hxbench.evaluation.answers import Answers
from hxbench.methods import method_class
from hxbench.settings import text_pairs
from hxbench.spec import RunSpec
from hxbench.stages.inputs import DataSource, plan_to_score
from hxbench.stages.pair import heads
from hxbench.stages.restore import require_finished, restore
from hxbench.stages.text_data import TextRunData
from hxbench.stages.transfer import require_transfer
from hxbench.store import RunRecord
from hxbench.tasks import task_of


def own_tasks(spec: RunSpec) -> tuple[str, ...]:
    """Return the tasks that a run's model was made for, or the one it was tuned to."""
    return (spec.few_shot.task,) if spec.few_shot else heads(spec)


def evaluate_text(
    record: RunRecord,
    *,
    tasks: Sequence[str] | None,
    split: str,
    data_source: str | None,
    offline: bool,
    report: Callable[[str, int, int | None], None],
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Answers]:
    """Yield the answers of a run to a split of its tasks, or of the tasks asked for.

    Raises `InputError` for a task that its model cannot be applied to, a split that is not there, and data or a
    backbone that are not those of the run.
    """
    spec = require_finished(record)
    if split not in SPLITS[1:]:
        raise InputError(did_you_mean("split to score", split, list(SPLITS[1:])))
    known = own_tasks(spec)
    for task in tasks or ():
        task_of(task)
    others = [task for task in tasks or () if task not in known]
    require_transfer(spec, others)
    source = DataSource.choose(data_source, spec.profile, spec.data.origin, spec.data.collection)
    corpora = source.corpora(spec.data, offline=offline)
    plan = plan_to_score(spec, record.id, corpora, method_class(spec.kind), other_data=bool(data_source))
    wanted = [pair for pair in text_pairs(tuple(tasks or known)) if split in corpora.splits(*pair)]
    if len(wanted) < len(tasks or ()) or not wanted:
        lacking = [task for task in tasks or known if task not in {pair.task for pair in wanted}]
        raise InputError(f"the data source has no {split} split of {', '.join(lacking)}.")
    method, backbone = restore(record, offline=offline)
    method_class(spec.kind).require(spec.model_copy(update={"transfer": tuple(others)}), backbone.family)
    data = TextRunData(spec, plan, corpora, backbone)
    for done, pair in enumerate(wanted):
        report(f"score {record.id}", done, len(wanted))
        answers = data.score(method, pair, split)
        if pair.task in others and answers.unreadable == len(answers.gold):
            unify = "" if spec.data.labels == "unified" else ": trained with data.labels=unified it would"
            note(f"{spec.title} never answers as {pair.task} is answered{unify}.")
        yield answers
