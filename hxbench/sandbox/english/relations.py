"""How events follow from, exclude and resemble each other: the tables of meaning at work."""

from dataclasses import replace

from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.events import Being, Event, Role, Taste, draw_being, times
from hxbench.sandbox.english.lexicon import ABOVE, INTRANSITIVE, MEMBERS, PLACES, SYNONYM, TRANSITIVE, VERBS
from hxbench.sandbox.randomness import Draws


def reworded(event: Event, draws: Draws, rate: float) -> Event:
    """Return the event in other words: each word that has a synonym is replaced with this probability."""

    def swap(word: str) -> str:
        return SYNONYM[word] if word in SYNONYM and draws.chance(rate) else word

    def being(old: Being) -> Being:
        return replace(old, noun=swap(old.noun), adjective=swap(old.adjective))

    patient = being(event.patient) if event.patient else None
    return replace(
        event, agent=being(event.agent), verb=swap(event.verb), state=swap(event.state), patient=patient
    )


def narrowed(event: Event, draws: Draws, additions: float) -> Event:
    """Return an event from which a positive `event` follows: kinds become members, facts are added."""

    def being(old: Being) -> Being:
        noun = draws.pick(MEMBERS[old.kind]) if old.general else old.noun
        adjective = old.adjective
        if not adjective and not event.state and draws.chance(additions / 2) and not old.named:
            adjective = draws.pick(lexicon.adjectives_of(noun) or ("",))
        return replace(old, noun=noun, adjective=adjective)

    place = event.place or (draws.pick(PLACES) if event.verb and draws.chance(additions) else "")
    time = event.time or (draws.pick(times(event.tense)) if draws.chance(additions) else "")
    patient = being(event.patient) if event.patient else None
    return replace(event, agent=being(event.agent), patient=patient, place=place, time=time)


def opposed(event: Event, draws: Draws) -> Event | None:
    """Return the event with an opposite verb or state; none where the word has no opposite."""
    options = lexicon.opposites(event.predicate)
    if not options:
        return None
    word = draws.pick(options)
    return replace(event, state=word) if event.state else replace(event, verb=word)


def bared(event: Event, draws: Draws) -> Event | None:
    """Return the event without one of its added facts (place, time, adjective); none where it has none."""
    options = [name for name in ("place", "time") if getattr(event, name)]
    options += [name for name in ("agent", "patient") if getattr(getattr(event, name), "adjective", "")]
    if not options:
        return None
    name = draws.pick(options)
    if name == "place":
        return replace(event, place="")
    if name == "time":
        return replace(event, time="")
    return replace(event, **{name: replace(getattr(event, name), adjective="")})


def widened(event: Event, draws: Draws) -> Event | None:
    """Return the event with the word for the kind in place of one noun; none where no noun can be."""
    options = [
        name
        for name in ("agent", "patient")
        if (being := getattr(event, name)) and not being.named and not being.general
    ]
    if not options:
        return None
    name = draws.pick(options)
    old = getattr(event, name)
    return replace(event, **{name: replace(old, noun=ABOVE[old.kind], adjective="")})


def altered(event: Event, role: Role, draws: Draws) -> Event | None:
    """Return the event with something in one role that is neither the old nor its opposite; none if impossible."""
    if role == "place":
        return replace(event, place=draws.pick([place for place in PLACES if place != event.place]))
    if role == "time":
        return replace(event, time=draws.pick([time for time in times(event.tense) if time != event.time]))
    if role == "verb" and event.state:
        said = lexicon.adjectives_of(event.agent.noun)
        near = {event.state, lexicon.meaning(event.state), *lexicon.opposites(event.state)}
        states = [word for word in said if word not in near and lexicon.meaning(word) not in near]
        return replace(event, state=draws.pick(states))
    if role == "verb":
        related = {lexicon.meaning(event.verb), *map(lexicon.meaning, lexicon.opposites(event.verb))}
        options = [
            verb
            for verb in (TRANSITIVE if event.patient else INTRANSITIVE)
            if lexicon.meaning(verb) not in related
            and event.agent.kind in VERBS[verb].agents
            and (event.patient is None or event.patient.kind in VERBS[verb].patients)
        ]
        return replace(event, verb=draws.pick(options)) if options else None
    old = event.agent if role == "agent" else event.patient
    if old is None:
        return None
    kinds = VERBS[event.verb].agents if role == "agent" and event.verb else (old.kind,)
    if role == "patient":
        kinds = VERBS[event.verb].patients
    new = draw_being(draws, kinds, Taste(name=0.3 if old.named else 0.05), old.noun)
    if old.general and new.kind == old.kind:  # "the animal" could be the dog
        return None
    if event.state:
        new = draw_being(draws, (old.kind,), Taste(name=0), old.noun)
    new = replace(new, plural=old.plural and not new.named, adjective="" if new.named else old.adjective)
    if new.adjective and new.adjective not in lexicon.adjectives_of(new.noun):
        new = replace(new, adjective="")
    if not new.named:
        new = replace(new, article=old.article if not old.named else "the")
    other = event.patient if role == "agent" else event.agent
    if other and lexicon.meaning(other.noun) == lexicon.meaning(new.noun):
        return None
    return replace(event, agent=new) if role == "agent" else replace(event, patient=new)


def exchanged(event: Event) -> Event | None:
    """Return the event with agent and patient in each other's role; none where the verb does not allow it."""
    if event.patient is None or not event.verb:
        return None
    frame = VERBS[event.verb]
    if event.patient.kind not in frame.agents or event.agent.kind not in frame.patients:
        return None
    return replace(event, agent=event.patient, patient=event.agent)
