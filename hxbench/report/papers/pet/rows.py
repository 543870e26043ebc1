"""What all artifacts of the paper share: its backbones, ways of tuning and tasks, and what they are called."""

from dataclasses import dataclass

from hxbench.report.paper import paper_file
from hxbench.tasks import task_of, tasks_in

PAPER = "pet"
PLACED = ("sst2", "rte", "mrpc")  # what APET is run on (Figures 4 and 5)
APET = "apet"


FILE = paper_file(PAPER)
ROWS = FILE.rows
METHODS = tuple(ROWS.values())
FT = ROWS["ft"]
BUDGETS = {name: row.title for name, row in ROWS.items() if row is not FT}  # of APET, named for these methods


@dataclass(frozen=True)
class Backbone:
    """One of the nine: the name of its size in a profile, and what the paper prints."""

    size: str
    printed: str

    @property
    def title(self) -> str:
        """What it is called in full."""
        return self.printed.replace("_", " ")

    @property
    def short(self) -> str:
        """What sets it apart from the others of its family."""
        return self.printed.partition("_")[2]


@dataclass(frozen=True)
class Family:
    """A family of backbones, from the smallest to the largest, and what it is run on."""

    name: str
    title: str
    backbones: tuple[Backbone, ...]
    guessing: bool  # whether who guesses may be right: it chooses among the classes, and does not write

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks in the paper's order: without a decoder no text is written."""
        return tuple(task for task in tasks_in("pet") if task_of(task).labels or not self.guessing)

    @property
    def ends(self) -> tuple[Backbone, Backbone]:
        """The smallest and the largest, which APET is run on."""
        return self.backbones[0], self.backbones[-1]

    def random(self, task: str, *, chosen: bool = False) -> float:
        """Return what guessing scores on a task in percent (PET scaling, section 5.3).

        That is 0 for who writes, unless answers are `chosen` among the labels.
        """
        return 100.0 / len(task_of(task).labels) if self.guessing or chosen else 0.0


FAMILIES = tuple(
    Family(name, one.title, tuple(Backbone(*size) for size in one.sizes.items()), one.guessing)
    for name, one in FILE.families.items()
)
ENDS = tuple(backbone for family in FAMILIES for backbone in family.ends)


def budget_title(budget: str) -> str:
    """Return what the paper calls APET with a named budget."""
    return f"APET_{BUDGETS[budget]}"
