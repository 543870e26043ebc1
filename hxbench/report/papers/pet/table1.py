"""Table 1: what each method tunes and where, as our recipes say it; nothing in it is measured."""

from hxbench.report.artifact.table import Block, Cell, Column, Row, Table
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import FT, METHODS
from hxbench.spec import recipe

# of APET's three operations (section 5.1) the one that a method is a case of
_OPERATION = {"Prompt": "CONCAT", "BitFit": "ADD", "LoRA": "CONCAT", "Adapter": "PLUG"}
_ALL = "ADD: f(h) + w; CONCAT: f(h) + f(w), or a low-rank branch beside f; PLUG: a small network behind f."


def _about(method: str) -> str:
    """Return what a recipe says of its method, without where that is from."""
    about, _, _ = str(recipe.load("methods", method).about).partition(" (")
    return about.removesuffix(".")


def build(results: Results) -> list[Table]:
    """Return the one table."""
    rows = [
        Row(one.title, (Cell(text=_OPERATION[one.title]), Cell(text=_about(one.method))))
        for one in METHODS
        if one is not FT
    ]
    return [
        Table(
            stub="method",
            columns=(Column("operation", paper=False), Column("as it is built here", paper=False)),
            blocks=(Block("", tuple(rows)),),
            heading=("from the recipes; there is nothing to measure",),
            remarks=(_ALL,),
            **results.named("table1"),
        )
    ]
