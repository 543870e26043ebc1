"""Questions are answered by sentences that hold what is asked, and passages decide between yes and no."""

from hxbench.sandbox.english.lexicon import PLACES, TIMES
from hxbench.sandbox.english.questions import answered, passage
from hxbench.sandbox.randomness import Draws


def test_answers_hold_the_place_or_time_asked_for():
    draws = Draws(0, "test")
    lacking = 0
    for _ in range(600):
        question, sentence, label = answered(draws)
        for asked, answers in (("where", PLACES), ("when", TIMES)):
            if question.startswith(asked):
                there = any(answer in sentence for answer in answers)
                assert there or label == "not_entailment"
                lacking += not there
    assert lacking > 30


def test_an_affirmed_passage_answers_yes_to_its_own_words():
    draws = Draws(0, "test")
    counts = {"true": 0, "false": 0}
    for _ in range(300):
        question, told, answer = passage(draws)
        assert not question.endswith("?")
        assert told.count(" .") == 2
        counts[answer] += 1
    assert counts["true"] > counts["false"] > 80
