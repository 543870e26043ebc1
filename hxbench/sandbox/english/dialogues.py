"""Two people talk, and one sentence says what came of it (SAMSum)."""

from dataclasses import replace

from hxbench.sandbox.english.events import Being, Event, Taste, draw_event
from hxbench.sandbox.english.lexicon import NAMES, TIMES, VERBS
from hxbench.sandbox.english.relations import altered
from hxbench.sandbox.english.reviews import opinion
from hxbench.sandbox.english.wording import noun_phrase, say, sentence
from hxbench.sandbox.randomness import Draws

_DEED = Taste(name=0.0, place=0.4, time=0.0, intransitive=0.0, adjective=0.2)
_SMALL_TALK = (
    ("how are you ?", "what did you do ?"),
    ("i was at home .", "really ?", "yes .", "so what ?", "no ."),
)


def _deed(draws: Draws, who: str) -> Event:
    """Return what one of the two did, and when."""
    while True:
        event = draw_event(draws, _DEED)
        if "person" in VERBS[event.verb].agents and event.patient:
            return replace(event, agent=Being(who, article=""), time=draws.pick(TIMES))


def _by_oneself(event: Event) -> str:
    """Return the event as the one who did it tells it."""
    told = say(event).removeprefix(" ".join(noun_phrase(event.agent)))
    return f"i{told}"


def dialogue(draws: Draws) -> tuple[str, str]:
    """Return a dialogue of four to seven turns, a line each, and its summary.

    One of the two tells what they did. Now and then the other first had it wrong and is put right; opinions and
    small talk come before and between.
    """
    one = draws.pick(tuple(NAMES))
    other = draws.pick([name for name in NAMES if name != one])
    deed = _deed(draws, one)
    turns = [(other, draws.pick(_SMALL_TALK[0]))]
    if draws.chance(0.5):
        turns.append((one, opinion(draws, draws.chance(0.5))))
        turns.append((other, draws.pick(_SMALL_TALK[1])))
    if draws.chance(0.4) and (guess := altered(deed, "patient", draws)):
        turns[-1] = (other, f"{turns[-1][1]} {_guessed(guess)}")
        turns.append((one, f"no , {_by_oneself(deed)}"))
    else:
        turns.append((one, _by_oneself(deed)))
    turns.append((other, draws.pick(_SMALL_TALK[1])))
    if draws.chance(0.4):
        turns.append((one, opinion(draws, draws.chance(0.5))))
    return "\n".join(f"{name}: {said}" for name, said in turns), say(deed)


def _guessed(event: Event) -> str:
    """Return the question whether it was so, put to the one who did it."""
    words = ["did", "you", event.verb, *(noun_phrase(event.patient) if event.patient else [])]
    return sentence([*words, *event.place.split()], "?")
