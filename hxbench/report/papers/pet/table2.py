"""Table 2: the budgets of APET, which are the sizes of the four methods, as the runs count them."""

from dataclasses import replace

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.published import published
from hxbench.report.artifact.table import Block, Cell, Column, Marks, Row, Table
from hxbench.report.papers.pet.budgets import live_said
from hxbench.report.papers.pet.results import At, Results
from hxbench.report.papers.pet.rows import APET, BUDGETS, ENDS, FAMILIES, PAPER, PLACED, Backbone, budget_title
from hxbench.report.papers.pet.scores import Tried
from hxbench.report.scores.estimate import Estimate

_NAME = "Table 2"
_VARY = "the runs do not agree"


def _counted(tried: Tried) -> Estimate:
    """Return the parameters counted in the runs: one number, as long as all agree."""
    found = tried.cost("counted_parameters", PLACED)
    if len(set(found.values)) > 1:
        return replace(found, incomplete=False, note=_VARY)
    return replace(found, values=found.values[:1], seeds=())


def _cell(tried: Tried | None, budget: str, backbone: Backbone, marks: Marks) -> Cell:
    printed = published(PAPER).value(_NAME, backbone.printed, budget_title(budget), "tunable_parameters")
    return make_cell(_counted(tried) if tried else None, printed, marks)


def build(results: Results) -> list[Table]:
    """Return the one table."""
    tried, marks = results.tried("figure4"), Marks()
    rows = [
        Row(
            budget_title(budget),
            tuple(_cell(tried.get(At(one.size, APET, budget)), budget, one, marks) for one in ENDS),
        )
        for budget in BUDGETS
    ]
    shown = list(tried.values())
    columns = (Column(one.short, family.title, "parameters") for family in FAMILIES for one in family.ends)
    before = [*live_said(tried, ENDS, PLACED), *results.without(ENDS), *results.other_answers()]
    lacking = [one for one in shown if not one.records]
    told = results.told("table2", shown, marks, before=before, lacking=lacking)
    return [Table(columns=tuple(columns), blocks=(Block("", tuple(rows)),), **told)]
