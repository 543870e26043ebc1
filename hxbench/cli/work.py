"""What `train`, `fewshot` and `run` have in common: prepare what the runs share, do them, say how they ended."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer

T = TypeVar("T")

if TYPE_CHECKING:
    from hxbench.launch.launcher import Launcher
    from hxbench.launch.turns import Outcome
    from hxbench.report.table import Table
    from hxbench.spec import RunSpec
    from hxbench.stages.session import Planned, Session
    from hxbench.store import RunRecord, Store


_METRICS = {
    "accuracy": "accuracy", "matthews": "Matthews correlation", "pearson": "Pearson correlation",
    "rouge2": "ROUGE-2", "bleu": "BLEU", "squad_f1": "F1", "rougel": "ROUGE-L",
}  # fmt: skip


def is_first_process() -> bool:
    """Return whether this process speaks for those that `torchrun` has started together."""
    return not in_torchrun() or int(os.environ.get("RANK", "0")) == 0


def in_torchrun() -> bool:
    """Return whether other processes work on each run together with this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def settled(
    session: "Session", resolved: "Callable[[], Sequence[T]]", spec_of: "Callable[[T], RunSpec]"
) -> "Sequence[T]":
    """Return the runs that `resolved` gives, once more where a hub's backbone had to be fetched for it.

    Rates, tasks and refusals go by the family of a backbone, and one that is not here yet does not tell it.
    """
    from hxbench.cli.progress import progress
    from hxbench.stages import prepare
    from hxbench.stages.assemble import with_options

    found = resolved()
    unknown = [spec for spec in map(spec_of, found) if spec.backbone.hub and not spec.backbone.family]
    for spec in unknown:
        with_options(spec)  # before anything is fetched or written
    with progress(quiet=not is_first_process()) as tell:
        bodies = [spec.backbone for spec in unknown]
        fetched = prepare.fetch_unknown(bodies, lambda *told: tell(None, *told), offline=session.offline)
    return resolved() if fetched else found


def fetch(session: "Session", specs: "Sequence[RunSpec]") -> None:
    """Bring the corpora of the runs here where the source is a remote one, options checked before."""
    from hxbench.cli.progress import progress
    from hxbench.stages import prepare
    from hxbench.stages.assemble import with_options
    from hxbench.tasks import tasks_in

    checked = [with_options(spec) for spec in specs]  # before anything is fetched or written
    tasks = list(tasks_in("hyperx"))
    if any(spec.answers_texts for spec in checked):
        tasks = [*dict.fromkeys(task for spec in checked for task in tasks_of(spec))]
    with progress(quiet=not is_first_process()) as tell:
        for data in {spec.data.model_dump_json(): spec.data for spec in checked}.values():
            prepare.fetch(tasks, session.corpora(data), lambda *told: tell(None, *told))


def tasks_of(spec: "RunSpec") -> list[str]:
    """Return the tasks whose corpora a text-to-text run reads, those of the suite its sources are of included."""
    new = [spec.few_shot.task] if spec.few_shot else []
    return [*spec.tasks, *new, *spec.transfer]


def do(session: "Session", place: "Launcher") -> "list[tuple[Planned, Outcome]]":
    """Do the planned runs that the store lacks; return how each of them ended."""
    from hxbench.cli.grid import shown
    from hxbench.cli.progress import progress
    from hxbench.errors import InputError
    from hxbench.launch.turns import Turn
    from hxbench.stages import backbone
    from hxbench.stages.session import waiting_for

    todo = session.todo()
    if not todo:
        return []
    session.store.require_writable()
    for note in session.notes():
        print(note, file=sys.stderr)
    if in_torchrun() and not all(backbone.is_ready(one.job.spec.backbone) for one in todo):
        raise InputError("the backbone is not made yet: run hxbench prepare first, in a process of its own.")
    with progress(quiet=not is_first_process()) as tell:
        session.make_backbones(lambda *told: tell(None, *told))
    for note in session.heads_to_draw():
        print(note, file=sys.stderr)
    turns = [Turn(one.job, needs, one.lane) for one, needs in zip(todo, waiting_for(todo), strict=True)]
    with shown(list(session.planned.values()), quiet=not is_first_process()) as listener:
        outcomes = place.run(turns, listener)
    ends = list(zip(todo, outcomes, strict=True))
    _tell_notes(session.store, ends)
    return ends


