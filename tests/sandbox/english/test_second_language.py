"""The second language says the same, word for word, in its own order."""

from hxbench.sandbox.english.events import Being, Event
from hxbench.sandbox.english.second_language import foreign, known, parallel
from hxbench.sandbox.randomness import Draws


def test_order_articles_and_agreement():
    boy, girls = Being("boy", adjective="big"), Being("girl", plural=True)
    one = foreign(Event(boy, "help", girls, place="in town", time="yesterday")).split()
    many = foreign(Event(girls, "help", boy, negated=True)).split()
    noun, adjective, verb, marker, target, _, locative, _, stop = one
    assert noun.endswith("ul")
    assert (marker, locative, stop) == ("pe", "la", ".")
    assert target.endswith("ile")
    assert many[:2] == [target, "nu"]
    assert many[2] == verb + "u"
    assert many[3:] == ["pe", noun, adjective, "."]


def test_one_sentence_for_one_meaning():
    draws = Draws(0, "test")
    pairs = {parallel(draws) for _ in range(800)}
    assert len({ro for ro, _ in pairs}) == len({en for _, en in pairs}) == len(pairs)
    assert not known(Event(Being("physician"), "wait"))
