"""One model of Figure 7 in one mode: our runs of it, and what the paper prints."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from hxbench.report.artifact.published import published
from hxbench.report.papers.pet.answers import LIKELIHOOD, NORMALISED, ways_of
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FAMILIES, PAPER, Backbone, task_title
from hxbench.report.papers.pet.scores import RunSet
from hxbench.report.papers.pet.transfer import Transfer, cells_where
from hxbench.report.scores.estimate import runs_behind
from hxbench.report.scores.shown import Condition
from hxbench.spec import experiment as experiments
from hxbench.spec.recipe import ExperimentBlock

EXPERIMENT = "figure7"
MODES = {"existing": "INNER", "inserted": "INSERT"}  # by the places of APET
MODELS = tuple(backbone for family in FAMILIES if family.name in ("bert", "t5") for backbone in family.ends)
_GUESSED = "resolved"  # in the place of published numbers whose digits had run together


@dataclass(frozen=True)
class TransferModel:
    """One model in one mode: what the experiment asks for, None where the profile lacks it, and our runs of it."""

    backbone: Backbone
    places: str
    condition: Condition[RunSet] | None
    transfer: Transfer

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks of its rows, and of its columns."""
        return self.transfer.tasks

    @property
    def title(self) -> str:
        """What its panel is called; answers that are chosen and not written are no secret."""
        ways = ways_of(self.condition.records) if self.condition else set()
        words = {LIKELIHOOD: ", by likelihood", NORMALISED: ", by normalised likelihood"}
        chosen = "".join(said for way, said in words.items() if way in ways)
        return f"{self.backbone.title}, {MODES[self.places]}{chosen}"

    @property
    def _group(self) -> str:
        return f"{self.backbone.printed}; APET_{MODES[self.places]}"

    def printed(self, source: str, target: str) -> float | None:
        """Return the published value of a cell."""
        row, column = f"source={task_title(source)}", f"target={task_title(target)}"
        return published(PAPER).value("Figure 7", row, column, "zero_shot_relative_performance", self._group)

    def printed_mean(self, kind: Callable[[str, str], bool]) -> float | None:
        """Return the mean of the published values over the cells of a kind, which are all there or none."""
        values = [self.printed(*cell) for cell in cells_where(self.tasks, kind)]
        there = [value for value in values if value is not None]
        return fmean(there) if there and len(there) == len(values) else None

    def guessed(self) -> list[str]:
        """Return the sources whose published rows were read by the pattern of their neighbours, by title."""
        rows = (row for row in published(PAPER).rows if row["artifact"] == "Figure 7")
        doubtful = (row for row in rows if row["group"] == self._group and _GUESSED in row["place"])
        return list(dict.fromkeys(row["row"].removeprefix("source=") for row in doubtful))


def models_of(results: Results) -> list[TransferModel]:
    """Return the models of the experiment in both modes, mode by mode; our runs are read here."""
    conditions = {_key(one.block): one for one in results.conditions(EXPERIMENT)}
    tasks = {size: block.every_task for block in experiments.blocks(PAPER, EXPERIMENT) for size in block.sizes}
    found = []
    for places in MODES:
        for backbone in MODELS:
            one = conditions.get((backbone.size, places))
            transfer = Transfer(tasks[backbone.size], results.scale.seeds)
            for (model, seed), record in one.run_set.family.runs.items() if one else ():
                source = model.task or ""
                transfer.add(seed, source, record.metrics(), runs_behind([record], (source,)))
            found.append(TransferModel(backbone, places, one, transfer))
    return found


def _key(block: ExperimentBlock) -> tuple[str, str]:
    return block.size, str(block.options.get("places"))
