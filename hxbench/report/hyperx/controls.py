"""The control of transfer, not in the paper: full fine-tuning on the pre-trained body and on a random one."""

from hxbench.report.hyperx.compared import Gain, compare
from hxbench.report.hyperx.results import Results
from hxbench.report.hyperx.rows import GROUPS
from hxbench.report.table import Table

_TITLE = "Hyper-X: transfer against chance, mBERT in the multi-task setting"


def build(results: Results) -> list[Table]:
    """Return the one table: what is above the random body's score has been transferred."""
    return [compare(results, "controls", _TITLE, GROUPS, Gain(0, 1, ("UNSEEN",))).table()]
