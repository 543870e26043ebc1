"""An experiment of the user's own: where in the paper's artifacts the runs that it asks for belong.

They take the place of the recipe's runs under the same conditions: setting, tasks, amount of data, size and
weights of the backbone. A method's options and its training are what the user tries.
"""

from dataclasses import dataclass
from pathlib import Path

from hxbench.spec.recipe import ExperimentBlock

_PLACE = {"setting", "suite", "tasks", "data", "backbone", "size", "weights", "switched"}


@dataclass(frozen=True)
class OwnExperiment:
    """The experiment's file and its blocks."""

    file: str
    blocks: tuple[ExperimentBlock, ...]

    @property
    def name(self) -> str:
        """What to call it."""
        return Path(self.file).name

    def in_place_of(
        self, method: str, setting: str, block: ExperimentBlock | None, suite: str | None
    ) -> tuple[str, ExperimentBlock] | None:
        """Return the method and the block of the experiment that belong where an artifact shows `method`.

        The artifact shows it as its experiment's `block` has it, or as the recipe does, on the tasks of a suite.
        None where the experiment has nothing for that place, or several things.
        """
        place = block or ExperimentBlock.model_validate({"setting": setting, "methods": [method], "suite": suite})
        found = [
            (name, one)
            for one in self.blocks
            for name in one.methods
            if Path(name).stem == Path(method).stem
            and not (one.few_shot or place.few_shot)
            and one.model_dump(include=_PLACE) == place.model_dump(include=_PLACE)
        ]
        labelled = [(name, one) for name, one in found if one.label == place.label]
        chosen = labelled if block or len(found) > 1 else found  # a recipe's place has no label to go by
        if len(chosen) > 1:  # rates that both try
            chosen = [(name, one) for name, one in chosen if one.training.get("lr") == place.training.get("lr")]
        return chosen[0] if len(chosen) == 1 else None
