"""The words and how they are related: kinds, synonyms, antonyms, inflection. Nothing here was taken from a corpus.

Tables hold one entry a line; `=` joins two words of one meaning and `/` two opposite meanings.
"""

from dataclasses import dataclass

# kind: the word above all of them, then the nouns of the kind
_NOUNS = """
person: person | doctor=physician teacher boy=lad man girl woman=lady queen king
animal: animal | dog=hound cat horse bird
food: food | cake egg cookie=biscuit
vehicle: vehicle | car=automobile boat=ship bus
garment: garment | hat coat=jacket shirt
text: text | book letter
container: container | box bag=sack
"""
# meaning / its opposite: kinds that do it | kinds it is done to ("-": to nothing)
_VERBS = """
chase=pursue: animal person | animal
help=assist: person | person animal
love=adore / hate=despise: person animal | person animal food text
push / pull: person animal | vehicle container
open / close: person | container text
repair=fix / damage: person | vehicle garment
clean=wash: person | vehicle garment container
watch=observe / ignore: person animal | person animal vehicle
cook: person | food
carry: person animal | container food
rest=relax / work: animal person | -
laugh / cry: person | -
wait: person animal vehicle | -
"""
# meaning / its opposite: kinds it is said of
_ADJECTIVES = """
big=large / small=little: animal vehicle garment text container food
happy=glad / sad=unhappy: person animal
old / young: person animal
loud=noisy / quiet: person animal vehicle
good / bad: food text person
red: vehicle garment container
blue: vehicle garment container
white: vehicle garment container animal
"""
PLACES = ("at home", "at school", "at sea", "in town", "in bed")
TIMES = ("yesterday", "today", "on monday", "on friday", "on sunday")
HABITS = TIMES[2:]  # times that go with the present tense
NAMES = {"john": "he", "peter": "he", "mary": "she", "anna": "she"}
_PLURALS = {"person": "people", "man": "men", "woman": "women", "food": "foods"}
_GENDERS = {"he": "boy lad man king".split(), "she": "girl woman lady queen".split()}


@dataclass(frozen=True)
class Verb:
    """The kinds that a verb's agent and patient may be of; no patients: an intransitive verb."""

    agents: tuple[str, ...]
    patients: tuple[str, ...]


KIND: dict[str, str] = {}  # noun → kind, also for the words above
ABOVE: dict[str, str] = {}  # kind → the word for all of it
MEMBERS: dict[str, tuple[str, ...]] = {}  # kind → nouns, synonyms included
VERBS: dict[str, Verb] = {}
ADJECTIVES: dict[str, tuple[str, ...]] = {}  # adjective → kinds
SYNONYM: dict[str, str] = {}
OPPOSITES: dict[str, tuple[str, ...]] = {}


def _meanings(text: str) -> list[list[str]]:
    """Return the meanings of `a=b / c`, each with its words, after noting how they are related."""
    meanings = [part.strip().split("=") for part in text.split("/")]
    for words in meanings:
        if len(words) == 2:
            SYNONYM[words[0]], SYNONYM[words[1]] = words[1], words[0]
    if len(meanings) == 2:
        for words, others in (meanings, meanings[::-1]):
            OPPOSITES.update((word, tuple(others)) for word in words)
    return meanings


def _fill() -> None:
    for line in _NOUNS.strip().splitlines():
        kind, rest = line.split(": ")
        above, nouns = rest.split(" | ")
        members = [word for entry in nouns.split() for words in _meanings(entry) for word in words]
        KIND.update((word, kind) for word in (above, *members))
        ABOVE[kind], MEMBERS[kind] = above, tuple(members)
    for line in _VERBS.strip().splitlines():
        entry, frame = line.split(": ")
        agents, patients = frame.split(" | ")
        verb = Verb(tuple(agents.split()), () if patients == "-" else tuple(patients.split()))
        VERBS.update((word, verb) for words in _meanings(entry) for word in words)
    for line in _ADJECTIVES.strip().splitlines():
        entry, kinds = line.split(": ")
        ADJECTIVES.update((word, tuple(kinds.split())) for words in _meanings(entry) for word in words)


_fill()
NOUNS = tuple(noun for nouns in MEMBERS.values() for noun in nouns)
TRANSITIVE = tuple(word for word, verb in VERBS.items() if verb.patients)
INTRANSITIVE = tuple(word for word, verb in VERBS.items() if not verb.patients)
COLOURS = ("red", "blue", "white")


def meaning(word: str) -> str:
    """Return the word that stands for this one and its synonym: the earlier of them in the alphabet."""
    return min(word, SYNONYM.get(word, word))


def opposites(word: str) -> tuple[str, ...]:
    """Return the words that cannot be said of the same thing; none for most."""
    if word in COLOURS:
        return tuple(colour for colour in COLOURS if colour != word)
    return OPPOSITES.get(word, ())


def one(noun: str) -> str:
    """Return a noun phrase with "a" or "an" before it."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def present(verb: str) -> str:
    """Return the third person singular of the present tense, which ends as a plural does."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "ch", "sh")) else "s")


def plural(noun: str) -> str:
    return _PLURALS.get(noun) or present(noun)


def past(verb: str) -> str:
    """Return the past tense, which is the participle too: the lexicon has no irregular verbs."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + ("d" if verb.endswith("e") else "ed")


def pronoun(noun: str, is_plural: bool = False) -> str:
    """Return the pronoun of a noun or name; "" for a person of either gender."""
    if is_plural:
        return "they"
    if noun in NAMES:
        return NAMES[noun]
    if KIND[noun] != "person":
        return "it"
    return next((word for word, nouns in _GENDERS.items() if noun in nouns), "")


def adjectives_of(noun: str) -> tuple[str, ...]:
    """Return the adjectives that can be said of a noun; none of names."""
    if noun in NAMES:
        return ()
    return tuple(word for word, kinds in ADJECTIVES.items() if KIND[noun] in kinds)