def _tell_notes(store: "Store", ends: "Sequence[tuple[Planned, Outcome]]") -> None:
    """Say what finished runs had to do without; in the store it stays in their status."""
    from hxbench.cli.streams import complain
    from hxbench.store.plateau import warning

    for one, outcome in ends if is_first_process() else ():
        status = store.finished(one.run_id).status if outcome.state == "done" else {}
        for note in filter(None, (warning(status), status.get("note"))):
            complain(f"{one.job.spec.title}: {note}")


def print_outcomes(outcomes: "Sequence[tuple[Planned, Outcome]]") -> None:
    """Print how each run ended as JSON."""
    from hxbench.cli.rows import print_json

    rows = [
        {"run": one.run_id, "title": one.job.spec.title, "state": outcome.state, "message": outcome.message}
        for one, outcome in outcomes
    ]
    print_json(rows, indent=1)


def show_scores(store: "Store", run_ids: "Sequence[str]", as_json: bool) -> None:
    """Print what the runs scored: the mean over the languages they were not trained on."""
    from hxbench.cli.rows import print_rows
    from hxbench.languages import find_language

    if not is_first_process():
        return
    records = [store.finished(run_id) for run_id in run_ids]
    if any(record.fields["data"].get("collection") == "english" for record in records):
        alone = len(records) > 1 and all(record.fields["task"] for record in records)
        (_show_task_scores if alone else _show_text_scores)(records, as_json)
        return
    rows = []
    for record in records:
        tests = [m for m in record.metrics() if m.get("split") == "test"]
        row: dict[str, Any] = {"run": record.id, "title": record.title}
        for task in ("ner", "pos"):
            for group in ("seen", "unseen"):
                targets = [m for m in tests if m["task"] == task and m.get("role") == "target"]
                scores = [m["value"] for m in targets if find_language(m["language"]).group == group]
                row[f"{task} {group}"] = sum(scores) / len(scores) if scores else None
        row["words cut"] = sum(m.get("words_cut") or 0 for m in tests)
        rows.append({**row, "seconds": record.status.get("wall_seconds")})
    if not as_json:
        if not any(row["words cut"] for row in rows):
            rows = [{name: value for name, value in row.items() if name != "words cut"} for row in rows]
        print("Zero-shot scores, mean over the languages each run was not trained on:\n")
    print_rows(_with_plateaus(rows, records, as_json), as_json)


def _with_plateaus(
    rows: "list[dict[str, Any]]", records: "Sequence[RunRecord]", as_json: bool
) -> "list[dict[str, Any]]":
    """Return the rows with the tasks on whose plateau of label frequencies each run ended, if any run did."""
    if not as_json and not any(record.plateaus for record in records):
        return rows
    return [{**row, "plateau": list(record.plateaus)} for row, record in zip(rows, records, strict=True)]


def _show_text_scores(records: "Sequence[RunRecord]", as_json: bool) -> None:
    """Print what text-to-text runs scored on each task, the metric of its average, and the mean of a suite."""
    from hxbench.cli.rows import print_rows
    from hxbench.report.plain_scores import entries_in
    from hxbench.tasks import task_of, text_tasks

    rows = []
    shown: dict[str, list[str]] = {}
    for record in records:
        tests = [m for m in record.metrics() if m.get("split") == "test"]
        scores = {
            name: m["value"]
            for name in text_tasks()
            for m in tests
            if (m["task"], m["metric"]) == (name, task_of(name).metric) and m.get("role") != "target"
        }
        for name in scores:
            shown.setdefault(_METRICS[task_of(name).metric], []).append(name)
        row: dict[str, Any] = {"run": record.id, "title": record.title, **scores}
        if len(scores) > 1:
            row["mean"] = sum(scores.values()) / len(scores)
        cut = sum(m.get("cut") or 0 for m in tests)
        row |= {**({"texts cut": cut} if cut else {}), **entries_in(record.metrics())}
        rows.append({**row, "seconds": record.status.get("wall_seconds")})
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not as_json:
        words = [f"{metric} ({', '.join(dict.fromkeys(names))})" for metric, names in shown.items()]
        print(f"Test scores: {'; '.join(words) if len(shown) > 1 else next(iter(shown), 'none')}:\n")
    rows = [{name: row.get(name) for name in names} for row in rows]
    print_rows(_with_plateaus(rows, records, as_json), as_json)


