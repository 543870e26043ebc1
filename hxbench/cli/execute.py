"""What `train`, `fewshot` and `run` have in common: prepare what the runs share, do them, say how they ended."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import typer

from hxbench.cli.output import print_rows
from hxbench.cli.progress import progress
from hxbench.cli.run_names import names_of
from hxbench.cli.streams import complain
from hxbench.errors import InputError, RunError, did_you_mean

T = TypeVar("T")

if TYPE_CHECKING:
    from hxbench.data.corpora import Corpora
    from hxbench.runs.scheduler.jobs import Result
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.session import Planned, Session
    from hxbench.spec.run_spec import DataSpec, RunSpec
    from hxbench.store import Store


def is_first_process() -> bool:
    """Return whether this process speaks for those that `torchrun` has started together."""
    return not in_torchrun() or int(os.environ.get("RANK", "0")) == 0


def in_torchrun() -> bool:
    """Return whether other processes work on each run together with this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def settled(
    session: "Session", resolved: Callable[[], Sequence[T]], spec_of: "Callable[[T], RunSpec]"
) -> Sequence[T]:
    """Return the runs that `resolved` gives, once more where a hub's backbone had to be fetched for it.

    Rates, tasks and refusals go by the family of a backbone, and one that is not here yet does not tell it.
    """
    from hxbench.runs import prepare
    from hxbench.runs.assemble import with_options

    found = resolved()
    unknown = [spec for spec in map(spec_of, found) if spec.backbone.hub and not spec.backbone.family]
    if not unknown:
        return found
    for spec in unknown:
        with_options(spec)  # before anything is fetched or written
    with progress(quiet=not is_first_process()) as tell:
        bodies = [spec.backbone for spec in unknown]
        prepare.fetch_unknown(bodies, partial(tell, None), offline=session.offline)
    return resolved()


def fetch(session: "Session", specs: "Sequence[RunSpec]") -> None:
    """Bring the corpora of the runs here where the source is a remote one, options checked before."""
    from hxbench.runs import prepare
    from hxbench.runs.assemble import with_options

    read: dict[str, tuple[DataSpec, dict[str, None]]] = {}  # the tasks of all runs on the same data
    for spec in [with_options(spec) for spec in specs]:  # before anything is fetched or written
        tasks = read.setdefault(spec.data.model_dump_json(), (spec.data, {}))[1]
        tasks |= dict.fromkeys(_tasks_read(spec, session.corpora(spec.data)))
    with progress(quiet=not is_first_process()) as tell:
        for data, tasks in read.values():
            prepare.fetch(list(tasks), session.corpora(data), partial(tell, None))


def _tasks_read(spec: "RunSpec", corpora: "Corpora") -> "Sequence[str]":
    """Return the tasks whose corpora a run reads: of words all there are, as its raw text is beside them."""
    from hxbench.tasks import task_of

    if not spec.answers_texts:
        return [task for task in corpora.collection.tasks if not task_of(task).answers_texts]
    new = [spec.few_shot.task] if spec.few_shot else []
    return [*spec.tasks, *new, *spec.transfer]


def do(session: "Session", place: "Launcher") -> "list[tuple[Planned, Result]]":
    """Do the planned runs that the store lacks; return how each of them ended."""
    from hxbench.cli.progress_table import observing
    from hxbench.runs import backbone
    from hxbench.runs.scheduler.jobs import QueuedJob
    from hxbench.runs.session import waiting_for
    from hxbench.store.plateau import warning

    todo = session.todo()
    if not todo:
        return []
    session.store.require_writable()
    for note in session.notes():
        print(note, file=sys.stderr)
    if in_torchrun() and not all(backbone.is_ready(one.job.spec.backbone) for one in todo):
        raise InputError("the backbone is not made yet: run hxbench prepare first, in a process of its own.")
    with progress(quiet=not is_first_process()) as tell:
        session.make_backbones(partial(tell, None))
    for note in session.heads_to_draw():
        print(note, file=sys.stderr)
    entries = [QueuedJob(one.job, needs, one.bundle) for one, needs in zip(todo, waiting_for(todo), strict=True)]
    with observing(list(session.planned.values()), quiet=not is_first_process()) as observer:
        results = place.run(entries, observer)
    ends = list(zip(todo, results, strict=True))
    for one, result in ends if is_first_process() else ():
        # what the run had to do without; in the store it stays in its status
        status = session.store.finished(one.run_id).status if result.state == "done" else {}
        for note in filter(None, (warning(status), status.get("note"))):
            complain(f"{one.job.spec.title}: {note}")
    return ends


def show_scores(store: "Store", run_ids: "Sequence[str]", as_json: bool) -> None:
    """Print what finished runs scored, whatever their tasks are."""
    from hxbench.report.run_scores import run_scores

    if not is_first_process():
        return
    scores = run_scores([store.finished(run_id) for run_id in run_ids])
    if not as_json:
        print(f"{scores.heading}\n")
    print_rows(scores.rows if as_json else scores.worth_printing(), as_json)


def require_artifacts(paper: str, names: "Sequence[str]") -> None:
    """Raise `InputError` for an artifact that there is not: now, and not when all runs are done."""
    from hxbench.report.registry import artifacts

    known = list(artifacts(paper)) if names else []
    for name in names:
        if name not in known:
            raise InputError(did_you_mean("artifact", name, known))


def end(results: "Sequence[tuple[Planned, Result]]") -> None:
    """Say which runs were not done and why, and end the command with the exit code that says the same."""
    if submitted := sum(result.state == "submitted" for _, result in results):
        print(f"hxbench: {submitted} runs are submitted; the same command watches them.", file=sys.stderr)
    named = zip(names_of([one for one, _ in results]), results, strict=True)
    bad = [(name, result) for name, (_, result) in named if result.state not in ("done", "submitted")]
    for name, result in bad:
        if result.is_told:
            complain(f"{name}: {result.message}")
    states = {result.state for _, result in bad}
    if "interrupted" in states:
        print("hxbench: to go on where it stopped, give the same command again.", file=sys.stderr)
        raise typer.Exit(128 + max(result.signal for _, result in bad))
    if "input" in states:
        raise typer.Exit(2)
    if bad:
        raise RunError(f"{len(bad)} of {len(results)} runs failed; the same command tries them again.")
