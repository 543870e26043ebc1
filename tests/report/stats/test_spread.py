"""Intervals for a change of spread, against formulas with quantiles from printed tables."""

from math import sqrt

import numpy as np
import pytest
from pet_store import deviation

from hxbench.report.stats.spread import Interval, change, pooled, ratio

T_2 = 4.3027  # Student's t at 97.5 %, two degrees of freedom
F_2_2 = 39.0  # Fisher's F at 97.5 %, two and two


def test_a_change_is_the_mean_difference_with_students_interval():
    small, large = {1: 6.0, 2: 5.0, 3: 7.0, 9: 100.0}, {1: 3.0, 2: 4.0, 3: 3.5}
    differences = [-3.0, -1.0, -3.5]
    half = T_2 * deviation(differences) / sqrt(3)
    assert change(small, large) == pytest.approx((-2.5, -2.5 - half, -2.5 + half), abs=1e-3)


def test_one_seed_tells_nothing_of_a_change():
    assert change({1: 1.0}, {1: 2.0}) is None
    assert change({1: 1.0, 2: 2.0}, {3: 2.0, 4: 1.0}) is None


def test_variances_are_pooled_by_their_degrees_of_freedom():
    groups = [[1.0, 2.0, 3.0], [10.0, 14.0], [7.0], []]
    by_hand = (2 * deviation(groups[0]) ** 2 + 1 * deviation(groups[1]) ** 2) / 3
    assert pooled(groups) == (pytest.approx(by_hand), 2), "three seeds, however many groups they are in"
    assert pooled([[1.0], []]) == (0.0, 0)


def test_a_ratio_of_deviations_has_fishers_interval():
    small, large = [[1.0, 4.0, 7.0]], [[2.0, 2.5, 3.0]]
    quotient = (deviation(small[0]) / deviation(large[0])) ** 2
    wanted = (sqrt(quotient), sqrt(quotient / F_2_2), sqrt(quotient * F_2_2))
    assert ratio(small, large) == pytest.approx(wanted, rel=1e-3)
    assert ratio(small * 2, large * 2) == pytest.approx(wanted, rel=1e-3), "the same seeds once more say no more"


@pytest.mark.parametrize(("shared", "least"), [(0.0, 0.99), (0.7, 0.95), (1.0, 0.935)])
def test_the_interval_holds_the_ratio_whatever_the_groups_of_a_seed_share(shared, least):
    """Twice the deviation on the small backbone, four groups of three seeds, 1500 times over."""
    draw = np.random.default_rng(5)
    inside = 0
    for _ in range(1500):
        seeds, own = draw.normal(size=(2, 1, 3)), draw.normal(size=(2, 4, 3))
        values = sqrt(shared) * seeds + sqrt(1 - shared) * own
        found = ratio(2 * values[0], values[1])
        inside += found.low <= 2 <= found.high
    assert inside / 1500 >= least


def test_no_spread_has_no_ratio():
    assert ratio([[1.0, 1.0]], [[1.0, 2.0]]) is None
    assert ratio([[1.0]], [[1.0, 2.0]]) is None


def test_an_interval_says_its_sign():
    assert Interval(-1.25, -2.0, 0.5).said() == "−1.2 [−2.0, 0.5]"
