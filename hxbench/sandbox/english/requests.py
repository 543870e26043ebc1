"""Questions people ask, each in several wordings: do two of them want the same answer? (QQP)"""

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.lexicon import INTRANSITIVE, MEMBERS, PLACES, SYNONYM, TRANSITIVE, VERBS
from hxbench.sandbox.randomness import Draws

_DUPLICATES = 0.41  # of those drawn: more of them than of the others were there before
# what is wanted: its wordings; {many} is a bare plural, {do} a verb with its object or none
_WANTED = {
    "how": ("how can i {do} ?", "how do i {do} ?", "what is the way to {do} ?"),
    "why": ("why do {many} {do} ?", "for what reason do {many} {do} ?"),
    "should": ("should i {do} ?", "is it good to {do} ?"),
    "when": ("when do {many} {do} ?", "at what time do {many} {do} ?"),
    "where": ("where can i find {many} {place} ?", "where are {many} {place} ?"),
}
_ASKED = tuple(_WANTED)
Wish = tuple[str, str, str, str, str]  # what is wanted, who, verb, object, place


def _draw(draws: Draws) -> Wish:
    wanted = draws.pick(_ASKED)
    verb = draws.pick(INTRANSITIVE if draws.chance(0.1) else TRANSITIVE)
    frame = VERBS[verb]
    target = draws.pick(MEMBERS[draws.pick(frame.patients)]) if frame.patients else ""
    who = draws.pick(MEMBERS[draws.pick(frame.agents)])
    if wanted in ("how", "should") and "person" not in frame.agents:
        return _draw(draws)
    return wanted, who, verb, target, draws.pick(PLACES)


def ask(wish: Wish, draws: Draws, synonyms: float = 0.0) -> str:
    """Return one wording of a wish, with synonyms at this rate."""

    def swap(word: str) -> str:
        return SYNONYM[word] if word in SYNONYM and draws.chance(synonyms) else word

    wanted, who, verb, target, place = wish
    action = f"{swap(verb)} {lexicon.plural(swap(target))}" if target else swap(verb)
    return draws.pick(_WANTED[wanted]).format(many=lexicon.plural(swap(who)), do=action, place=place)


def _means(wish: Wish) -> tuple[str, ...]:
    """Return what makes two wishes the same: not what their wordings leave out."""
    wanted, who, verb, target, place = wish
    action = (lexicon.meaning(verb), lexicon.meaning(target))
    if wanted in ("how", "should"):
        return (wanted, *action)
    if wanted == "where":
        return wanted, lexicon.meaning(who), place
    return (wanted, lexicon.meaning(who), *action)


def _other(wish: Wish, draws: Draws) -> Wish:
    """Return another wish that shares much with this one, or now and then nothing."""
    if draws.chance(0.2):
        return _draw(draws)
    changes = [draws.chance(rate) for rate in (0.35, 0.3, 0.4, 0.4, 0.3)]
    new = _draw(draws)
    wanted, who, verb, target, place = (
        fresh if change else old for old, fresh, change in zip(wish, new, changes, strict=True)
    )
    return wanted, who, verb, target, place


def _possible(wish: Wish) -> bool:
    wanted, who, verb, target, _ = wish
    frame = VERBS[verb]
    if bool(target) != bool(frame.patients) or lexicon.KIND[who] not in frame.agents:
        return False
    if wanted in ("how", "should") and "person" not in frame.agents:
        return False
    return not target or lexicon.KIND[target] in frame.patients


def restated_request(draws: Draws) -> str:
    """Return a question and another wording of it."""
    wish = _draw(draws)
    return f"{ask(wish, draws)} that is , {ask(wish, draws, 0.5)}"


def duplicates(draws: Draws) -> tuple[str, str, str]:
    """Return two questions and 1 or 0: whether they want the same."""
    same = draws.chance(_DUPLICATES)
    while True:
        wish = _draw(draws)
        other = wish if same else _other(wish, draws)
        if not _possible(other) or (not same and _means(other) == _means(wish)):
            continue
        first, second = ask(wish, draws), ask(other, draws, 0.3)
        if first != second:
            return first, second, str(int(same))
