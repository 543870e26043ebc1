"""A made-up second language for translation: suffixed articles, adjectives behind nouns, time before place."""

from functools import cache

from hxbench.sandbox.english.events import Being, Event, Taste, draw_event
from hxbench.sandbox.english.lexicon import NAMES, PLACES, TIMES
from hxbench.sandbox.english.wording import say
from hxbench.sandbox.randomness import Draws, digest_integer

_TASTE = Taste(plural=0.2, adjective=0.12, place=0.25, time=0.2, state=0.15, negated=0.15)
# What the second language has words for: a part of the lexicon, so that a few hundred pairs show every word.
_KNOWN = frozenset(
    "boy doctor girl king teacher bird cat dog horse boat bus cake egg book letter box "
    "carry chase clean close help love hate open pull push watch cry laugh wait "
    "big small old young happy sad red white".split()
)
_ONSETS, _VOWELS, _CODAS = "b d f g l m n p r s t v z c".split(), "a e i o u".split(), "n r s t l".split()
_PARTICLES = {"not": "nu", "by": "de", "a": "un", "some": "nis", "person": "pe", "was": "era", "were": "erau"}


@cache
def _stems() -> dict[str, str]:
    """Return the stem of each meaning, all different, the same for every seed and on every machine."""
    stems: dict[str, str] = {}
    for word in sorted([*_KNOWN, *PLACES, *TIMES]):
        attempt = 0
        while True:
            number = digest_integer("second language", word, attempt)
            stem = ""
            for sounds in (_ONSETS, _VOWELS, _ONSETS, _VOWELS, _CODAS):
                number, rest = divmod(number, len(sounds))
                stem += sounds[rest]
            if stem not in stems.values():
                break
            attempt += 1
        stems[word] = stem
    return stems


def _noun_phrase(being: Being) -> list[str]:
    if being.named:
        return [being.noun]
    many = "i" if being.plural else ""
    noun = _stems()[being.noun] + many
    if being.article == "the":
        noun += "le" if being.plural else "ul"
    first = [] if being.article == "the" else [_PARTICLES["some" if being.plural else "a"]]
    last = [_stems()[being.adjective] + many] if being.adjective else []
    return [*first, noun, *last]


def known(event: Event) -> bool:
    """Return whether the second language has a word for all of an event."""
    beings = [being for being in (event.agent, event.patient) if being]
    words = [event.verb, event.state, *(being.adjective for being in beings)]
    words += [being.noun for being in beings if being.noun not in NAMES]
    return all(not word or word in _KNOWN for word in words)


def foreign(event: Event) -> str:
    negation = [_PARTICLES["not"]] if event.negated else []
    rest: list[str] = []
    if event.state:
        copula = _PARTICLES["were" if event.agent.plural else "was"]
        middle = [*negation, copula, _stems()[event.state] + ("i" if event.agent.plural else "")]
    else:
        middle = [*negation, _stems()[event.verb] + ("au" if event.agent.plural else "a")]
        if event.patient:
            rest = _noun_phrase(event.patient)
            if event.patient.kind == "person":
                rest = [_PARTICLES["person"], *rest]
    when = [_stems()[event.time]] if event.time else []
    where = ["la", _stems()[event.place]] if event.place else []
    return " ".join([*_noun_phrase(event.agent), *middle, *rest, *when, *where, "."])


def parallel(draws: Draws) -> tuple[str, str]:
    """Return a sentence of the second language and the English one for it."""
    while True:
        event = draw_event(draws, _TASTE)
        if known(event):
            return foreign(event), say(event)
