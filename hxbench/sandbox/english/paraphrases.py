"""Pairs of texts: the same in other words (MRPC), how much the same (STS-B), a wish for the same answer (QQP)."""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event, Role, Taste, draw_event
from hxbench.sandbox.english.lexicon import INTRANSITIVE, MEMBERS, PLACES, SYNONYM, TRANSITIVE, VERBS
from hxbench.sandbox.english.relations import altered, exchanged, opposed, reworded
from hxbench.sandbox.english.wording import say
from hxbench.sandbox.randomness import Draws

_DUPLICATES = 0.41  # of those drawn: more of them than of the others were there before
# what is wanted: its wordings; {many} is a bare plural, {do} a verb with its object or none
_WANTED = {
    "how": ("how can i {do} ?", "how do i {do} ?", "what is the way to {do} ?"),
    "why": ("why do {many} {do} ?", "for what reason do {many} {do} ?"),
    "should": ("should i {do} ?", "is it good to {do} ?"),
    "when": ("when do {many} {do} ?", "at what time do {many} {do} ?"),
    "where": ("where can i find {many} {where} ?", "where are {many} {where} ?"),
}
_ASKED = tuple(_WANTED)
Wish = tuple[str, str, str, str, str]  # what is wanted, who, verb, object, place
_TASTE = Taste(general=0.03, adjective=0.05, place=0.35, time=0.2, intransitive=0.05, negated=0.05)
_SAME = 0.67
_WEIGHTS: dict[Role, float] = {"agent": 1.0, "verb": 1.5, "patient": 1.0, "place": 0.5, "time": 0.5}


def restated(event: Event, draws: Draws, synonyms: float = 0.6) -> str:
    """Return the event said in another way: synonyms, the other voice, another place for the adjunct."""
    return say(reworded(event, draws, synonyms), draws.chance(0.12), draws.chance(0.15))


def different(event: Event, draws: Draws) -> Event:
    """Return an event of much the same words that means something else."""
    while True:
        made: Event | None = event
        shape = draws.uniform()
        if shape < 0.06:
            made = exchanged(event)
        elif shape < 0.12:
            made = opposed(event, draws)
        elif shape < 0.24:
            made = replace(event, negated=not event.negated)
        else:
            rate = 1.0 if shape < 0.45 else 0.6
            roles: list[Role] = [role for role in ("agent", "verb", "patient") if draws.chance(rate)]
            for role in roles:
                made = altered(made, role, draws) if made else None
        if made and made != event:
            return made


def paraphrase(draws: Draws) -> tuple[str, str, str]:
    """Return two sentences and 1 or 0: of one meaning or not."""
    same = draws.chance(_SAME)
    while True:
        event = draw_event(draws, _TASTE)
        first = say(event, draws.chance(0.05), draws.chance(0.1))
        second = restated(event if same else different(event, draws), draws)
        if first != second:
            return first, second, str(int(same))


def _alike(one: Being | None, two: Being | None) -> float:
    if one is None or two is None:
        return float(one is two)
    if lexicon.meaning(one.noun) == lexicon.meaning(two.noun):
        same = lexicon.meaning(one.adjective) == lexicon.meaning(two.adjective) and one.plural == two.plural
        return 1.0 if same else 0.8
    return 0.0


def likeness(one: Event, two: Event) -> float:
    """Return the similarity of two events from 0 to 5, in steps of 0.2: the weighted share of roles that agree."""
    shares: dict[Role, float] = {
        "agent": _alike(one.agent, two.agent),
        "verb": float(lexicon.meaning(one.verb) == lexicon.meaning(two.verb)),
        "patient": _alike(one.patient, two.patient),
        "place": float(one.place == two.place),
        "time": float(one.time == two.time),
    }
    present = [role for role in shares if getattr(one, role) or getattr(two, role)]
    share = sum(_WEIGHTS[role] * shares[role] for role in present) / sum(_WEIGHTS[role] for role in present)
    return round(share * (0.6 if one.negated != two.negated else 1.0) * 25) / 5


def graded(draws: Draws) -> tuple[str, str, str]:
    """Return two sentences and their similarity with three decimals, as in STS-B."""
    while True:
        event = draw_event(draws, replace(_TASTE, adjective=0.0, negated=0.0))
        other: Event | None = event
        rate = draws.uniform()
        for role in _WEIGHTS:
            if other and getattr(event, role) and draws.chance(rate):
                other = altered(other, role, draws)
        if other is None:
            continue
        if draws.chance(0.04):
            other = replace(other, negated=not other.negated)
        first, second = say(event), restated(other, draws, 0.25)
        if first != second:
            return first, second, f"{likeness(event, other):.3f}"


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
    return draws.pick(_WANTED[wanted]).format(many=lexicon.plural(swap(who)), do=action, where=place)


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
