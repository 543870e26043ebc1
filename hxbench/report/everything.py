"""Everything that a store has to show: every paper at every profile, own data, and what is in no artifact."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hxbench.errors import InputError
from hxbench.printing import shown
from hxbench.report.papers.own import data as own_data
from hxbench.report.papers.own import experiment as asked
from hxbench.report.registry import PAPERS, Artifact, Made, artifacts, make, read_results
from hxbench.report.results import Results
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord, Store
from hxbench.store.record import ProfileRuns
from hxbench.tasks.description import Described, OwnData

Tell = Callable[[str, int, int], None]  # what is made, how many are there, of how many


@dataclass(frozen=True)
class Part:
    """What is shown of one paper at one profile; `records` are the runs behind it, by id.

    `commands` are those that make the runs of an artifact, by its name, each with the "method setting" that it is
    for.
    """

    paper: str
    profile: str
    heading: str
    synthetic: bool
    made: tuple[Made, ...]
    records: Mapping[str, RunRecord]
    titles: Mapping[str, str]  # of methods
    commands: Mapping[str, list[tuple[str, list[str]]]]

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.paper}/{self.profile}"


def part_of(results: Results, made: Sequence[Made]) -> Part:
    """Return what was made of one paper's results as a part of a page."""
    found = results.store.by_profile(results.paper).get(results.profile, ProfileRuns(list, list))
    records = {record.id: record for record in (*found.plain, *found.few_shot)}
    others = sorted(_runs(made) - records.keys())  # of other papers, on data of the user's own
    records |= {run: results.store.finished(run) for run in others if results.store.is_complete(run)}
    methods = dict.fromkeys(str(record.fields.get("method", "")) for record in records.values())
    return Part(
        results.paper,
        results.profile,
        results.heading([])[0],
        results.synthetic,
        tuple(made),
        records,
        {method: results.title_of(method) for method in methods},
        {one.artifact.name: _commands(results, one.artifact) for one in made},
    )


def everything(
    store: Store, tell: Tell, profile: str | None = None, experiment: tuple[str, str] | None = None
) -> list[Part]:
    """Return a part for each paper and profile that the store has runs of, or for one profile alone.

    `experiment` is one of the user's own, its paper and its file, whose runs are shown as `read_results` says.
    Raises `InputError` where there are no runs.
    """
    grounds = [(paper, one) for paper in PAPERS for one in _profiles(store, paper, profile)]
    if not grounds:
        of = f" of profile {shown(Path(profile).stem)}" if profile else ""
        if others := sorted({name for paper in PAPERS for name in store.by_profile(paper)}):
            raise InputError(
                f"the store {store.root} has no runs{of or ' of a profile that ships'} to show, but of "
                f"{', '.join(map(shown, others))}: --profile names one, that of your own by its file."
            )
        raise InputError(
            f"the store {store.root} has no runs{of} to show: hxbench train METHOD makes one, and --store names "
            "another store."
        )
    paper_of_own, file = experiment or ("", None)
    return [_whole(store, paper, one, file if paper == paper_of_own else None, tell) for paper, one in grounds]


def _profiles(store: Store, paper: str, wanted: str | None) -> list[str]:
    """Return the profiles with runs; of those that are files of the user's own only the one that is given."""
    there = store.by_profile(paper)
    if wanted is not None:
        recipe.load("profiles", wanted)  # an unknown name is told at once
        return [wanted] if Path(wanted).stem in there else []
    known = recipe.recipe_names("profiles")
    return [name for name in known if name in there]


def _whole(store: Store, paper: str, profile: str, own: str | None, tell: Tell) -> Part:
    results = read_results(paper, store, profile, own)
    known = list(artifacts(paper).values())
    made = _asked(results, own) if own else []
    for number, artifact in enumerate(known):
        tell(f"{PAPERS[paper]}, {results.profile}", number, len(known))
        made.append(make(artifact, results))
    there = _runs(made)
    plain = (name for name in recipe.recipe_names(paper) if not experiments.artifacts_of(paper, name))
    made += [one for name in plain for one in _asked(results, name) if not _runs([one]) <= there]
    for one, backbones in _own_data(results):
        grounds = [read_results(paper, store, profile, None, name, data=one) for name in (None, *backbones)]
        with suppress(InputError):  # nothing of it is on one of the backbones by itself
            made.append(own_data.made(grounds, one))
    tell(f"{PAPERS[paper]}, {results.profile}", len(known), len(known))
    return part_of(results, made)


def _runs(made: Sequence[Made]) -> set[str]:
    """Return the ids of the runs behind some artifacts."""
    rows = (row for one in made for table in one.tables for block in table.blocks for row in block.rows)
    return {run for row in rows for cell in row.cells for run in cell.runs}


def _asked(results: Results, experiment: str) -> list[Made]:
    """Return what was run of an experiment; nothing where none of its runs are there."""
    try:
        return [asked.made(results, experiment)]
    except InputError:
        return []


def _own_data(results: Results) -> list[tuple[OwnData, list[str]]]:
    """Return the descriptions of users' own data that runs of a profile are stored with.

    With each are the backbones that it was run on beside the profile's.
    """
    found: list[tuple[Described, dict[str, None]]] = []
    usual = recipe.backbone(results.scale.backbone).name
    runs = results.store.by_profile(results.paper).get(results.profile, ProfileRuns(list, list))
    for record in runs.plain:
        if isinstance(record.spec, RunSpec) and (described := record.spec.data.described):
            backbones = next((some for known, some in found if known == described), None)
            if backbones is None:
                found.append((described, backbones := {}))
            if (name := record.spec.backbone.name) != usual:
                backbones[name] = None
    return [(OwnData(Path(f"{one.title}.yaml"), Path(), {}, one), [*names]) for one, names in found]


def _commands(results: Results, artifact: Artifact) -> list[tuple[str, list[str]]]:
    """Return the commands that make the runs of an artifact, and which methods and settings each is for.

    The one that unpacks a packed store is for all of them.
    """
    paper, name = results.paper, artifact.name.removeprefix("runs-of-")
    known = [one for one in recipe.recipe_names(paper) if one != "all"]
    makers = [one for one in known if artifact.name in experiments.artifacts_of(paper, one)]
    makers += [name] if name in known and name != artifact.name else []
    found: dict[str, list[str]] = {}
    for one in makers:
        blocks = experiments.blocks(paper, one, results.to_type.profile)
        asked_for = {f"{Path(method).stem} {block.setting}" for block in blocks for method in block.methods}
        found[results.to_type.run(one)] = sorted(asked_for)
    every = sorted({what for some in found.values() for what in some})
    return [(line, found.get(line, every)) for line in results.to_type.in_place(found)]
