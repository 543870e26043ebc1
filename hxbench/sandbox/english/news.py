"""Several articles about the same two events, each in its own words, and what they have in common (Multi-News)."""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Event, Taste, draw_event
from hxbench.sandbox.english.similarity import restated
from hxbench.sandbox.english.wording import say
from hxbench.sandbox.randomness import Draws

BETWEEN = " ||||| "  # articles
_SHARED = Taste(name=0.4, place=0.6, time=0.3, intransitive=0.1, adjective=0.2)
_OWN = Taste(name=0.1, place=0.1, time=0.1, intransitive=0.3)


def _other(draws: Draws, taste: Taste, told: list[Event]) -> Event:
    """Return an event of another verb than those told already."""
    known = {lexicon.meaning(event.verb) for event in told}
    while True:
        event = replace(draw_event(draws, taste), negated=False)
        if event.verb and lexicon.meaning(event.verb) not in known:
            return event


def coverage(draws: Draws) -> tuple[str, str]:
    """Return two or three articles, joined as in the release, and their summary.

    Each article tells both events, in other words and not always in their order, and one more that no other has;
    the summary has the two.
    """
    shared = [_other(draws, _SHARED, [])]
    shared.append(_other(draws, _SHARED, shared))
    told, articles = list(shared), []
    for _ in range(2 + draws.chance(0.4)):
        own = _other(draws, _OWN, told)
        told.append(own)
        sentences = [restated(event, draws, 0.5) for event in shared]
        if draws.chance(0.3):
            sentences.reverse()
        sentences.insert(int(draws.uniform() * 3), say(own))
        articles.append(" ".join(sentences))
    return BETWEEN.join(articles), " ".join(map(say, shared))
