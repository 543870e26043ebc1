"""The rows all tables of the paper share: settings in its order, the methods of each, and how it names them."""

from dataclasses import dataclass

ORDER = tuple("en ar br is kk ta tr yo zh gn hsb fo mt sa ug yue".split())  # rows of Table 6
GROUPS = ("SEEN", "UNSEEN", "ALL")
METRICS = {"ner": ("f1", "NER F1"), "pos": ("accuracy", "POS accuracy")}  # ours, the paper's name
ABSENT = "not in this version: published values only"


@dataclass(frozen=True)
class MethodRow:
    """A method as the paper prints it; `method` is our recipe, None where this version has none."""

    published: str
    title: str
    method: str | None = None


@dataclass(frozen=True)
class SettingBlock:
    """A setting, as the paper titles it, and the methods it shows there."""

    setting: str
    title: str
    methods: tuple[MethodRow, ...]


MBERT = MethodRow("mBERT", "mBERT", "mbert")
SMALL = MethodRow("Hyper-X Small", "HX-Small", "hyperx-small")
BASE = MethodRow("Hyper-X Base", "HX-Base", "hyperx-base")

BLOCKS = (
    SettingBlock("single", "English single-task", (MBERT, MethodRow("MAD-X", "MAD-X"), SMALL, BASE)),
    SettingBlock("multi", "English multi-task", (MBERT, SMALL, BASE)),
    SettingBlock(
        "mixed",
        "Mixed-language multi-task",
        (MBERT, MethodRow("PSF", "PSF"), MethodRow("MAD-X MS", "MAD-X MS"), SMALL, BASE),
    ),
)
