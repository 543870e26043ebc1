"""Figure 7: transfer between tasks, of small models (a) and of large ones (b), and what it comes to by type (c)."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from hxbench import experiment as experiments
from hxbench.recipe import ExperimentBlock
from hxbench.report.cells import make_cell
from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.pet.transfer import Transfer, across, across_classes, cells_where, within
from hxbench.report.published import published
from hxbench.report.results import PaperResults
from hxbench.report.shown import Condition
from hxbench.report.table import Cell, Marks
from hxbench.tasks import PET_TASKS, TEXT_TASKS

PAPER, EXPERIMENT = "pet", "figure7"
MODES = {"existing": "INNER", "inserted": "INSERT"}
# size in the profile → title, and what the published numbers call it
MODELS = {
    "bert-small": ("BERT SMALL", "BERT_SMALL"),
    "bert-large": ("BERT LARGE", "BERT_LARGE"),
    "t5-small": ("T5 SMALL", "T5_SMALL"),
    "t5-large": ("T5 XXL", "T5_XXL"),
}
SHEETS = {"a": ("small models", ("bert-small", "t5-small")), "b": ("large models", ("bert-large", "t5-large"))}
SHORT = {"sst2": "SST2", "rotten": "RT", "nq": "NQ", "samsum": "SAMS", "multinews": "MN"}  # others: their names
NAMES = "RT: Rotten Tomatoes; NQ: NQ-Open; SAMS: SAMSum; MN: Multi-News."
NUMBERS = "percent of the target's own training, mean over the seeds; published: on real data, seeds not stated"
# series of (c): which cells a mean is over
KINDS: dict[str, Callable[[str, str], bool]] = {
    "within a type": within,
    "across types": across,
    "across, labels only": across_classes,
}
FREQUENT = "most frequent label"
_GUESSED = "resolved"  # in the place of published numbers whose digits had run together


@dataclass(frozen=True)
class Model:
    """One model in one mode: what the experiment asks for, and our runs of it."""

    size: str
    places: str
    tasks: tuple[str, ...]
    condition: Condition[Any] | None  # None where the profile lacks the size
    transfer: Transfer

    @property
    def title(self) -> str:
        """What its panels are called."""
        return f"{MODELS[self.size][0]}, {MODES[self.places]}"

    def printed(self, source: str, target: str) -> float | None:
        """Return the published value of a cell."""
        row, column = f"source={TEXT_TASKS[source].title}", f"target={TEXT_TASKS[target].title}"
        group = f"{MODELS[self.size][1]}; APET_{MODES[self.places]}"
        return published(PAPER).value("Figure 7", row, column, "zero_shot_relative_performance", group)

    def printed_mean(self, kind: Callable[[str, str], bool]) -> float | None:
        """Return the mean of the published values over the cells of a kind."""
        values = [self.printed(*cell) for cell in cells_where(self.tasks, kind)]
        return fmean(v for v in values if v is not None) if values and None not in values else None

    def guessed(self) -> list[str]:
        """Return the sources whose published rows were read by the pattern of their neighbours, by title."""
        group = f"{MODELS[self.size][1]}; APET_{MODES[self.places]}"
        rows = [row for row in published(PAPER).rows if row["artifact"] == "Figure 7" and row["group"] == group]
        return list(dict.fromkeys(row["row"].removeprefix("source=") for row in rows if _GUESSED in row["place"]))


def short(task: str) -> str:
    """Return what a column of a matrix is called."""
    return SHORT.get(task, task.upper())


def models_of(results: PaperResults[Any]) -> dict[tuple[str, str], Model]:
    """Return the models by size and places, as the experiment asks for them; our runs are read here."""
    conditions = {_key(one.block): one for one in results.conditions(EXPERIMENT)}
    tasks = {size: block.tasks for block in experiments.blocks(PAPER, EXPERIMENT) for size in _sizes(block)}
    found = {}
    for size in MODELS:
        for places in MODES:
            one = conditions.get((size, places))
            transfer = Transfer(tasks[size], results.scale.seeds)
            for (model, seed), record in one.run_set.family.runs.items() if one else ():
                transfer.add(seed, model.task, record.metrics())
            found[size, places] = Model(size, places, tasks[size], one, transfer)
    return found


def _key(block: ExperimentBlock) -> tuple[str, str]:
    return block.size, str(block.options.get("places"))


def _sizes(block: ExperimentBlock) -> tuple[str, ...]:
    return (block.size,)


def _panel(model: Model, marks: Marks) -> Panel:
    """Return a matrix, a row a source and a column a target."""
    rows = []
    for source in model.tasks:
        cells = []
        for target in model.tasks:
            ours = model.transfer.relative(source, target) if model.condition else None
            cells.append(make_cell(ours, model.printed(source, target), marks))
        rows.append(Series(short(source), tuple(cells)))
    places = tuple(map(short, model.tasks))
    return Panel(model.title, "", tuple(rows), places=places)


def _matrices(letter: str, models: dict[tuple[str, str], Model], said: "_Said") -> Figure:
    about, sizes = SHEETS[letter]
    shown = [models[size, places] for size in sizes for places in MODES]
    marks = Marks()
    panels = tuple(_panel(model, marks) for model in shown)
    guessed = {model.title: names for model in shown if (names := model.guessed())}
    read = "; ".join(f"{title}: {', '.join(names)}" for title, names in guessed.items())
    return said.figure(
        f"figure7{letter}",
        f"PET scaling, Figure 7 ({letter}): transfer between tasks, {about}",
        panels=panels,
        kind="heat",
        stub="source",
        axis="target",
        quantity="percent",
        caption=(
            "Percent of what the target's own training gives: the diagonal is 100, and so the darkest blue.",
            *([NAMES] if any("rotten" in model.tasks for model in shown) else []),
            *([f"Published rows read by the pattern of their neighbours: {read}."] if read else []),
        ),
        notes=marks.notes(),
        sizes=sizes,
    )


def _means(models: dict[tuple[str, str], Model], said: "_Said") -> Figure:
    marks = Marks()
    panels = []
    for places, mode in MODES.items():
        of_mode = [models[size, places] for size in MODELS]
        rows = []
        for title, kind in KINDS.items():
            cells = [
                make_cell(one.transfer.mean(kind) if one.condition else None, one.printed_mean(kind), marks)
                for one in of_mode
            ]
            rows.append(Series(title, tuple(cells)))
        frequent = [
            make_cell(one.transfer.frequent(), None, marks) if one.condition else Cell() for one in of_mode
        ]
        panels.append(Panel(mode, "percent of the own training", (*rows, Series(FREQUENT, tuple(frequent)))))
    return said.figure(
        "figure7c",
        "PET scaling, Figure 7: what transfer comes to, small models and large ones",
        panels=tuple(panels),
        kind="bars",
        stub="mean over cells",
        axis="",
        quantity="score",
        caption=(
            "Means over the cells of the matrices off the diagonal; types: "
            + "; ".join(f"{group}: {', '.join(map(short, tasks))}" for group, tasks in _types().items())
            + ". Labels only: sources and targets with labels; most frequent label: always answering it, over the "
            "targets with labels.",
        ),
        notes=marks.notes(),
        sizes=tuple(MODELS),
        places=tuple(title for title, _ in MODELS.values()),
    )


def _types() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for task, known in PET_TASKS.items():
        found.setdefault(known.group.upper(), []).append(task)
    return found


@dataclass(frozen=True)
class _Said:
    """What all three figures have to say besides."""

    results: PaperResults[Any]
    models: dict[tuple[str, str], Model]

    def figure(
        self, name: str, title: str, *, sizes: tuple[str, ...], places: tuple[str, ...] = (), **what: Any
    ) -> Figure:
        """Return a figure with its heading, remarks and commands."""
        of_sizes = [model for model in self.models.values() if model.size in sizes]
        shown = [model.condition for model in of_sizes if model.condition]
        return Figure(
            name=name,
            title=title,
            places=places,
            heading=self.results.heading(shown, NUMBERS, sizes=sizes),
            remarks=(*self._remarks(of_sizes), *self.results.remarks(shown, several_bodies=True)),
            commands=self.results.commands(shown, EXPERIMENT),
            facts={"paper": PAPER, "profile": self.results.profile},
            **what,
        )

    def _remarks(self, models: list[Model]) -> list[str]:
        options = next((m.condition.block.options for m in models if m.condition), {})
        budget = (
            f"{options.get('budget', 'lora')}'s size"
            if isinstance(options.get("budget"), str)
            else options.get("budget")
        )
        absent = [MODELS[size][0] for size in dict.fromkeys(m.size for m in models if m.condition is None)]
        return [
            f"not stated in the paper: the budget (here {budget}), how places are drawn ({options.get('mode')}), and "
            "how BERT's tasks of two and three labels share a head (three outputs, all in the loss; a task answers "
            "with the most probable of its own labels).",
            *([f"profile {self.results.profile} has no backbone for {', '.join(absent)}."] if absent else []),
        ]


def build(results: PaperResults[Any]) -> list[Figure]:
    """Return the matrices of small and of large models, and their means by type."""
    models = models_of(results)
    said = _Said(results, models)
    return [*(_matrices(letter, models, said) for letter in SHEETS), _means(models, said)]
