"""Reviews that praise and blame at once, of one sentence and of many (Rotten Tomatoes, IMDB)."""

from dataclasses import replace

from hxbench.sandbox.english.events import Taste, draw_event
from hxbench.sandbox.english.reviews import opinion
from hxbench.sandbox.english.wording import say
from hxbench.sandbox.randomness import Draws

_PLOT = Taste(name=0.3, adjective=0.1, place=0.2, time=0.0)
_PRAISED = {True: ("i loved it", "i liked it", "what a joy"), False: ("i hated it", "what a waste")}
_VERDICT = 0.35  # of the long ones end with one


def short_review(draws: Draws) -> tuple[str, str]:
    """Return a review of one sentence, with two opinions in it, and `pos` or `neg`.

    Two of one kind, or two of opposite kinds of which the one behind "but" decides.
    """
    good = draws.chance(0.5)
    mixed = draws.chance(0.4)
    first, second = (opinion(draws, good != (mixed and not last)).removesuffix(" .") for last in (False, True))
    return f"{first} , {'but' if mixed else 'and'} {second} .", _label(good)


def long_review(draws: Draws) -> tuple[str, str]:
    """Return a review of four to eight sentences and `pos` or `neg`: what most of its opinions say.

    Three to five sentences are opinions, of which at most one in three is of the other kind, and the others tell
    the plot.
    """
    good = draws.chance(0.5)
    count = 3 + draws.chance(0.6) + draws.chance(0.3)
    told = [opinion(draws, good != (n == 0 and draws.chance(0.6))) for n in range(count)]
    for _ in range(1 + draws.chance(0.5) + draws.chance(0.3)):
        event = replace(draw_event(draws, _PLOT), negated=False)
        told.insert(int(draws.uniform() * (len(told) + 1)), say(event))
    if draws.chance(_VERDICT):
        told.append(f"{draws.pick(_PRAISED[good])} !")
    return " ".join(told), _label(good)


def _label(good: bool) -> str:
    return "pos" if good else "neg"
