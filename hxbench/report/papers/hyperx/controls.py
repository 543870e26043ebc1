"""The control of transfer, not in the paper: full fine-tuning on the pre-trained body and on a random one."""

from hxbench.report.artifact.table import Table
from hxbench.report.papers.hyperx.compared import Gain, compare
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import GROUPS

_TITLE = "Hyper-X: transfer against chance, mBERT in the multi-task setting"


def build(results: Results) -> list[Table]:
    """Return the one table: what is above the random body's score has been transferred."""
    return [compare(results, "controls", _TITLE, GROUPS, Gain(0, 1, ("UNSEEN",))).table()]
