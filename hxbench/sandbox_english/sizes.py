"""How many examples each split has: the proportions of the releases, scaled to seconds."""

TRAIN = {
    "CoLA": 2000, "SST-2": 3000, "MRPC": 1200, "QQP": 4000, "STS-B": 1600, "MNLI": 4000, "QNLI": 3200, "RTE": 800,
    "BoolQ": 1600, "CB": 250, "WiC": 1600, "WSC": 500, "SciTail": 2000, "XSUM": 2000, "Ro-En": 3000,
}  # fmt: skip
HELD_OUT = {
    "CoLA": (400,), "SST-2": (400,), "MRPC": (400,), "QQP": (400,), "STS-B": (400,), "QNLI": (400,), "RTE": (280,),
    "BoolQ": (400,), "CB": (120,), "WiC": (400,), "WSC": (160,), "MNLI": (400,), "SciTail": (300, 400),
    "XSUM": (200, 200), "Ro-En": (200, 200),
}  # fmt: skip
TEXT_LINES = 36000
