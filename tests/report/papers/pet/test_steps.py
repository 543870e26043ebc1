"""Steps to 95 % of the final score."""

from hxbench.report.papers.pet.scores import steps_to_share
from hxbench.report.scores.rows import curve_in


def row(step, value, split="dev", metric="score"):
    return {"split": split, "metric": metric, "value": value, "step": step}


def test_the_curve_is_the_mean_validation_score_in_order():
    rows = [
        row(200, 70.0),
        row(100, 50.0),
        row(100, 1.0, metric="accuracy"),
        row(300, 9.0, "test"),
        row(300, None),
    ]
    assert curve_in(rows) == [(100, 50.0), (200, 70.0)]


def test_the_first_step_that_has_its_share_of_the_best():
    curve = [(100, 50.0), (200, 94.9), (300, 95.0), (400, 100.0), (500, 80.0)]
    assert steps_to_share(curve) == 300
    assert steps_to_share(curve, 1.0) == 400
    assert steps_to_share(curve, 0.5) == 100


def test_a_run_that_has_learned_nothing_has_no_step():
    assert steps_to_share([]) is None
    assert steps_to_share([(100, 0.0), (200, -3.0)]) is None
