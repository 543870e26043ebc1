"""Steps to nearly the final score, over every run by hand."""

import pytest
from pet_store import METHODS, NAMED, curve_of, deviation, made_into, size_of

SIZES = ("bert-small", "bert-base", "bert-large")


def steps_by_hand(spec):
    best = max(score for _, score in curve_of(spec))
    return min(step for step, score in curve_of(spec) if score >= 0.95 * best)


def test_convergence_is_the_mean_of_every_runs_steps(made):
    methods, places = made_into(made, "convergence").figures
    for one, method in zip(methods.panels[0].series, METHODS, strict=True):
        for cell, size in zip(one.cells, SIZES, strict=True):
            seeds = []
            for seed in (1, 2):
                runs = [s for s in made.specs if (s.method, size_of(s), s.seed) == (method, size, seed)]
                assert len(runs) == 8
                seeds.append(sum(map(steps_by_hand, runs)) / 8)
            assert cell.mean == pytest.approx(sum(seeds) / 2)
            assert cell.sd == pytest.approx(deviation(seeds))
    for one, budget in zip(places.panels[2].series, NAMED, strict=True):
        runs = [s for s in made.specs if s.options.get("budget") == budget and size_of(s) == "t5-large"]
        assert one.cells[1].mean == pytest.approx(sum(map(steps_by_hand, runs)) / len(runs))
    assert all(cell.mean is None for one in methods.panels[1].series for cell in one.cells)
