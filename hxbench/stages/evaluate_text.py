"""Scoring a finished text-to-text run on its tasks, from its weights."""

from collections.abc import Callable, Iterator, Sequence

from hxbench.corpora.schema import SPLITS
from hxbench.errors import InputError, did_you_mean
from hxbench.evaluation.answers import Answers
from hxbench.methods import method_class
from hxbench.settings import text_pairs
from hxbench.stages.inputs import DataSource, plan_to_score
from hxbench.stages.pair import heads
from hxbench.stages.restore import require_finished, restore
from hxbench.stages.text_data import TextRunData
from hxbench.store import RunRecord
from hxbench.tasks import TEXT_TASKS


def evaluate_text(
    record: RunRecord,
    *,
    tasks: Sequence[str] | None,
    split: str,
    data_source: str | None,
    offline: bool,
    report: Callable[[str, int, int | None], None],
) -> Iterator[Answers]:
    """Yield the answers of a run to a split of its tasks, or of some of them.

    Raises `InputError` for a task the run was not made for, a split that is not there, and data or a backbone that
    are not those of the run.
    """
    spec = require_finished(record)
    if split not in SPLITS[1:]:
        raise InputError(did_you_mean("split to score", split, list(SPLITS[1:])))
    known = (spec.few_shot.task,) if spec.few_shot else heads(spec)
    for task in tasks or ():
        if task not in TEXT_TASKS:
            raise InputError(did_you_mean("task", task, list(TEXT_TASKS)))
        if task not in known:
            raise InputError(f"run {record.id} was not made for '{task}': it is of {', '.join(known)}.")
    source = DataSource.choose(data_source, spec.profile, spec.data.origin, spec.data.collection)
    corpora = source.corpora(spec.data, offline=offline)
    plan = plan_to_score(spec, record.id, corpora, method_class(spec.kind), other_data=bool(data_source))
    wanted = [pair for pair in text_pairs(tuple(tasks or known)) if split in corpora.splits(*pair)]
    if len(wanted) < len(tasks or ()) or not wanted:
        lacking = [task for task in tasks or known if task not in {pair.task for pair in wanted}]
        raise InputError(f"the data source has no {split} split of {', '.join(lacking)}.")
    method, backbone = restore(record, offline=offline)
    data = TextRunData(spec, plan, corpora, backbone)
    for done, pair in enumerate(wanted):
        report(f"score {record.id}", done, len(wanted))
        yield data.score(method, pair, split)
