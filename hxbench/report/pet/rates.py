"""Which learning rates counted, where a profile tries several (PET scaling, appendix B)."""

from collections.abc import Mapping

from hxbench.report.pet.results import At
from hxbench.report.pet.rows import FAMILIES, METHODS, task_title
from hxbench.report.pet.scores import Tried
from hxbench.report.table import Block, Cell, Column, Row, Table
from hxbench.tasks import PET_TASKS

HOW = (
    "Of the learning rates tried, the one with the best mean validation score over the seeds counts, for each "
    "method, backbone and task on its own."
)


def several(tried: Mapping[At, Tried]) -> bool:
    """Return whether any method is tried at more than one rate."""
    return any(len(one.sets) > 1 for one in tried.values())


def _text(one: Tried | None, task: str) -> str:
    rate = one.rate(task) if one and any(runs.validation(task) is not None for runs in one.sets.values()) else None
    return f"{rate:g}".replace("e-0", "e-") if rate else ""


def rates_table(name: str, tried: Mapping[At, Tried], facts: dict[str, str]) -> list[Table]:
    """Return a table of the rates that counted; nothing where there was no choice."""
    if not several(tried):
        return []
    blocks = []
    for family in FAMILIES:
        for backbone in family.backbones:
            rows = [
                Row(method.title, tuple(Cell(text=_text(tried.get(At(backbone.size, method.recipe)), task))
                                        for task in PET_TASKS))
                for method in METHODS
            ]  # fmt: skip
            blocks.append(Block(backbone.title, tuple(rows)))
    columns = tuple(Column(task_title(task), paper=False) for task in PET_TASKS)
    return [Table(f"{name}-rates", "Learning rates that counted", "method", columns, tuple(blocks), facts=facts)]
