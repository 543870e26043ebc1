"""How many sentences each split has: the proportions of Hyper-X, Table 4, scaled to minutes."""

SPLITS = ("train", "dev", "test")

# Real code of the imitated language → (train, dev, test) of its treebank; 0: the split does not exist.
POS_SIZES = {
    "en": (2000, 300, 300), "ar": (1000, 200, 200), "br": (0, 0, 240), "zh": (700, 150, 150), "is": (0, 0, 260),
    "kk": (31, 0, 260), "ta": (150, 80, 100), "tr": (650, 200, 200), "yo": (0, 0, 160), "fo": (0, 0, 300),
    "gn": (0, 0, 98), "hsb": (23, 0, 240), "mt": (280, 150, 200), "sa": (0, 0, 140), "ug": (400, 200, 200),
    "yue": (0, 0, 260),
}  # fmt: skip

_RICH, _FAIR, _SMALL, _POOR = (2000, 300, 300), (1500, 200, 200), (400, 200, 200), (100, 100, 100)
NER_SIZES = {
    "en": _RICH, "ar": _RICH, "br": _SMALL, "zh": _RICH, "is": _SMALL, "kk": _SMALL, "ta": _FAIR, "tr": _RICH,
    "yo": _POOR, "fo": _POOR, "gn": _POOR, "hsb": _POOR, "mt": _POOR, "sa": _POOR, "ug": _POOR, "yue": _RICH,
}  # fmt: skip

TEXT_SIZE = 5000
