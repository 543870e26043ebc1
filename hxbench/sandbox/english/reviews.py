"""Opinions with a polarity of their own, turned round by negation, and decided after "but".

Reviews have one of them (SST-2), two in one sentence (Rotten Tomatoes), or many sentences (IMDB).
"""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Taste, draw_event
from hxbench.sandbox.english.wording import say
from hxbench.sandbox.randomness import Draws

_ADJECTIVES = {
    True: ("good", "great", "funny", "lovely", "clever"),
    False: ("bad", "awful", "boring", "ugly", "stupid"),
}
_VERBS = {True: ("loved", "liked"), False: ("hated", "disliked")}
_BARE = {True: ("love", "like"), False: ("hate", "dislike")}
_THINGS = ("movie", "film", "plot", "song", "story")
_DENIED = 0.06  # some of what is denied is negated itself
_DEGREES = ("", "", "", "very", "so")
VERDICTS = {True: ("i loved it", "i liked it", "what a joy"), False: ("i hated it", "what a waste")}
_PLOT = Taste(name=0.3, adjective=0.1, place=0.2, time=0.0)


def _adjective(draws: Draws, good: bool, before_noun: bool = False) -> str:
    degree = draws.pick(_DEGREES[:4] if before_noun else _DEGREES)
    return f"{degree} {draws.pick(_ADJECTIVES[good])}".strip()


def _noun_phrase(draws: Draws, good: bool, thing: str = "") -> str:
    return lexicon.one(f"{_adjective(draws, good, True)} {thing or draws.pick(_THINGS)}")


def _statement(draws: Draws, good: bool, plain: bool = False) -> str:
    """Return a review that is a whole clause; a `plain` one ends with it."""
    thing = draws.pick(_THINGS)
    shape = draws.uniform() * (0.8 if plain else 1.0)
    if shape < 0.3:
        return f"the {thing} is {_adjective(draws, good)} ."
    if shape < 0.6:
        return f"the {thing} is {draws.pick(('not', 'never'))} {_adjective(draws, not good)} ."
    if shape < 0.8:
        return f"the {thing} is {_adjective(draws, good)} and {draws.pick(_ADJECTIVES[good])} ."
    return f"i {draws.pick(_VERBS[good])} the {thing} ."


def opinion(draws: Draws, good: bool) -> str:
    """Return a review of one sentence, in favour or against, with its full stop."""
    if draws.chance(_DENIED):
        start = draws.pick(("it is false that", "nobody says that"))
        return f"{start} {_statement(draws, not good, True)}"
    thing = draws.pick(_THINGS)
    other = draws.pick([noun for noun in _THINGS if noun != thing])
    shape = draws.uniform()
    if shape < 0.50:
        return _statement(draws, good)
    if shape < 0.60:
        return f"i did not {draws.pick(_BARE[not good])} the {_adjective(draws, good, True)} {thing} ."
    if shape < 0.68:
        return f"{_noun_phrase(draws, good, thing)} with {_noun_phrase(draws, good, other)} ."
    if shape < 0.76:
        return f"there is nothing {_adjective(draws, not good)} about the {thing} ."
    if shape < 0.90:
        return f"the {thing} is {_adjective(draws, not good)} but the {other} is {_adjective(draws, good)} ."
    return f"{_noun_phrase(draws, good)} , and i {draws.pick(_VERBS[good])} it ."


def review(draws: Draws) -> tuple[str, str]:
    """Return a review and 1 or 0: in favour or against."""
    good = draws.chance(0.54)
    return opinion(draws, good), str(int(good))


def short_review(draws: Draws) -> tuple[str, str]:
    """Return a review with two opinions and `pos` or `neg`: of opposite ones that behind "but" decides."""
    good = draws.chance(0.5)
    mixed = draws.chance(0.4)
    first, second = (opinion(draws, good != (mixed and not last)).removesuffix(" .") for last in (False, True))
    return f"{first} , {'but' if mixed else 'and'} {second} .", _label(good)


def long_review(draws: Draws) -> tuple[str, str]:
    """Return a review of four to eight sentences and `pos` or `neg`: what most of its opinions say."""
    good = draws.chance(0.5)
    count = 3 + draws.chance(0.6) + draws.chance(0.3)
    told = [opinion(draws, good != (n == 0 and draws.chance(0.6))) for n in range(count)]
    for _ in range(1 + draws.chance(0.5) + draws.chance(0.3)):
        event = replace(draw_event(draws, _PLOT), negated=False)
        told.insert(int(draws.uniform() * (len(told) + 1)), say(event))
    if draws.chance(0.35):
        told.append(f"{draws.pick(VERDICTS[good])} !")
    return " ".join(told), _label(good)


def _label(good: bool) -> str:
    return "pos" if good else "neg"