def _show_task_scores(records: "Sequence[RunRecord]", as_json: bool) -> None:
    """Print what models of one task each scored on it, and what always the most frequent label would."""
    from hxbench.cli.rows import print_rows
    from hxbench.report.plain_scores import entries_in, majority_in, scores_in
    from hxbench.tasks import ENGLISH, task_of

    rows = []
    for record in records:
        name, found = record.fields["task"], record.metrics()
        rows.append(
            {
                "run": record.id,
                "title": record.title.removesuffix(f" ({record.fields['profile']})"),
                "backbone": record.fields["backbone"]["name"],
                "metric": _METRICS[task_of(name).metric],
                "score": scores_in(found).get((name, ENGLISH)),
                "majority": majority_in(found).get(name),
                **entries_in(found),
            }
        )
    names = dict.fromkeys(name for row in rows for name in row)
    rows = [{name: row.get(name) for name in names} for row in rows]
    if not as_json:
        print("Test scores:\n")
        if len({row["backbone"] for row in rows}) == 1:
            rows = [{name: value for name, value in row.items() if name != "backbone"} for row in rows]
    print_rows(_with_plateaus(rows, records, as_json), as_json)


def require_artifacts(paper: str, names: "Sequence[str]") -> None:
    """Raise `InputError` for an artifact that there is not: now, and not when all runs are done."""
    from hxbench.errors import InputError, did_you_mean
    from hxbench.report.registry import artifacts

    known = list(artifacts(paper)) if names else []
    for name in names:
        if name not in known:
            raise InputError(did_you_mean("artifact", name, known))


def print_artifacts(paper: str, names: "Sequence[str]", store: "Store", profile: str) -> None:
    """Print artifacts as far as the store fills them."""
    from hxbench.report import build

    if is_first_process():
        for name in names:
            _print_tables(build(paper, name, store, profile))


def print_experiment(
    paper: str,
    experiment: str,
    names: "Sequence[str]",
    store: "Store",
    profile: str,
    seeds: "Sequence[int] | None",
) -> None:
    """Print what was run of an experiment of the user's own, then artifacts with its runs in their places."""
    from hxbench.report import make, read_results
    from hxbench.report.asked import build
    from hxbench.report.registry import artifacts

    if is_first_process():
        results = read_results(paper, store, profile, experiment)
        _print_tables(build(results, experiment, seeds))
        for name in names:
            _print_tables(make(artifacts(paper)[name], results).tables)


def _print_tables(tables: "Iterable[Table]") -> None:
    from hxbench.report.render import terminal

    print(terminal.render(list(tables), color=sys.stdout.isatty()), flush=True)


def end(outcomes: "Sequence[tuple[Planned, Outcome]]") -> None:
    """Say which runs were not done and why, and end the command with the exit code that says the same."""
    from hxbench.cli.groups import names_of
    from hxbench.cli.streams import complain
    from hxbench.errors import RunError

    if submitted := sum(outcome.state == "submitted" for _, outcome in outcomes):
        print(f"hxbench: {submitted} runs are submitted; the same command watches them.", file=sys.stderr)
    bad = [(one, outcome) for one, outcome in outcomes if outcome.state not in ("done", "submitted")]
    for name, (_, outcome) in zip(names_of([one for one, _ in outcomes]), outcomes, strict=True):
        if outcome.state not in ("done", "submitted") and outcome.is_told:
            complain(f"{name}: {outcome.message}")
    if any(outcome.state == "interrupted" for _, outcome in bad):
        print("hxbench: to go on where it stopped, give the same command again.", file=sys.stderr)
        raise typer.Exit(128 + max((outcome.signal for _, outcome in bad), default=2))
    if any(outcome.state == "input" for _, outcome in bad):
        raise typer.Exit(2)
    if bad:
        raise RunError(f"{len(bad)} of {len(outcomes)} runs failed; the same command tries them again.")
