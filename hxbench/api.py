"""What `import hxbench` offers to programs: the functions that the command line itself stands on.

    import hxbench

    store = hxbench.Store("results/reference")
    store.frame()                                  # every score and cost, a row each
    hxbench.table("hyperx", 2, store=store).frame()
    hxbench.compare("hyperx-base:mixed", "mbert:mixed", store=store, profile="lab").frame()

Whatever a function is given that cannot be used raises `InputError`, a sentence that says what was expected.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench import places
from hxbench.arguments import checked
from hxbench.errors import InputError, RunError
from hxbench.printing import shown
from hxbench.store import RunRecord, Store

if TYPE_CHECKING:
    from hxbench.report import Artifact
    from hxbench.report.comparison import Comparison
    from hxbench.report.rebuilt import Rebuilt
    from hxbench.report.registry import Kind
    from hxbench.runs.execute import Audience
    from hxbench.runs.predictor import Predictor
    from hxbench.runs.scheduler.jobs import Result
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.scored import Scored
    from hxbench.runs.session import Planned, Session
    from hxbench.spec.run_spec import RunSpec
    from hxbench.tasks.description import OwnData

__all__ = ["InputError", "RunRecord", "Store", "Unfinished", "compare", "figure", "score", "table", "train"]
Place = Store | Path | str | None  # None: HXBENCH_STORE, else ./results


class Unfinished(RunError):  # noqa: N818 - what is there, beside what went wrong
    """Some runs were not done: `results` says how each ended, `records` are the finished ones."""

    def __init__(self, records: "list[RunRecord]", results: "list[tuple[Planned, Result]]") -> None:
        bad = [(one, result) for one, result in results if result.state != "done"]
        first = next((result.message for _, result in bad if result.is_told), "") or bad[0][1].state
        super().__init__(f"{len(bad)} of {len(results)} runs were not done: {first}")
        self.records, self.results = records, results


def open_store(place: Place = None) -> Store:
    """Return the store in a folder, by default the one that the commands use."""
    if isinstance(place, Store):
        return place
    return Store(places.store_dir(None if place is None else Path(place)))


@checked
def train(
    method: str | Path,
    *,
    setting: str | None = None,
    task: str | None = None,
    suite: str | None = None,
    partition: str | None = None,
    seeds: Sequence[int] = (),
    profile: str | Path = "demo",
    backbone: str | Path | None = None,
    random_weights: bool = False,
    variant: str = "paper",
    changes: str | Mapping[str, Any] | Sequence[str] = (),
    data: str | Path | None = None,
    data_source: str | None = None,
    store: Place = None,
    offline: bool = False,
    checkpoint_every: int | None = None,
    track: str | None = None,
    launcher: "Launcher | None" = None,
    audience: "Audience | None" = None,
) -> list[RunRecord]:
    """Train a method and score it on every language or task; return its finished runs.

    What is in the store already is not run again. The arguments are those of `hxbench train`: `method` is a recipe
    or a YAML file, `setting` single, multi or mixed (by default the last that the method has), `seeds` are by
    default the profile's first, `changes` are fields such as `{"training.updates": 200}`. Runs are done one by one
    in this process unless a `launcher` says otherwise; the `audience` is told how far they are.

    Raises `InputError` before anything is trained, and `Unfinished` when a run failed or was stopped.

        records = hxbench.train("mbert", setting="multi", seeds=[1, 2], store="results")
    """
    from hxbench.runs import execute
    from hxbench.runs.scheduler.launcher import launcher as some_launcher

    audience, launcher = audience or execute.Audience(), launcher or some_launcher(workers=1)
    session, wanted = planned(
        str(method), setting=setting, task=task, suite=suite, partition=partition, seeds=seeds,
        profile=str(profile), backbone=_text(backbone), random_weights=random_weights, variant=variant,
        changes=changes, data=data, data_source=data_source, store=store, offline=offline,
        checkpoint_every=checkpoint_every, track=track, audience=audience,
    )  # fmt: skip
    for one in wanted:
        if one.done:
            audience.told(f"{one.job.spec.title}: in the store already, run {one.run_id}")
    results = execute.do(session, launcher, audience)
    done = [session.store.finished(one.run_id) for one in wanted if session.store.is_complete(one.run_id)]
    if any(result.state != "done" for _, result in results):
        raise Unfinished(done, results)
    return done


def planned(
    method: str,
    *,
    setting: str | None,
    task: str | None,
    suite: str | None,
    partition: str | None,
    seeds: Sequence[int],
    profile: str,
    backbone: str | None,
    random_weights: bool,
    variant: str,
    changes: str | Mapping[str, Any] | Sequence[str],
    data: str | Path | None,
    data_source: str | None,
    store: Place,
    offline: bool,
    checkpoint_every: int | None,
    track: str | None,
    audience: "Audience",
    dry_run: bool = False,
) -> "tuple[Session, list[Planned]]":
    """Return a session with the runs that `train` would do, and these; a `dry_run` reads no data for it."""
    from hxbench.runs import execute
    from hxbench.spec import recipe

    ground = on_ground(profile, data)
    found: recipe.MethodRecipe = recipe.load("methods", method)
    scale = recipe.scale(ground, found.ground_for(task))
    session = open_session(
        ground, scale.data, data_source=data_source, store=store, offline=offline,
        checkpoint_every=checkpoint_every, track=track, dry_run=dry_run,
    )  # fmt: skip
    changes = [changes] if isinstance(changes, str) else changes
    assignments = (
        [f"{name}={_word(v)}" for name, v in changes.items()] if isinstance(changes, Mapping) else changes
    )
    wanted_by = partial(
        recipe.expand, method, setting=setting or found.settings[-1], task=task, partition=partition, suite=suite,
        seeds=seeds or (None,), profile=ground, variant=variant, backbone_name=backbone,
        backbone_weights="random" if random_weights else "pretrained", origin=session.source.kind,
        assignments=tuple(assignments),
    )  # fmt: skip
    specs = execute.settled(session, wanted_by, lambda spec: spec, audience)
    execute.fetch(session, specs, audience)
    return session, [session.add(spec) for spec in specs]


def open_session(
    profile: str,
    profile_data: Mapping[str, Any],
    *,
    data_source: str | None,
    store: Place,
    offline: bool,
    checkpoint_every: int | None = None,
    track: str | None = None,
    dry_run: bool = False,
) -> "Session":
    """Return a session on what a profile says of its data, unless another data source is named."""
    from hxbench.runs.inputs import DataSource
    from hxbench.runs.preview import Preview
    from hxbench.runs.session import Session
    from hxbench.runs.tracking import require_tracker

    if checkpoint_every is not None and checkpoint_every < 1:
        raise InputError(f"checkpoint_every is {checkpoint_every}: expected a whole number from 1.")
    source = DataSource.of(data_source, profile, profile_data, is_read=not dry_run)
    if track is not None:
        require_tracker(track)
    return (Preview if dry_run else Session)(
        source, open_store(store).root, offline=offline, checkpoint_every=checkpoint_every, track=track or ""
    )


def _text(given: str | Path | None) -> str | None:
    return None if given is None else str(given)


def _word(value: Any) -> str:
    import json

    try:
        return value if isinstance(value, str) else json.dumps(value)
    except TypeError:
        raise InputError(f"changes has {shown(value)}, which no field of a run can be.") from None


def on_ground(profile: str, data: str | Path | None, backbone: str | None = None) -> str:
    """Return a profile on another backbone than its own and with a user's data, as far as they are named."""
    from hxbench.spec import recipe
    from hxbench.tasks.data_file import read_data_file

    if backbone is None and data is None:
        return profile
    found = recipe.backbone(backbone) if backbone else None
    own = read_data_file(places.expanded(str(data), "--data")) if data else None
    return recipe.OnGround(profile, backbone=found, given=backbone or "", own=own)


