"""What `import hxbench` offers to programs: the functions that the command line itself stands on.

    import hxbench

    store = hxbench.Store("results/reference")
    store.frame()                                  # every score and cost, a row each
    hxbench.table("hyperx", 2, store=store).frame()
    hxbench.compare("hyperx-base:mixed", "mbert:mixed", store=store, profile="lab").frame()

Whatever a function is given that cannot be used raises `InputError`, a sentence that says what was expected.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench import places
from hxbench.errors import InputError, RunError, did_you_mean
from hxbench.store import RunRecord, Store

if TYPE_CHECKING:
    import pandas as pd

    from hxbench.report import Artifact, Made
    from hxbench.report.artifact.table import Table
    from hxbench.report.compare import Comparison
    from hxbench.report.registry import Kind
    from hxbench.report.results import Results
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
    """Return the store at a place, by default where the commands look."""
    return place if isinstance(place, Store) else Store(places.store_dir(Path(place) if place else None))


def train(
    method: str,
    *,
    setting: str | None = None,
    task: str | None = None,
    suite: str | None = None,
    partition: str | None = None,
    seeds: Sequence[int] = (),
    profile: str = "demo",
    backbone: str | None = None,
    random_weights: bool = False,
    variant: str = "paper",
    changes: Mapping[str, Any] | Iterable[str] = (),
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
        method, setting=setting, task=task, suite=suite, partition=partition, seeds=seeds, profile=profile,
        backbone=backbone, random_weights=random_weights, variant=variant, changes=changes, data=data,
        data_source=data_source, store=store, offline=offline, checkpoint_every=checkpoint_every, track=track,
        audience=audience,
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
    changes: Mapping[str, Any] | Iterable[str],
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

    source = DataSource.of(data_source, profile, profile_data, is_read=not dry_run)
    if track is not None:
        require_tracker(track)
    return (Preview if dry_run else Session)(
        source, open_store(store).root, offline=offline, checkpoint_every=checkpoint_every, track=track or ""
    )


def _word(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def on_ground(profile: str, data: str | Path | None, backbone: str | None = None) -> str:
    """Return a profile on another backbone than its own and with a user's data, as far as they are named."""
    from hxbench.spec import recipe
    from hxbench.tasks.data_file import read_data_file

    if backbone is None and data is None:
        return profile
    body = recipe.backbone(backbone) if backbone else None
    own = read_data_file(places.expanded(str(data), "--data")) if data else None
    return recipe.OnGround(profile, backbone=body, given=backbone or "", own=own)


