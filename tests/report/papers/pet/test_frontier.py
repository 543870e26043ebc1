"""What nothing beats, against a comparison of every pair, and the costs that it is about."""

from itertools import pairwise

import pytest
from pet_store import PLACED, figure_of, mean_by_seed, rows_of

from hxbench.report.artifact.cost_and_score import front


def test_the_front_is_what_nothing_beats():
    points = [(3, 50.0), (1, 40.0), (2, 40.0), (2, 45.0), (5, 49.0), (9, 60.0), (9, 55.0), (1, 40.0)]
    slow = {
        one for one in points
        if not any(other != one and other[0] <= one[0] and other[1] >= one[1] for other in points)
    }  # fmt: skip
    assert front(points) == tuple(sorted(slow)) == ((1, 40.0), (2, 45.0), (3, 50.0), (9, 60.0))
    assert front([]) == ()


def test_the_frontier_has_costs_and_scores_of_every_way(made):
    figure = figure_of(made, "frontier")
    (table,) = figure.tables()
    rows = rows_of(table, "BERT")
    assert len(rows) == 5 * 3 + 4 * 2
    score, parameters, flops, seconds, _ = rows["Adapter, LARGE"]
    found = mean_by_seed(made.specs, PLACED, size="bert-large", method="pet-adapter")
    assert score.mean == pytest.approx(sum(found.values()) / 2)
    assert (parameters.mean, flops.mean, seconds.mean) == (1_600_000, 2e7 * 16 + 1_600_000, 80 + 1.5)
    for number, letter in enumerate("PFS"):
        panel = figure.panels[number]
        ways = {title: (cells[1 + number].mean, cells[0].mean) for title, cells in rows.items()}
        drawn = sorted(point for one in panel.series for point in one.points)
        assert drawn == sorted(ways.values())
        on = {title for title, cells in rows.items() if letter in cells[4].text.split()}
        assert on == {title for title, point in ways.items() if point in front(list(ways.values()))}
        assert all(less[1] < more[1] for less, more in pairwise(panel.front))
