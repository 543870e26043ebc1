"""The two thresholds of Figure 5 against a plain reading of their definitions."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.report.papers.pet.thresholds import chances, high_threshold, low_threshold, said
from hxbench.spec.recipe import Criteria

SCORES = st.lists(st.floats(0, 100), min_size=2, max_size=4)
CURVES = st.dictionaries(st.integers(100, 10**6), SCORES, min_size=1, max_size=6)


def sample_deviation(values):
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def test_guessing_is_left_where_three_seeds_agree():
    points = {400: [50, 51, 49], 800: [40, 60, 65], 1600: [70, 71, 72], 3200: [80, 81, 82]}
    assert low_threshold(points, 50, Criteria()) == 1600


def test_the_high_threshold_is_within_a_deviation_of_full_fine_tuning():
    points = {100: [60], 1000: [79], 10000: [85]}
    assert high_threshold(points, [80, 82, 84], Criteria()) == 10000
    assert high_threshold(points, [80, 82, 84], Criteria(points=3)) == 1000
    assert high_threshold({100: [60]}, [80, 82, 84], Criteria()) is None


def test_one_seed_is_no_evidence():
    assert low_threshold({100: [90.0]}, 50, Criteria()) is None
    assert high_threshold({100: [90.0]}, [80.0], Criteria()) is None
    assert high_threshold({100: [90.0]}, [], Criteria(points=1)) is None


@given(CURVES, st.floats(0, 100), st.floats(0, 4))
def test_low_is_the_first_of_all_that_are_above(points, random, errors):
    above = [
        budget
        for budget, scores in points.items()
        if sum(scores) / len(scores) > random + errors * sample_deviation(scores) / sqrt(len(scores)) + 1e-9
    ]
    found = low_threshold(points, random, Criteria(standard_errors=errors))
    assert found is not None or not above
    assert not above or found <= min(above)


@given(CURVES, SCORES)
def test_high_is_the_first_of_all_that_are_near(points, full):
    least = sum(full) / len(full) - sample_deviation(full)
    near = [budget for budget, scores in points.items() if sum(scores) / len(scores) >= least + 1e-9]
    found = high_threshold(points, full, Criteria())
    assert found is not None or not near
    assert not near or found <= min(near)


def test_chances_are_those_of_the_criteria_themselves():
    """Against 4000 curves of six budgets that only guess, and of budgets near full fine-tuning."""
    found, draw, criteria, runs = chances(Criteria(), 3, 6), np.random.default_rng(3), Criteria(), 4000
    scores = 50 + 4 * draw.normal(size=(runs, 6, 3))
    curves = [dict(enumerate(one, start=1)) for one in scores.tolist()]
    first = [low_threshold(points, 50, criteria) for points in curves]
    error = 4 * sqrt(0.25 / runs)
    assert found.low == pytest.approx(0.0918, abs=1e-4), "Student's t with two degrees of freedom, above 2"
    assert np.mean([one == 1 for one in first]) == pytest.approx(found.low, abs=error)
    assert np.mean([one is not None for one in first]) == pytest.approx(found.any_low, abs=error)
    full = (80 + 4 * draw.normal(size=(runs, 3))).tolist()
    for worse, rate in found.high.items():
        near = (80 - 4 * worse + 4 * draw.normal(size=(runs, 3))).tolist()
        reached = [high_threshold({1: a}, b, criteria) == 1 for a, b in zip(near, full, strict=True)]
        assert np.mean(reached) == pytest.approx(rate, abs=error)
    assert list(found.high) == [0, 1, 2]


def test_chances_are_told_and_written():
    found = chances(Criteria(), 3, 8)
    assert "with 3 seeds" in found.said()
    assert "above it in 9% of cases, one or more of 8 independent ones in 54%" in found.said()
    assert found.facts()["chance of low, one budget"] == "0.0918"
    assert chances(Criteria(points=1), 3, 8).high == {}, "a rate in points depends on the deviation"
    assert chances(Criteria(), 1, 8) is None


@pytest.mark.parametrize(
    ("criteria", "words"), [(Criteria(), "one s.d."), (Criteria(points=1), "within 1 points")]
)
def test_criteria_say_what_they_are(criteria, words):
    assert words in said(criteria)
    assert "2 standard errors" in said(criteria)