def score(
    run: str,
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
    backbone: Path | None = None,
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

    found = predictor_of(run, task, language, backbone=backbone, offline=offline, store=store)
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
    from hxbench.runs.exported import is_exported
    from hxbench.runs.predictor import predictor_of_export, predictor_of_run

    if is_exported(Path(run)):
        return predictor_of_export(Path(run), task, language, backbone=backbone, offline=offline)
    return predictor_of_run(open_store(store).get(run), task, language, backbone=backbone, offline=offline)


@dataclass(frozen=True)
class Rebuilt:
    """Tables and figures of a paper as the store fills them."""

    made: "tuple[Made, ...]"
    results: "Results"

    @property
    def tables(self) -> "list[Table]":
        """All tables; those of a figure hold its points."""
        return [table for one in self.made for table in one.tables]

    def frame(self) -> "pd.DataFrame":
        """Return a row a cell that holds anything, with nothing rounded.

        Columns: table, profile, block and row (the titles of both), group and column, unit, mean, sd, low and high
        (an interval), n (seeds or runs), seeds (value by seed), published, best, text, on_plateau (of the n),
        runs (their ids) and notes.
        """
        import pandas as pd

        from hxbench.report.render.unrounded import render_csv

        found = pd.read_csv(StringIO(render_csv(self.tables)), keep_default_na=False, na_values=[""])
        found = found.rename(columns={"column_group": "group"})
        found["seeds"] = found.seeds.fillna("").astype(str).map(_by_seed)
        found["runs"] = found.runs.fillna("").astype(str).str.split()
        return found

    def text(self, format: str = "terminal") -> str:
        """Return the tables as terminal, markdown, latex, csv or json."""
        from hxbench.report.render import renderer

        return renderer(format)(self.tables)

    def pictures(self, format: str = "png") -> dict[str, bytes]:
        """Return the figures by name as png, svg or pdf."""
        from hxbench.report.draw import pictures
        from hxbench.report.render import PICTURES

        if format not in PICTURES:
            raise InputError(did_you_mean("format of pictures", str(format), list(PICTURES)))
        return {one.name: pictures(one, [format])[format] for made in self.made for one in made.figures}


def _by_seed(text: str) -> dict[int, float]:
    found = (part.partition("=") for part in text.split("; ") if part)
    return {int(seed): float(value) for seed, _, value in found}


def rebuild(
    paper: str,
    artifacts: "Sequence[Artifact]",
    *,
    store: Place = None,
    profile: str | None = None,
    experiment: str | None = None,
    backbone: str | None = None,
    data: "OwnData | None" = None,
) -> Rebuilt:
    """Return artifacts of a paper, all from one reading of the store (see `table`)."""
    from hxbench.report import make, read_results

    results = read_results(paper, open_store(store), profile, experiment, backbone, data=data, require=_require)
    return Rebuilt(tuple(make(one, results) for one in artifacts), results)


def _require(spec: "RunSpec") -> None:
    """Raise `InputError` for a run that cannot be; a report itself knows no methods, and loads no torch."""
    from hxbench.runs.assemble import with_options

    with_options(spec)


def table(
    paper: str,
    name: str | int,
    *,
    store: Place = None,
    profile: str | None = None,
    backbone: str | None = None,
    data: str | Path | None = None,
) -> Rebuilt:
    """Return a table of a paper with our results: `table("hyperx", 2).frame()`.

    `paper` is hyperx, pha or pet, `name` a number or a name that `hxbench report --table` knows. By default the
    runs are those of the store's only profile, else of demo; `backbone` and `data` are as `hxbench report` has
    them.
    """
    return _one("table", paper, name, store=store, profile=profile, backbone=backbone, data=data)


def figure(
    paper: str,
    name: str | int,
    *,
    store: Place = None,
    profile: str | None = None,
    backbone: str | None = None,
    data: str | Path | None = None,
) -> Rebuilt:
    """Return a figure of a paper: `frame()` has its points, `pictures("pdf")` draws it (see `table`)."""
    return _one("figure", paper, name, store=store, profile=profile, backbone=backbone, data=data)


def _one(kind: "Kind", paper: str, name: str | int, *, data: str | Path | None, **where: Any) -> Rebuilt:
    from hxbench.report import find_artifact
    from hxbench.tasks.data_file import read_data_file

    artifact = find_artifact(paper, str(name), kind)
    own = read_data_file(places.expanded(str(data), "data")) if data else None
    return rebuild(paper, [artifact], data=own, **where)


def compare(
    *sides: str,
    store: Place = None,
    profile: str | None = None,
    where: str | Iterable[str] = (),
    all_pairs: bool = False,
) -> "Comparison":
    """Hold methods, settings or runs against each other, paired on the same test sentences and seeds.

    A side is `METHOD`, `METHOD:SETTING`, either with `,COLUMN=VALUE` behind it (a column of `Store.frame()`, or a
    field of the run such as `training.lr`), or run ids between commas; `where` are such terms for all sides. Every
    side is compared to the first, with `all_pairs` to each other.

    `frame()` has a row for each pair of sides, task and language or group: difference in points, its 95% interval
    (low, high), p and p_holm, the differences by seed. `table()` and `figure()` are for people.

        hxbench.compare("hyperx-base:mixed", "mbert:mixed", store="results/reference", profile="lab").frame()
    """
    from hxbench.report.compare import compare as compared

    terms = [where] if isinstance(where, str) else [*where]
    return compared(open_store(store), sides, profile=profile, where=terms, all_pairs=all_pairs)
