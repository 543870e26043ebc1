"""The rows all tables of the paper share: settings in its order, the methods of each, and how it names them."""

from dataclasses import dataclass

from hxbench.report.select.identity import of_no_paper
from hxbench.spec import recipe

ORDER = tuple("en ar br is kk ta tr yo zh gn hsb fo mt sa ug yue".split())  # rows of Table 6
GROUPS = ("SEEN", "UNSEEN", "ALL")
LISTS = {True: "XLM-R", False: "not XLM-R"}  # by whether a language is in the list of XLM-R's pre-training
XLM_R_BACKBONES = frozenset(("e5-small-q4", "multilingual-e5-small"))  # which began as a distilled XLM-R
METRICS = {"ner": ("f1", "NER F1"), "pos": ("accuracy", "POS accuracy")}  # ours, the paper's name
# what two tables have to say about the paper (sheet, section 8)
HSB_SIZE = "the paper's Table 4 gives 23 sentences for POS testing; UD 2.7 has 23 for training and 623 for testing"
UYGHUR = "relatives share a side of the partitions, but Uyghur is on the other side from the Turkic kk and tr"


@dataclass(frozen=True)
class MethodRow:
    """A method as the paper prints it; `method` is our recipe, empty where a row is no method."""

    published: str
    title: str
    method: str = ""


@dataclass(frozen=True)
class SettingBlock:
    """A setting, as the paper titles it, and the methods it shows there."""

    setting: str
    title: str
    methods: tuple[MethodRow, ...]


MBERT = MethodRow("mBERT", "mBERT", "mbert")
PSF = MethodRow("PSF", "PSF", "psf")
MADX = MethodRow("MAD-X", "MAD-X", "madx")
MADX_MS = MethodRow("MAD-X MS", "MAD-X MS", "madx-ms")
SMALL = MethodRow("Hyper-X Small", "HX-Small", "hyperx-small")
BASE = MethodRow("Hyper-X Base", "HX-Base", "hyperx-base")

BLOCKS = (
    SettingBlock("single", "English single-task", (MBERT, MADX, SMALL, BASE)),
    SettingBlock("multi", "English multi-task", (MBERT, SMALL, BASE)),
    SettingBlock("mixed", "Mixed-language multi-task", (MBERT, PSF, MADX_MS, SMALL, BASE)),
)


def title_of(method: str) -> str:
    """Return what the tables call a method: as the paper does, by our recipe of no paper, or by its own name."""
    rows = (row for block in BLOCKS for row in block.methods)
    own = recipe.load("methods", method).title if of_no_paper(method) else method
    return next((row.title for row in rows if row.method == method), own)


def own_row(method: str) -> MethodRow:
    """Return the row of a method that the paper does not have."""
    return MethodRow("", title_of(method), method)