@checked
def score(
    run: str | Path,
    file: str | Path,
    *,
    task: str | None = None,
    language: str | None = None,
    form: str | None = None,
    column: str = "",
    words: str = "",
    scheme: str = "",
    delimiter: str = "",
    comments: str = "",
    label_map: Mapping[str, str] | None = None,
    backbone: str | Path | None = None,
    store: Place = None,
    offline: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> "Scored":
    """Score a finished run, or an export in a folder, on a file with right answers.

    The arguments are those of `hxbench eval --file`. What is returned has the right and the given answers (`gold`
    and `predicted`, a list of labels an example), `rows("file")` with a row a metric (value 0–100, a correlation
    −100–100) and `intervals()`, the ends of each metric's 95% interval over examples. Nothing is stored.

        scored = hxbench.score("3f2a", "gold.conllu", task="pos", language="is", store="results")
    """
    from hxbench.data.readers import Options
    from hxbench.runs.score_file import score_file

    found = predictor_of(
        str(run), task, language, backbone=Path(backbone) if backbone else None, offline=offline, store=store
    )
    options = Options(
        tags=column,
        words=words,
        scheme=scheme,
        delimiter=delimiter,
        comments=comments,
        label_map=dict(label_map or {}),
    )
    return score_file(found, str(file), options, form=form, report=report)


def predictor_of(
    run: str, task: str | None, language: str | None, *, backbone: Path | None, offline: bool, store: Place
) -> "Predictor":
    """Return what answers: the run of this id, or the export in this folder."""
    from hxbench.runs.export_format import is_exported
    from hxbench.runs.predictor import predictor_of_export, predictor_of_run

    if is_exported(Path(run)):
        return predictor_of_export(Path(run), task, language, backbone=backbone, offline=offline)
    return predictor_of_run(open_store(store).get(run), task, language, backbone=backbone, offline=offline)


def rebuild(
    paper: str,
    artifacts: "Sequence[Artifact]",
    *,
    store: Place = None,
    profile: str | None = None,
    experiment: str | None = None,
    backbone: str | None = None,
    data: "OwnData | None" = None,
) -> "Rebuilt":
    """Return artifacts of a paper, all from one reading of the store (see `table`)."""
    from hxbench.report import make, read_results
    from hxbench.report.rebuilt import Rebuilt

    results = read_results(paper, open_store(store), profile, experiment, backbone, data=data, require=_require)
    return Rebuilt(tuple(make(one, results) for one in artifacts), results)


def _require(spec: "RunSpec") -> None:
    """Raise `InputError` for a run that cannot be; a report itself knows no methods, and loads no torch."""
    from hxbench.runs.assemble import with_options

    with_options(spec)


@checked
def table(
    paper: str,
    name: str | int,
    *,
    store: Place = None,
    profile: str | Path | None = None,
    backbone: str | Path | None = None,
    data: str | Path | None = None,
) -> "Rebuilt":
    """Return a table of a paper with our results: `table("hyperx", 2).frame()`.

    `paper` is hyperx, pha or pet, `name` a number or a name that `hxbench report --table` knows. By default the
    runs are those of the store's only profile, else of demo; `backbone` and `data` are as `hxbench report` has
    them.
    """
    return _one("table", paper, name, store=store, profile=_text(profile), backbone=_text(backbone), data=data)


@checked
def figure(
    paper: str,
    name: str | int,
    *,
    store: Place = None,
    profile: str | Path | None = None,
    backbone: str | Path | None = None,
    data: str | Path | None = None,
) -> "Rebuilt":
    """Return a figure of a paper: `frame()` has its points, `pictures("pdf")` draws it (see `table`)."""
    return _one("figure", paper, name, store=store, profile=_text(profile), backbone=_text(backbone), data=data)


def _one(
    kind: "Kind", paper: str, name: str | int, *, store: Place, data: str | Path | None, **where: Any
) -> "Rebuilt":
    from hxbench.report import find_artifact
    from hxbench.tasks.data_file import read_data_file

    artifact = find_artifact(paper, str(name), kind)
    own = read_data_file(places.expanded(str(data), "data")) if data else None
    opened = open_store(store)
    if store is not None and not opened.is_there():
        raise InputError(f"there is no store at {opened.root}: nothing has been run there.")
    return rebuild(paper, [artifact], store=opened, data=own, **where)


@checked
def compare(
    *sides: str,
    store: Place = None,
    profile: str | Path | None = None,
    backbone: str | Path | None = None,
    where: str | Sequence[str] = (),
    all_pairs: bool = False,
) -> "Comparison":
    """Hold methods, settings or runs against each other, paired on the same test sentences and seeds.

    A side is `METHOD`, `METHOD:SETTING`, either with `,COLUMN=VALUE` behind it (a column of `Store.frame()`, or a
    field of the run such as `training.lr`), or run ids between commas; `where` are such terms for all sides. Every
    side is compared to the first, with `all_pairs` to each other. `backbone` is as `hxbench report` has it.

    `frame()` has a row for each pair of sides, task and language or group: difference in points, its 95% interval
    (low, high), p and p_holm, the differences by seed. `table()` and `figure()` are for people.

        hxbench.compare("hyperx-base:mixed", "mbert:mixed", store="results/reference", profile="lab").frame()
    """
    from hxbench.report.compare import compare as compared

    terms = [where] if isinstance(where, str) else [*where]
    return compared(
        open_store(store),
        sides,
        profile=_text(profile),
        backbone=_text(backbone),
        where=terms,
        all_pairs=all_pairs,
    )
