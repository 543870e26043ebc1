"""What all commands and the API that do runs share: settle backbones, fetch corpora, do what the store lacks."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from hxbench.data import Corpora
from hxbench.errors import InputError, LackingData
from hxbench.runs import backbone, prepare
from hxbench.runs.assemble import with_options
from hxbench.runs.scheduler.jobs import Observer, QueuedJob, Result
from hxbench.runs.scheduler.launcher import Launcher
from hxbench.runs.session import Planned, Session
from hxbench.spec.experiment import Wanted
from hxbench.spec.run_spec import RunSpec
from hxbench.store.plateau import warning
from hxbench.tasks import task_of

T = TypeVar("T")
Tell = Callable[[Any, str, int, int | None], None]


class Audience:
    """Hears of the preparation and of the runs; this one ignores everything."""

    @contextmanager
    def progress(self) -> Iterator[Tell]:
        """Give a function of a key that names the work, the activity, how much is done, and of how much."""
        yield lambda key, what, done, total: None

    @contextmanager
    def observing(self, planned: Sequence[Planned]) -> Iterator[Observer]:
        """Give the observer of the runs to do."""
        yield Observer()

    def told(self, text: str) -> None:
        """Hear a remark."""

    def warned(self, text: str) -> None:
        """Hear a warning."""


def in_torchrun() -> bool:
    """Return whether other processes work on each run together with this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first_process() -> bool:
    """Return whether this process speaks for those that `torchrun` has started together."""
    return not in_torchrun() or int(os.environ.get("RANK", "0")) == 0


def settled(
    session: Session, resolved: Callable[[], Sequence[T]], spec_of: Callable[[T], RunSpec], audience: Audience
) -> Sequence[T]:
    """Return the runs that `resolved` gives, once more where a hub's backbone had to be fetched for it.

    Rates, tasks and refusals go by the family of a backbone, and one that is not here yet does not tell it.
    """
    found = resolved()
    if not session.reads_data:
        return found
    unknown = [spec for spec in map(spec_of, found) if spec.backbone.hub and not spec.backbone.family]
    if not unknown:
        return found
    for spec in unknown:
        with_options(spec)  # before anything is fetched or written
    with audience.progress() as tell:
        prepare.fetch_unknown([spec.backbone for spec in unknown], partial(tell, None), offline=session.offline)
    return resolved()


def fetch(session: Session, specs: Sequence[RunSpec], audience: Audience) -> None:
    """Bring the corpora of the runs here where the source is a remote one, options checked before."""
    if not session.reads_data:
        return
    complete = [with_options(spec) for spec in specs]  # before anything is fetched or written
    with audience.progress() as tell:
        for corpora, tasks in read_by(session, complete):
            prepare.fetch(tasks, corpora, partial(tell, None))


def read_by(session: Session, specs: Iterable[RunSpec]) -> list[tuple[Corpora, list[str]]]:
    """Return the corpora that runs read, each once, with the tasks of all runs that read them."""
    tasks: dict[str, dict[str, None]] = {}
    found: dict[str, Corpora] = {}
    for spec in specs:
        key = spec.data.model_dump_json()
        if key not in found:
            found[key] = session.corpora(spec.data)
        tasks.setdefault(key, {}).update(dict.fromkeys(_tasks_read(spec, found[key])))
    return [(corpora, list(tasks[key])) for key, corpora in found.items()]


def plan(
    session: Session,
    wanted: Sequence[Wanted],
    audience: Audience,
    is_elsewhere: Callable[[str], bool] = lambda run_id: False,
) -> Counter[str]:
    """Plan runs; return how many of them lack their data, by the reason.

    Of a run that is finished elsewhere, by its id, neither itself nor what it needs is planned.
    """
    fetch(session, [one.spec for one in wanted if one.start is None], audience)
    left_out: Counter[str] = Counter()
    for one in wanted:
        try:
            found = session.resolve(one.spec, one.start, keep_weights=one.spec.few_shot is None)
            if not is_elsewhere(found.run_id):
                session.plan(found)
        except LackingData as lacking:
            left_out[str(lacking)] += 1
    return left_out


def _tasks_read(spec: RunSpec, corpora: Corpora) -> Sequence[str]:
    """Return the tasks whose corpora a run reads: of words all there are, as its raw text is beside them."""
    if not spec.answers_texts:
        return [task for task in corpora.collection.tasks if not task_of(task).answers_texts]
    new = [spec.few_shot.task] if spec.few_shot else []
    return [*spec.tasks, *new, *spec.transfer]


def do(session: Session, place: Launcher, audience: Audience) -> list[tuple[Planned, Result]]:
    """Do the planned runs that the store lacks; return how each of them ended."""
    todo = session.todo()
    if not todo:
        return []
    session.store.require_writable()
    for note in session.notes():
        audience.told(note)
    if in_torchrun() and not all(backbone.is_ready(one.job.spec.backbone) for one in todo):
        raise InputError(
            "the backbone is not made yet: hxbench prepare with the same --profile, --data, --data-source and "
            "--backbone makes it first, in a process of its own."
        )
    with audience.progress() as tell:
        session.make_backbones(partial(tell, None))
    for note in session.heads_to_draw():
        audience.told(note)
    number_of = {one.run_id: number for number, one in enumerate(todo)}
    entries = [
        QueuedJob(one.job, frozenset(number_of[need] for need in one.needs if need in number_of), one.bundle)
        for one in todo
    ]
    with audience.observing(list(session.planned.values())) as observer:
        results = place.run(entries, observer)
    ends = list(zip(todo, results, strict=True))
    for one, result in ends if is_first_process() else ():
        # what the run had to do without; in the store it stays in its status
        status = session.store.finished(one.run_id).status if result.state == "done" else {}
        for note in filter(None, (warning(status), status.get("note"))):
            audience.warned(f"{one.job.spec.title}: {note}")
    return ends
