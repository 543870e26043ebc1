"""Which learning rate counts, and means over tasks for each seed, against plain loops."""

from types import SimpleNamespace

import pytest
from pet_store import fill, made_profile, read, size_of

from hxbench.report.papers.pet.results import At
from hxbench.report.papers.pet.rows import PLACED

AT = At("t5-small", "pet-lora")
RATES = (1e-4, 1e-3, 1e-2)


def kept(spec):
    return spec.method == "pet-lora" and size_of(spec) == "t5-small" and spec.task in PLACED


def score(spec):
    return 50.0 + 10 * PLACED.index(spec.task) + spec.seed + 1000 * spec.training.lr


def validation(spec):
    """SST-2 likes the middle rate, RTE the last, and MRPC finds the first two equal."""
    best = {"sst2": {1e-4: 60, 1e-3: 70, 1e-2: 65}, "rte": {1e-4: 60, 1e-3: 61, 1e-2: 62},
            "mrpc": {1e-4: 70, 1e-3: 70, 1e-2: 10}}[spec.task][spec.training.lr]  # fmt: skip
    # of one seed alone another rate would look best
    odd = 25.0 if (spec.task, spec.seed, spec.training.lr) == ("sst2", 1, 1e-4) else 0.0
    lower = 14.0 if (spec.task, spec.seed, spec.training.lr) == ("sst2", 2, 1e-4) else 0.0
    return [(50, 10.0), (100, best + odd - lower - 5 * (odd > 0)), (150, best - 20.0)]


@pytest.fixture
def tried(store, tmp_path):
    profile = made_profile(tmp_path, name="paper")  # which is the profile that has rates to try
    written = fill(store, profile, "figure2", score, validation, keep=kept)
    assert {spec.training.lr for spec in written} == set(RATES)
    return read(store, profile).tried("figure2")[AT]


def test_the_rate_that_counts_has_the_best_mean_validation_score(tried):
    for task in PLACED:
        means = {}
        for rate in RATES:
            values = []
            for seed in (1, 2, 3):
                spec = SimpleNamespace(task=task, seed=seed, training=SimpleNamespace(lr=rate))
                values.append(max(value for _, value in validation(spec)))
            means[rate] = sum(values) / len(values)
        best = max(means.values())
        assert tried.rate(task) == next(rate for rate in RATES if means[rate] == best)
    assert [tried.rate(task) for task in PLACED] == [1e-3, 1e-2, 1e-4]


def test_a_mean_is_over_the_rates_that_count(tried):
    for seed in (1, 2, 3):
        by_hand = (50 + seed + 1) + (60 + seed + 10) + (70 + seed + 0.1)
        assert tried.over(PLACED).by_seed[seed] == pytest.approx(by_hand / 3)
    estimate = tried.over(PLACED)
    assert estimate.covers == {"SST-2", "RTE", "MRPC"}
    assert not estimate.incomplete
    assert tried.over((*PLACED, "mnli")).values == ()
    assert tried.over((*PLACED, "mnli")).incomplete
    assert tried.lacks, "eight tasks have no runs"


@pytest.mark.matrix
def test_a_table_shows_the_rates(store, tmp_path):
    from hxbench import report

    profile = made_profile(tmp_path, name="paper")
    fill(store, profile, "figure2", score, validation, keep=kept)
    points, _, rates = report.build("pet", "figure2", store, profile)
    (row,) = [
        row for block in rates.blocks if block.title == "T5 SMALL" for row in block.rows if row.title == "LoRA"
    ]
    texts = dict(zip((column.title for column in rates.columns), (cell.text for cell in row.cells), strict=True))
    assert {name: text for name, text in texts.items() if text} == {
        "SST-2": "0.001",
        "RTE": "0.01",
        "MRPC": "0.0001",
    }
    assert any("best mean validation score" in text for text in points.remarks)


def test_a_run_without_its_wanted_seed_is_missing(store, tmp_path):
    profile = made_profile(tmp_path)
    fill(store, profile, "figure2", score, keep=lambda spec: kept(spec) and (spec.task, spec.seed) != ("rte", 2))
    one = read(store, profile).tried("figure2")[AT]
    assert sorted(one.over(PLACED).seeds) == [1, 3]
    assert one.over(PLACED).incomplete
    assert not one.over(("sst2",)).incomplete


def test_steps_are_the_mean_over_the_runs_that_learned(store, tmp_path):
    profile = made_profile(tmp_path)
    curves = {"sst2": [(25, 10.0), (50, 96.0), (75, 100.0)], "rte": [(25, 0.0), (50, 0.0)], "mrpc": [(25, 5.0)]}
    fill(store, profile, "figure2", score, lambda spec: curves[spec.task], keep=kept)
    one = read(store, profile).tried("figure2")[AT]
    assert one.steps(("sst2",)).values == (50.0, 50.0, 50.0)
    assert one.steps(PLACED).values == (37.5, 37.5, 37.5)
    assert "learned nothing" in one.steps(PLACED).note
    assert one.steps(("sst2",)).note == ""
    assert one.steps(("rte",)).values == ()
