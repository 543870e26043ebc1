"""What was run on a user's own data: every method and setting by task and language."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hxbench.errors import InputError
from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table, mark_best_of_columns
from hxbench.report.registry import Artifact, Made
from hxbench.report.results import Results
from hxbench.report.scores.rows import scores_in
from hxbench.report.scores.run_set import RunSet, Scoring
from hxbench.spec.languages import languages_for
from hxbench.spec.settings import SETTINGS, Model, Pair
from hxbench.tasks import task_names, task_of
from hxbench.tasks.description import Described, OwnData

NUMBERS = "mean ± sample s.d. over the seeds; the data are the user's own: nothing is published beside it"
_OWN = "described by the user"
_TRAINED = "every model was trained on it"
_MEAN = (
    "mean: over the languages shown, the user's among them, without those that every model of the row was trained "
    "on (over all where there are no others). A language is scored by the models that were not trained on it."
)
_RUNS = Column("runs", kind="seeds", paper=False)


class OwnRuns(RunSet):
    """The runs of a method, with scores by the models that were not trained on a pair, else by all."""

    def __init__(self, runs: RunSet) -> None:
        by_role: dict[bool, dict[Pair, dict[Model, None]]] = {True: {}, False: {}}
        for (model, _), rows in runs.rows.items():
            for row in rows:
                if row.get("split") == "test" and row.get("metric") == task_of(str(row["task"])).metric:
                    of_role = by_role[row.get("role") == "source"]
                    of_role.setdefault(Pair(row["task"], row["language"]), {})[model] = None
        self.sources = by_role[True].keys() - by_role[False].keys()  # what every model was trained on
        self.pairs = {**by_role[True], **by_role[False]}
        of = Scoring(scores_in, lambda models, pair, _: tuple(self.pairs.get(pair, ())), str, lambda group: ())
        super().__init__(runs.models, runs.wanted, runs.rows, of, runs.family)

    def cell(self, pairs: Sequence[Pair], marks: Marks) -> Cell:
        """Return the mean over some pairs; how many runs are missing stands in a column of its own."""
        return make_cell(replace(self.over(pairs), incomplete=False, lacking=()), None, marks)


def build(results: Results, own: OwnData) -> list[Table]:
    """Return a table for each task, methods by settings against languages; none where nothing was run."""
    sets = [
        results.run_set(method, setting) for setting in SETTINGS for method in results.families.methods(setting)
    ]
    found = [OwnRuns(runs) for runs in sets if runs.present]
    tasks = sorted({pair.task for one in found for pair in one.pairs}, key=task_names().index)
    notes = [note for runs in sets for note in runs.notes]
    return [_table(results, own.described, task, found, notes) for task in tasks]


def made(every: Iterable[Results], own: OwnData) -> Made:
    """Return the tables of all papers on whose ground something was run, as one thing to print or to write.

    Raises `InputError` where nothing was.
    """
    found = [(results.paper, build(results, own)) for results in every]
    there = [(paper, tables) for paper, tables in found if tables]
    if not there:
        raise InputError(
            f"nothing was run here on {own.described.title} as {own.path} describes it: hxbench train METHOD "
            f"--data {own.path} does; --profile, --store and --backbone say where to look."
        )
    title = f"What was run on {own.described.title}"
    artifact = Artifact(there[0][0], f"data-{own.path.stem}", title, __name__)
    return Made(artifact, tuple(table for _, tables in there for table in tables))


def _table(results: Results, described: Described, task: str, found: list[OwnRuns], notes: list[str]) -> Table:
    marks = Marks()
    languages = languages_for(str(results.scale.data.get("origin")), described)
    some = [one for one in found if any(pair.task == task for pair in one.pairs)]
    there = {pair.language for one in some for pair in one.pairs if pair.task == task}
    codes = [code for code in languages if code in there]
    own = {code for name, code in described.pairs if name == task}
    known = task_of(task)
    columns = (
        _RUNS,
        *(
            Column(
                # of one language, the text's task is what a reader looks for
                known.title if known.answers_texts and len(codes) == 1 else languages[code].label,
                known.title,
                paper=False,
                mark=marks.letter(_OWN) if code in own else "",
            )
            for code in codes
        ),
        *((Column("mean", known.title, paper=False),) if len(codes) > 1 else ()),
    )
    heading = results.heading(some, NUMBERS, seeds=sorted({seed for one in some for _, seed in one.present}))
    if results.synthetic:  # as what ships is at this profile, and the user's own need not be
        heading = (f"profile {results.profile}: {described.title} beside a SYNTHETIC sandbox", *heading[1:])
    blocks = []
    for setting in SETTINGS:
        here = [one for one in some if one.setting == setting]
        rows = tuple(_row(results, one, task, codes, marks) for one in here)
        if rows:
            blocks.append(mark_best_of_columns(Block(setting, rows), columns))
    return Table(
        name=f"{task}-{described.title}",
        title=f"{described.title}: {known.title}, {known.metric}",
        stub="method",
        columns=columns,
        blocks=tuple(blocks),
        layout="beside",
        heading=heading,
        notes=marks.notes(),
        remarks=(*([_MEAN] if len(codes) > 1 else []), *dict.fromkeys(notes), *results.store.left_out()),
        **results.named(""),
    )


def _row(results: Results, one: OwnRuns, task: str, codes: Iterable[str], marks: Marks) -> Row:
    wanted, count = len(one.models) * len(one.wanted), len(one.present)
    cells = [Cell(text=str(count) if count >= wanted else f"{count} of {wanted}")]
    pairs = [Pair(task, code) for code in codes]
    for pair in pairs:
        cell = one.cell([pair], marks)
        trained = pair in one.sources and cell.mean is not None and not task_of(task).answers_texts
        cells.append(replace(cell, marks=(*cell.marks, marks.letter(_TRAINED))) if trained else cell)
    if len(pairs) > 1:
        there = [pair for pair in pairs if pair in one.pairs]
        cells.append(one.cell([pair for pair in there if pair not in one.sources] or there, marks))
    return Row(results.title_of(one.method), tuple(cells))
