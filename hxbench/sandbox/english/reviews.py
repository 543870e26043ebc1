"""Opinions with a polarity of their own, turned round by negation, and decided after "but" (SST-2)."""

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


def _adjective(draws: Draws, good: bool, before_noun: bool = False) -> str:
    degree = draws.pick(_DEGREES[:4] if before_noun else _DEGREES)
    return f"{degree} {draws.pick(_ADJECTIVES[good])}".strip()


def _noun_phrase(draws: Draws, good: bool, thing: str = "") -> str:
    adjective = _adjective(draws, good, True)
    article = "an" if adjective[0] in "aeiou" else "a"
    return f"{article} {adjective} {thing or draws.pick(_THINGS)}"


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
