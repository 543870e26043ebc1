"""Words of two senses, each in its own company (WiC)."""

from dataclasses import replace

from hxbench.sandbox.randomness import Draws
from hxbench.sandbox_english.events import Taste, draw_being
from hxbench.sandbox_english.lexicon import TIMES
from hxbench.sandbox_english.wording import noun_phrase

# word: what its senses are; then one context a line, {who} a person and {when} a time
_TABLE = """
bank: a house for money | the side of a river
1 {who} carried the money to the bank {when}
1 the bank had money and opened for {who} {when}
1 {who} worked {when} for the rich bank
2 {who} rested on the bank of the river {when}
2 the boat waited at the bank {when} for {who}
2 {who} watched the water from the bank {when}
bat: an animal | a thing for a game
1 {who} watched the bat in a tree {when}
1 the black bat chased a bird near {who} {when}
1 {when} the bat rested at night and {who} waited
2 {who} carried the bat to the game {when}
2 the bat and the ball waited for {who} {when}
2 {who} started the game with a new bat {when}
ring: a thing of gold | a sound
1 {who} carried a gold ring {when}
1 the ring on her hand was gold and {who} loved it {when}
1 {who} cleaned the old ring of gold {when}
2 the loud ring of the phone woke {who} {when}
2 {who} waited for a ring of the phone {when}
2 {when} {who} ignored the ring of the bell
match: a thing for a fire | a game
1 {who} started the fire with a match {when}
1 the match was for the fire and {who} carried it {when}
1 {when} {who} opened a box for a match and a fire
2 {who} watched the match of the team {when}
2 the team started the match {when} with {who}
2 {when} the match was over and the team praised {who}
spring: a time of the year | water from the ground
1 {who} worked in spring and rested in summer
1 after winter and spring {who} waited for summer
1 the warm spring and the summer were good for {who}
2 {who} watched the water of the spring {when}
2 the spring had cold water for {who} {when}
2 {when} {who} cleaned the box with water from the spring
bark: a part of a tree | the sound of a dog
1 {who} painted the bark of the tree {when}
1 the bark of the old wood was white and {who} loved it {when}
1 {when} {who} carried bark and wood to the fire
2 the loud bark of the dog woke {who} {when}
2 {who} ignored the bark of the hound {when}
2 {when} the dog started with a bark at {who}
star: a light of the night | a person of a film
1 {who} watched a star at night {when}
1 the star was white in the sky and {who} waited {when}
1 {when} the sky had one star and {who} was happy
2 {who} loved the star of the film {when}
2 the star of the movie helped {who} {when}
2 {when} the star of the song worked with {who}
plant: a living thing | a house for work
1 {who} carried water to the plant in the garden {when}
1 the plant and the tree had water and {who} waited {when}
1 {when} {who} loved the flower of the plant
2 {who} worked at the plant for money {when}
2 the plant started the machine for {who} {when}
2 {when} {who} repaired the machine in the plant
"""
_PEOPLE = Taste(name=0.15, adjective=0.3, plural=0.15)


def _read() -> tuple[dict[str, tuple[str, str]], dict[tuple[str, int], list[str]]]:
    glosses: dict[str, tuple[str, str]] = {}
    contexts: dict[tuple[str, int], list[str]] = {}
    word = ""
    for line in _TABLE.strip().splitlines():
        if line[0].isdigit():
            contexts.setdefault((word, int(line[0])), []).append(line[2:])
        else:
            word, senses = line.split(": ")
            first, second = senses.split(" | ")
            glosses[word] = (first, second)
    return glosses, contexts


GLOSSES, _CONTEXTS = _read()


def in_context(word: str, sense: int, draws: Draws) -> str:
    """Return a sentence with the word in its first or second sense."""
    who = draw_being(draws, ("person",), replace(_PEOPLE, plural=0.0))
    context = draws.pick(_CONTEXTS[word, sense])
    return context.format(who=" ".join(noun_phrase(who)), when=draws.pick(TIMES)) + " ."


def same_sense(draws: Draws) -> tuple[str, str, str, bool]:
    """Return a word, two sentences with it, and whether it has one sense in both."""
    word = draws.pick(tuple(GLOSSES))
    same = draws.chance(0.5)
    sense = draws.pick((1, 2))
    while True:
        first = in_context(word, sense, draws)
        second = in_context(word, sense if same else 3 - sense, draws)
        if first != second:
            return word, first, second, same


def position(text: str, word: str) -> tuple[int, int]:
    """Return where a word begins and ends in a text, in characters."""
    start = f" {text} ".index(f" {word} ")
    return start, start + len(word)
