"""Values that nobody expects."""

import datetime
import random
from typing import Any


def odd(draw: random.Random) -> Any:
    """Return a value of a wrong type, size, sign or spelling."""
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    values: list[Any] = [
        None, True, False, 0, -1, 1, 2, 10**30, 3.5, -0.0, 1e308, float("inf"), "", " ", "x", "x" * 5000,
        "\x1b[31mred", "a\nb", "=1+1", "@SUM(A1)", "../../up", "/etc/passwd", "\u202eright", "\x00", [], {},
        [1, 2], {"a": 1}, deep, {"x" * 3000: 1}, ["x"] * 5000, datetime.date(2020, 1, 1), "nan", "1",
        "done", "\ud7ff",
    ]  # fmt: skip
    return draw.choice(values)


def odd_word(draw: random.Random) -> str:
    """Return a word of a command line that nobody expects; no place outside the case, as commands write there."""
    words = [
        "", " ", "x", "-", "--", "-1", "0", "10000000000000000000000", "1e309", "nan", "x" * 5000, "a\nb", 
        "\x1b[31m", "=1", ".", "nothing/here", "in.txt", "store", "cache", "ä", "\u202e", "a=b", "options.x=1",
        "training.updates=[", "{", "%s", "*", "'", '"', "None", "true",
    ]  # fmt: skip
    return draw.choice(words)
