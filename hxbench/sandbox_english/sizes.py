"""How many examples each split has: the order of the releases, scaled to seconds."""

TRAIN = {
    "CoLA": 3000, "SST-2": 3000, "MRPC": 2500, "QQP": 4000, "STS-B": 2500, "MNLI": 4000, "QNLI": 4000, "RTE": 2000,
    "BoolQ": 3000, "CB": 250, "WiC": 2500, "WSC": 1000, "SciTail": 3000, "XSUM": 2000, "Ro-En": 3000,
}  # fmt: skip
HELD_OUT = {
    "CoLA": (400,), "SST-2": (400,), "MRPC": (400,), "QQP": (400,), "STS-B": (400,), "QNLI": (400,), "RTE": (400,),
    "BoolQ": (400,), "CB": (120,), "WiC": (400,), "WSC": (240,), "MNLI": (400,), "SciTail": (300, 400),
    "XSUM": (200, 200), "Ro-En": (200, 200),
}  # fmt: skip
TEXT_LINES = 60000
