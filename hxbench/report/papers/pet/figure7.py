"""Figure 7: transfer between tasks, of small models (a) and large ones (b), and what it comes to by type (c)."""

from collections.abc import Callable
from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.papers.pet.answers import guess_is_free
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FILE
from hxbench.report.papers.pet.transfer import (
    EXPERIMENT,
    LABELLED,
    MODELS,
    MODES,
    TransferModel,
    across,
    across_labels,
    models_of,
    to_labels,
    to_text,
    within,
)
from hxbench.report.scores.run_set import Condition
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks import task_of, tasks_in

SHEETS = {"a": ("small models", MODELS[::2]), "b": ("large models", MODELS[1::2])}
# which cells of a matrix a mean is over
KINDS: dict[str, Callable[[str, str], bool]] = {
    "within a type": within,
    "across types": across,
    "across, labels only": across_labels,
    "from labels to text": to_text,
    "from text to labels": to_labels,
}
FREQUENT = "most frequent label"
CHOSEN = "text to labels, chosen"


def short(task: str) -> str:
    """Return what a row or a column of a matrix is called."""
    return FILE.tasks.get(task, task.upper())


def _panel(model: TransferModel, marks: Marks, *, chosen: bool = False) -> Panel:
    """Return a matrix, a row a source and a column a target; with `chosen` of the targets that have labels."""
    rows = []
    targets = [task for task in model.tasks if not chosen or task_of(task).group in LABELLED]
    for source in model.tasks:
        cells = []
        for target in targets:
            ours = model.transfer.relative(source, target, chosen=chosen) if model.condition else None
            cells.append(make_cell(ours, model.printed(source, target), marks))
        rows.append(Series(short(source), tuple(cells)))
    title = f"{model.title}, chosen" if chosen else model.title
    return Panel(title, "", tuple(rows), places=tuple(map(short, targets)))


def _panels(model: TransferModel, marks: Marks) -> list[Panel]:
    """Return the matrix of a model; of one that writes and is scored by its likeliest labels too, one of each."""
    return [_panel(model, marks), *([_panel(model, marks, chosen=True)] if model.transfer.both else [])]


def _matrices(letter: str, models: list[TransferModel], results: Results) -> Figure:
    about, backbones = SHEETS[letter]
    shown = [model for backbone in backbones for model in models if model.backbone == backbone]
    marks = Marks()
    panels = tuple(panel for model in shown for panel in _panels(model, marks))
    guessed = {model.title: names for model in shown if (names := model.guessed())}
    read = "; ".join(f"{title}: {', '.join(names)}" for title, names in guessed.items())
    figure = Figure(
        name=f"figure7{letter}",
        title=f"PET scaling, Figure 7 ({letter}): transfer between tasks, {about}",
        kind="heat",
        stub="source",
        places=(),
        panels=panels,
        axis="target",
        scale="percent of the score of the target's own training",
        caption=(
            FILE.text("own_training"),
            FILE.text("abbreviated"),
            *([FILE.text("chosen")] if any(model.transfer.both for model in shown) else []),
            *([FILE.text("read", rows=read)] if read else []),
        ),
        names=_names(models, results, "{ours}"),
        quantity="percent",
    )
    return _said(figure, shown, results, marks)


def _means(models: list[TransferModel], results: Results) -> Figure:
    marks, panels = Marks(), []
    for places, mode in MODES.items():
        of_mode = [model for model in models if model.places == places]
        rows = [
            Series(title, tuple(_mean(model, kind, marks) for model in of_mode)) for title, kind in KINDS.items()
        ]
        rows.append(Series(CHOSEN, tuple(_mean(model, to_labels, marks, chosen=True) for model in of_mode)))
        rows.append(Series(FREQUENT, tuple(_frequent(model, marks) for model in of_mode)))
        panels.append(Panel(mode, "percent of own training", tuple(rows)))
    types = []
    for group in dict.fromkeys(task_of(task).group for task in tasks_in("pet")):
        of_group = (short(task) for task in tasks_in("pet") if task_of(task).group == group)
        types.append(f"{group.upper()} ({', '.join(of_group)})")
    figure = Figure(
        name="figure7c",
        title="PET scaling, Figure 7 (c): what transfer comes to, in small and in large models",
        kind="bars",
        stub="mean over cells",
        places=tuple(backbone.title for backbone in MODELS),
        axis="backbone",
        columns=1,
        panels=tuple(panels),
        caption=(
            FILE.text("types", types="; ".join(types)),
            FILE.text("labels_only"),
            FILE.text("chosen"),
        ),
        names=_names(models, results, "{ours} (paper: {paper})"),
    )
    return _said(figure, models, results, marks)


def _names(models: list[TransferModel], results: Results, form: str) -> tuple[tuple[str, str], ...]:
    counts = {
        one.backbone: one.condition.run_set.cost("backbone_parameters").mean for one in models if one.condition
    }
    return results.our_names(MODELS, counts.get, form)


def contradiction(models: list[TransferModel]) -> list[str]:
    """Return what is odd about the published means between labels and text, where a model has both."""
    there = [model for model in models if model.printed_mean(to_labels) is not None]
    if not there:
        return []
    to_them, back = (", ".join(f"{m.printed_mean(kind):.0f}" for m in there) for kind in (to_labels, to_text))
    names = ", ".join(model.title.replace(",", "") for model in there)
    return [
        FILE.text("contradiction", models=names, to_labels=to_them, to_text=back, ours=FILE.text(_ours(there)))
    ]


def _ours(models: list[TransferModel]) -> str:
    """Return how the answers of ours that the contradiction is about were given, by the name of a sentence."""
    there = [model for model in models if model.condition]
    if any(model.transfer.both for model in there):
        return "both_forms"
    records = [record for model in there if model.condition for record in model.condition.records]
    return "chosen_too" if guess_is_free(records) else "written"


def _mean(model: TransferModel, kind: Callable[[str, str], bool], marks: Marks, *, chosen: bool = False) -> Cell:
    ours = model.transfer.mean(kind, chosen=chosen) if model.condition else None
    return make_cell(ours, model.printed_mean(kind), marks)


def _frequent(model: TransferModel, marks: Marks) -> Cell:
    return make_cell(model.transfer.frequent(), None, marks) if model.condition else Cell()


def _mode(shown: Condition) -> str:
    """Return how the places of the runs were drawn: runs of before may stand in."""
    specs = (record.spec for record in shown.records)
    told = [str(spec.options["mode"]) for spec in specs if isinstance(spec, RunSpec) and "mode" in spec.options]
    return told[0] if told else str(shown.block.options["mode"])


def _said(figure: Figure, models: list[TransferModel], results: Results, marks: Marks) -> Figure:
    """Return the figure with what has to be said of the runs it shows."""
    shown = [model.condition for model in models if model.condition]
    backbones = list(dict.fromkeys(model.backbone for model in models))
    remarks = [*contradiction(models), *results.without(backbones)]
    for budget, mode in dict.fromkeys((str(one.block.options["budget"]), _mode(one)) for one in shown):
        remarks.append(FILE.text("not_stated", budget=budget, mode=mode))
    told = results.told(
        EXPERIMENT, shown, marks, sizes=[backbone.size for backbone in backbones],
        before=[*remarks, *results.splits(shown)], several_backbones=True,
    )  # fmt: skip
    return replace(figure, **told)


def build(results: Results) -> list[Figure]:
    """Return the matrices of small and of large models, and their means by type."""
    models = models_of(results)
    return [*(_matrices(letter, models, results) for letter in SHEETS), _means(models, results)]
