"""Make the runs we publish: what `results/reference` lacks, in an order that gives something useful early.

    python results/make.py --list
    python results/make.py --profile lab --paper hyperx --until table2 --data DIR

Each stage is an experiment, or a part of one along the axes of `hxbench sweep`, planned and done as `hxbench run`
does it: the runs are trained in a store to work in, one at a time unless --jobs says more, and then packed
beside those that are published. After a stop the same command goes on where it was. A run counts as made when
either of the two stores has it. A run that others build on is made again only where they need its weights.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli.app import main
from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hxbench.runs.inputs import DataSource
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.session import Session
    from hxbench.spec.experiment import Wanted
    from hxbench.spec.run_spec import RunSpec
    from hxbench.store import RunRecord

REFERENCE = Path(__file__).resolve().parent / "reference"


@dataclass(frozen=True)
class Stage:
    """Runs that are made together: those of an experiment that have these seeds, all of the profile without any,
    and on each of the axes (`hxbench.spec.sweep.AXES`) that `only` names one of its values.
    """

    name: str
    profile: str
    experiment: str
    seeds: tuple[int, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def paper(self) -> str:
        """Whose experiment it is."""
        from hxbench.spec import experiment

        return experiment.named(self.experiment)[0]

    def wanted(self, origin: str) -> "list[Wanted]":
        """Return its runs, from data of an origin; `InputError` for a value that none of them has."""
        from hxbench.spec import experiment, sweep

        paper, name = experiment.named(self.experiment)
        runs = experiment.runs_of(paper, name, self.profile, seeds=self.seeds or None, origin=origin)
        title = f"stage {self.name} ({self.experiment}, {self.profile})"
        return sweep.cut(runs, self.only, sweep.sizes_of(self.profile, paper), title)


_TWO, _THREE = (1, 2), (1, 2, 3)
_MIXED, _MULTI, _SINGLE = ({"setting": (name,)} for name in ("mixed", "multi", "single"))
_LEADS = {**_MULTI, "method": ("mbert", "hyperx-base")}
_MATCHED = {"mlm": ("all", "unseen", "none matched")}
_SHARED = {"method": ("ft", "adapter", "hyperformer", "hyperdecoder", "pha")}
_COUNTED = {"examples": ("100", "500", "1000", "2000", "4000")}  # Figure 2 (a)
STAGES = (
    Stage("rates", "lab", "hyperx/rates"),
    Stage("table2", "lab", "hyperx/table2", (1,), _MIXED),
    Stage("table2-seed2", "lab", "hyperx/table2", (2,), _MIXED),
    Stage("multi", "lab", "hyperx/table2", _TWO, _LEADS),
    Stage("figure3", "lab", "hyperx/figure3", _TWO, {"partition": ("a",), **_MATCHED}),
    Stage("controls", "lab", "hyperx/controls", _TWO),
    Stage("other-rates", "lab", "hyperx/other-rates", (1,)),
    Stage("others", "lab", "hyperx/others", (1,)),
    Stage("single", "lab", "hyperx/table2", _TWO, _SINGLE),
    Stage("switched", "lab", "hyperx/figure4", _TWO),
    Stage("switched-ft", "lab", "hyperx/figure5", _TWO),
    Stage("few-shot", "lab", "hyperx/table5", _TWO),
    Stage("small", "lab", "hyperx/table2", _TWO, {**_MULTI, "method": ("hyperx-small",)}),
    Stage("figure3-b", "lab", "hyperx/figure3", _TWO, {"partition": ("b",), **_MATCHED}),
    Stage("figure3-unmatched", "lab", "hyperx/figure3", _TWO, {"mlm": ("none",)}),
    Stage("table2-seed3", "lab", "hyperx/table2", (3,), _MIXED),
    Stage("multi-seed3", "lab", "hyperx/table2", (3,), _LEADS),
    Stage("figure3-seed3", "lab", "hyperx/figure3", (3,)),
    Stage("controls-seed3", "lab", "hyperx/controls", (3,)),
    Stage("others-seed2", "lab", "hyperx/others", (2,)),
    Stage("rates", "lab", "pet/rates"),
    Stage("methods", "lab", "pet/figure2", only={"size": ("bert-small",)}),
    Stage("apet", "lab", "pet/apet", only={"size": ("bert-small",)}),
    Stage("methods-deeper", "lab", "pet/figure2", only={"size": ("bert-large",)}),
    Stage("apet-deeper", "lab", "pet/apet", only={"size": ("bert-large",)}),
    Stage("peft", "lab", "pet/peft", (1,)),
    Stage("decoder", "lab", "pet/decoder", (1,)),
    Stage("encoder-rates", "lab", "pha/encoder-rates", (1,)),
    Stage("encoder", "lab", "pha/encoder", _THREE),
    Stage("rates", "demo", "hyperx/rates"),
    Stage("all", "demo", "hyperx/all"),
    Stage("all", "demo", "pha/all"),
    Stage("all", "demo", "pet/all"),
    Stage("others", "demo", "pha/others", _THREE),
    Stage("choosing", "demo", "pet/choosing", _THREE),
    # of T5 there are no pre-trained weights at hand: these are on backbones that were pre-trained here
    Stage("table1", "lab", "pha/table1", _TWO, _SHARED),
    Stage("figure2", "lab", "pha/figure2", _TWO, _COUNTED),
    Stage("encoder-sources", "lab", "pha/encoder-sources", _THREE),
)


def chosen(profile: str | None, paper: str | None, until: str | None) -> list[Stage]:
    """Return the stages of a profile and a paper, up to the last one called `until`."""
    for name, given, known in (("profile", profile, {s.profile for s in STAGES}), ("paper", paper, _papers())):
        if given is not None and given not in known:
            raise InputError(did_you_mean(name, given, sorted(known)))
    stages = [stage for stage in STAGES if profile in (None, stage.profile) and paper in (None, stage.paper)]
    names = [stage.name for stage in stages]
    if until is None:
        return stages
    if until not in names:
        raise InputError(did_you_mean("stage", until, list(dict.fromkeys(names))))
    return stages[: len(names) - names[::-1].index(until)]


def _papers() -> set[str]:
    return {stage.paper for stage in STAGES}


@dataclass(frozen=True)
class Made:
    """Where runs are trained, where they are published, and from whose data."""

    store: Path
    reference: Path
    data: Mapping[str, str | None]  # by the option that names it; None for what `prepare` was given

    def source(self, stage: Stage) -> "DataSource":
        """Return the data source of a stage; `InputError` when it is not known."""
        from hxbench.runs.inputs import DataSource
        from hxbench.spec import recipe

        data = recipe.scale(stage.profile, stage.paper).data
        option = "--data-en" if data.get("collection") == "english" else "--data"
        given = None if data["origin"] == "sandbox" else self.data[option]
        try:
            return DataSource.of(given, stage.profile, data)
        except InputError as error:
            raise InputError(str(error).replace("--data-source", option)) from None

    def planned(self, stage: Stage) -> "tuple[Session, int, dict[str, int]]":
        """Return a session with the runs that are not published, how many are, and why others are left out."""
        from hxbench.runs.execute import Audience, plan
        from hxbench.runs.session import Session
        from hxbench.store import Store

        source, published = self.source(stage), Store(self.reference)
        session = Session(source, self.store)
        wanted = stage.wanted(source.kind)
        found: set[str] = set()

        def is_there(run_id: str) -> bool:
            if published.is_complete(run_id):
                found.add(run_id)
            return run_id in found

        left_out = plan(session, wanted, Audience(), is_there)
        return session, len(found), dict(left_out)

    def to_pack(self, session: "Session") -> list[str]:
        """Return the finished runs of a session that are not published, behind what they were built on."""
        from hxbench.store import Store

        published, found = Store(self.reference), dict[str, None]()

        def add(run_id: str) -> None:
            if published.is_complete(run_id) or not session.store.is_complete(run_id):
                return
            for earlier in session.store.finished(run_id).fields.get("after", {}).values():
                add(earlier)
            found[run_id] = None

        for run_id in session.planned:
            add(run_id)
        return [*found]

    def publish(self, session: "Session") -> int:
        """Pack the finished runs of a session beside those that are published; return how many are new."""
        from hxbench.store import Store
        from hxbench.store.packing import write_pack

        if new := self.to_pack(session):
            published = Store(self.reference)
            kept = published.runs()
            if published.problems:
                raise InputError(f"{self.reference} has runs that cannot be packed: {published.problems[0]}")
            write_pack([*kept, *map(session.store.finished, new)], self.reference)
        return len(new)

    def records(self) -> "Iterator[RunRecord]":
        """Yield the finished runs of both stores."""
        from hxbench.store import Store

        for place in (self.reference, self.store):
            yield from Store(place).runs()


def show(stages: Sequence[Stage], made: Made, jobs: int) -> None:
    """Print what is there and what is missing of each stage, with the minutes that it will take."""
    from hxbench.cli.output import print_rows
    from hxbench.printing import sentence
    from hxbench.runs.scheduler.estimate import Durations, wall_seconds
    from hxbench.runs.scheduler.speed import Forecaster

    forecaster = Forecaster()

    rows, remarks = [], dict.fromkeys(())

    def foreseen(spec: "RunSpec") -> float | None:
        try:
            found = forecaster.of(spec)
        except InputError as error:  # the other stages are told all the same
            remarks[f"{spec.method} on {spec.backbone.name} is not foreseen: {error}"] = None
            return None
        return found.seconds if found else None

    durations = Durations(made.records(), foreseen)
    seen: set[str] = set()
    for stage in stages:
        row: dict[str, Any] = {"profile": Path(stage.profile).stem, "paper": stage.paper, "stage": stage.name}
        try:
            session, published, left_out = made.planned(stage)
        except InputError as error:
            blank = dict.fromkeys(("published", "to pack", "to do", "minutes", "foreseen"))
            rows.append({**row, **blank})
            remarks[f"{stage.profile} {stage.paper}: {error}"] = None
            continue
        todo = [one for one in session.todo() if one.run_id not in seen]
        seen.update(one.run_id for one in todo)
        seconds, unknown = wall_seconds(todo, durations, jobs)
        minutes = round(seconds / 60) if unknown < len(todo) or not todo else None
        counts = {"published": published, "to pack": len(made.to_pack(session)), "to do": len(todo)}
        new = sum(durations.in_store(one.job.spec) is None for one in todo)
        rows.append({**row, **counts, "minutes": minutes, "foreseen": new})
        if left_out:
            count, first = sum(left_out.values()), next(iter(left_out))
            remarks[f"{count} runs are left out of {stage.name}, the first because {first}"] = None
    print_rows(rows, as_json=False)
    print("\nTo do: without the runs of earlier stages. Minutes: as runs like them took, which shared the cores.")
    print("Foreseen: runs unlike any in the stores, by their operations and the speed of this machine.")
    for remark in remarks:
        print(sentence(remark))


def make(stages: Iterable[Stage], made: Made, place: "Launcher | None") -> None:
    """Make what is missing, stage by stage, and publish it; runs that fail do not stop the others.

    Without a place to run what is finished is published alone.
    """
    from hxbench.cli import execute
    from hxbench.runs.execute import do
    from hxbench.store import Store

    stages = list(stages)
    for stage in stages:
        made.source(stage)  # nothing is trained where the data of a later stage are not named
    if place:
        Store(made.store).require_writable()
    results = []
    for stage in stages:
        session, published, _ = made.planned(stage)
        todo = session.todo()
        print(f"{stage.profile} {stage.paper} {stage.name}: {published} published, {len(todo)} to do.", flush=True)
        ends = do(session, place, execute.terminal()) if place else []
        results += ends
        if any(result.state == "interrupted" for _, result in ends):
            break
        if new := made.publish(session):
            print(f"{new} runs are packed in {made.reference}.", flush=True)
    execute.end(results)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def command(
    profile: Annotated[str | None, typer.Option(help="Only stages of this profile: lab or demo.")] = None,
    paper: Annotated[str | None, typer.Option(help="Only stages of this paper: hyperx, pet or pha.")] = None,
    until: Annotated[str | None, typer.Option(help="The last stage to make; default: all.")] = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Print what is published and what is missing; make nothing.")
    ] = False,
    only_pack: Annotated[bool, typer.Option("--pack", help="Publish what is finished; make nothing.")] = False,
    data: Annotated[str | None, typer.Option(help="The mirror of UD, WikiANN and text that lab reads.")] = None,
    data_en: Annotated[str | None, typer.Option(help="The mirror of the English tasks that lab reads.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=10_000, help="Runs at a time.")] = 1,
    store: Annotated[Path | None, typer.Option(help="To work in; default: ./results.")] = None,
    reference: Annotated[Path, typer.Option(help="The packed store of what is published.")] = REFERENCE,
) -> None:
    """Make what is published: what is missing, in order, packed beside what is there."""
    from hxbench import places
    from hxbench.runs.scheduler.launcher import launcher

    stages = chosen(profile, paper, until)
    made = Made(places.store_dir(store), reference, {"--data": data, "--data-en": data_en})
    if made.store.resolve() == made.reference.resolve():
        raise InputError(f"{reference} is what is published: name another store to work in.")
    if only_list:
        show(stages, made, jobs)
    else:
        make(stages, made, None if only_pack else launcher(workers=jobs))


if __name__ == "__main__":
    main(app, Path(sys.argv[0]).name)
