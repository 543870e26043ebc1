"""APET's scores by number of parameters, against plain loops over what was made up."""

import pytest
from pet_store import NAMED, PLACED, count_of, mean_by_seed, size_of

from hxbench.report.papers.pet.budgets import budgets_of, curve
from hxbench.report.papers.pet.rows import FAMILIES
from hxbench.report.papers.pet.thresholds import high_threshold, low_threshold
from hxbench.spec import recipe

BERT, BLOOM, T5 = FAMILIES
CRITERIA = recipe.Criteria()


def test_budgets_come_by_size_and_then_by_name(made):
    tried = made.results.tried("figure5")
    assert budgets_of(tried, "bert-small") == [100, 400, 1600, 6400, *NAMED]
    assert budgets_of(tried, "bert-large") == [100, 400, 1600, 6400, 25600, *NAMED]
    assert budgets_of(tried, "bert-base") == []


@pytest.mark.parametrize("family", [BERT, T5])
@pytest.mark.parametrize("task", PLACED)
def test_a_curve_has_every_budget_at_what_its_runs_count(made, family, task):
    for backbone in family.ends:
        one = curve(made.results.tried("figure5"), family, backbone, task, CRITERIA)
        runs = [s for s in made.specs if s.method == "apet" and size_of(s) == backbone.size and s.task == task]
        counts = sorted({count_of(spec) for spec in runs})
        assert [point.count for point in one.points] == counts
        slow = {}
        for point in one.points:
            slow[point.count] = list(
                mean_by_seed(made.specs, [task], size=backbone.size, method="apet", budget=point.budget).values()
            )
            assert point.score.values == pytest.approx(slow[point.count])
        assert one.low == low_threshold(slow, 50.0 if family is BERT else 0.0, CRITERIA)
        full = mean_by_seed(made.specs, [task], size=backbone.size, method="pet-ft") if family is BERT else {}
        assert one.high == high_threshold(slow, list(full.values()), CRITERIA)
        assert [one.points[one.place(count)].count for count in counts] == counts


def test_without_runs_only_numbers_have_a_place(made):
    one = curve(made.results.tried("figure5"), BLOOM, BLOOM.backbones[0], "rte", CRITERIA)
    assert [point.count for point in one.points] == [100, 400, 1600, 6400]
    assert one.scores == {}
    assert (one.low, one.high) == (None, None)
