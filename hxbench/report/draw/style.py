"""What tells series apart, in colour, for the colour-blind and in grey print; sizes are those on paper."""

from collections.abc import Iterable
from typing import Any

# Okabe and Ito 2008, the darkest and the lightest first
COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#000000")
HATCHES = ("", "////", "..", "xxx", "\\\\\\\\", "oo", "--", "")
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X")
FAINT = "#444444"

WIDTH = 6.3  # inches: the text width of an A4 page
SMALL = 8.0  # points: no letter is smaller
LARGE = 9.5
LINE = SMALL * 1.35 / 72  # inches from one line of small text to the next

SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a picture is the same everywhere
    "font.size": SMALL,
    "axes.titlesize": SMALL,
    "axes.labelsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#cccccc",
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # whole TrueType fonts: what printers and journals take
    "svg.fonttype": "path",
    "svg.hashsalt": "hxbench",
    "text.parse_math": False,  # a `$` in a name is a `$`
}


def in_two_lines(places: Iterable[str]) -> list[str]:
    """Return what stands at ticks, what is in brackets below the rest."""
    return [place.replace(" (", "\n(") for place in places]


def pick(choices: tuple[str, ...], number: int) -> str:
    """Return the style of series `number`."""
    return choices[number % len(choices)]
