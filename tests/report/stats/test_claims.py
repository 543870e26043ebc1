"""The claims of Hyper-X: intervals over seeds and sentences, verdicts, and the lines of the table."""

import json
from itertools import product

import numpy as np
import pytest
from filled_store import fill, write_run

from hxbench import report
from hxbench.report.papers.hyperx import claims
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import members, pairs
from hxbench.report.render import terminal, unrounded
from hxbench.report.stats.claims import Difference, difference, verdict
from hxbench.report.stats.significance import Resampler
from hxbench.spec import experiment, recipe
from hxbench.spec.run_spec import START
from hxbench.tasks.scoring import bootstrap


def found(by_seed, resampled=None, **others):
    return Difference(by_seed, resampled, frozenset({"ar"}), 1, **others)


def slow_ends(values):
    """The ends of the interval by every way of drawing n − 1 seeds, all as likely, with every resample."""
    seeds = len(values)
    means = sorted(
        sum(values[seed][resample] for seed in chosen) / len(chosen)
        for chosen in product(range(seeds), repeat=max(1, seeds - 1))
        for resample in range(len(values[0]))
    )
    return means[int(0.025 * len(means))], means[int(0.975 * len(means))]


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_an_interval_is_that_of_all_draws(seeds):
    random = np.random.default_rng(seeds)
    values = random.normal(3, 1, (seeds, 1)) + random.normal(0, 0.5, (seeds, 1000))
    assert bootstrap.interval(list(values)) == pytest.approx(slow_ends(values.tolist()), abs=0.2)
    assert bootstrap.interval(list(values)) == bootstrap.interval(list(values))


def test_seeds_alone_give_the_variance_of_their_mean():
    """Drawn n − 1 at a time, two seeds vary as much as their mean does: the ends are the seeds themselves."""
    alone = [np.full(bootstrap.RESAMPLES, value) for value in (1.0, 5.0)]
    assert bootstrap.interval(alone) == (1.0, 5.0)


def test_an_interval_holds_the_difference_as_often_as_it_says():
    """Twelve seeds, normal differences of mean 2 and s.d. 3, over 300 repetitions: some 95 % in truth, not 80."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        low, high = bootstrap.interval([np.full(400, value) for value in random.normal(2, 3, 12)])
        held += low <= 2 <= high
    assert 0.9 <= held / 300 <= 0.98


@pytest.mark.parametrize(("seeds", "share"), [(2, 0.5), (3, 0.75)])
def test_of_few_seeds_it_holds_the_mean_as_seldom_as_the_footnote_says(seeds, share):
    random = np.random.default_rng(seeds)
    held = 0
    for _ in range(1000):
        low, high = bootstrap.interval([np.full(400, value) for value in random.normal(2, 3, seeds)])
        held += low <= 2 <= high
    assert held / 1000 == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize(
    ("ends", "above", "near", "level"),
    [
        ((0.5, 2.0), "shown", "shown", "shown"),
        ((-0.5, 2.0), "not shown", "shown", "shown"),
        ((-2.0, -0.5), "reverse", "shown", "shown"),
        ((-4.0, 4.0), "not shown", "not shown", "not shown"),
        ((-9.0, -4.0), "reverse", "reverse", "reverse"),
        ((4.0, 9.0), "shown", "reverse", "shown"),
        ((1.0, 4.0), "shown", "not shown", "shown"),
    ],
)
def test_a_verdict_is_where_the_interval_is(ends, above, near, level):
    rows = [np.linspace(*ends, 1001)] * 3
    one = found({1: 0.0, 2: 0.0, 3: 0.0}, rows)
    assert [verdict(one, expected) for expected in ("above", "near", "level")] == [above, near, level]


def test_under_three_seeds_a_verdict_is_preliminary():
    rows = [np.linspace(1, 2, 1000)] * 3
    assert verdict(found({1: 1.0, 2: 2.0}, rows[:2]), "above") == "prelim.: shown"
    assert verdict(found({1: 1.0}, rows[:1]), "above") == "prelim.: shown"
    assert verdict(found({1: 1.0, 2: 2.0, 3: 1.5}, rows), "above") == "shown"
    assert verdict(found({1: 1.0}), "above") == "not tested"
    assert verdict(found({}, incomplete=True), "above") == "no runs yet"
    assert verdict(found({}), "above") == "no data"


def table(store, profile=None):
    [made] = report.build("hyperx", "claims", store, profile)
    return made


def rows_of(made, title):
    block = next(block for block in made.blocks if block.title.startswith(title))
    return {row.title: (row.cells[0], *(cell.text for cell in row.cells[1:])) for row in block.rows}


def counts(correct):
    """Sentences of ten tokens, all alike: every resample scores the same."""
    return lambda *_: [(correct, 10, 10)] * 5


def two(store, more=8, less=6, seeds=(1, 2, 3), **others):
    """Fill Base and mBERT, mixed, with sentences that score ten times `more` and `less`."""
    for method, correct in (("hyperx-base", more), ("mbert", less)):
        for spec in recipe.expand(method, setting="mixed", seeds=seeds, **others):
            score = 10.0 * correct + spec.seed * (method == "mbert")
            write_run(store, spec, lambda *_, s=score: s, predictions=counts(correct))


def test_a_line_has_our_difference_and_the_papers(store):
    two(store)
    made = table(store)
    rows = rows_of(made, "Hyper-X Base above mBERT, mixed-language")
    assert list(rows) == ["NER SEEN", "NER UNSEEN", "NER ALL", "POS SEEN", "POS UNSEEN", "POS ALL"]
    cell, seeds, languages, said = rows["NER UNSEEN"]
    assert cell.mean == pytest.approx(20 - 2), "the mean over the seeds of what the runs scored"
    assert (cell.low, cell.high) == pytest.approx((20, 20)), "of the counts, which all resamples share"
    assert (cell.published, seeds, languages, said) == (12.3, "3", "7 of 7", "shown")
    reverse = rows_of(made, "MAD-X MS above")["NER UNSEEN"]
    assert reverse[0].published == 1.2
    assert (reverse[0].mean, reverse[0].marks, reverse[3]) == (None, ("*",), "no runs yet")


def test_what_has_no_runs_says_how_to_make_them(store):
    two(store)
    commands = table(store).commands
    assert "hxbench run hyperx/table2" in commands
    for name in ("figure3", "figure4", "figure5", "figure7", "controls", "table5"):
        assert f"hxbench run hyperx/{name}" in commands
    for name in ("figure3", "figure4"):
        for one in experiment.runs_of("hyperx", name, "demo"):
            if not store.holds(one.spec.run_id):
                write_run(store, one.spec, lambda *_: 50.0)
    commands = table(store).commands
    assert "hxbench run hyperx/figure3" not in commands
    assert "hxbench run hyperx/figure5" in commands


def test_seeds_vary_too(store):
    for method, scores in (("hyperx-base", (8, 6, 7)), ("mbert", (5, 5, 5))):
        for spec in recipe.expand(method, setting="mixed", seeds=(1, 2, 3)):
            correct = scores[spec.seed - 1]
            write_run(store, spec, lambda *_, s=correct: 10.0 * s, predictions=counts(correct))
    cell = rows_of(table(store), "Hyper-X Base above mBERT, mixed-language")["POS ALL"][0]
    assert cell.mean == pytest.approx(20)
    assert (cell.low, cell.high) == pytest.approx((10, 30)), "any two of the three seeds, the same one twice too"


def test_without_counts_the_seeds_alone_are_drawn(store):
    for method, by_seed in (("hyperx-base", (60, 62, 64)), ("mbert", (50, 50, 50))):
        fill(store, method, score=None, seeds=())
        for spec in recipe.expand(method, setting="mixed", seeds=(1, 2, 3)):
            write_run(store, spec, lambda *_, s=by_seed[spec.seed - 1]: float(s))
    made = table(store)
    cell, *_, said = rows_of(made, "Hyper-X Base above mBERT, mixed-language")["NER ALL"]
    assert (cell.mean, cell.low, cell.high, said) == (12, 10, 14, "shown")
    assert [dict(made.notes)[mark] for mark in cell.marks] == [
        "no sentence counts: the interval is over the seeds alone"
    ]


def test_a_difference_is_over_the_languages_that_both_have(store):
    two(store, seeds=(1, 2))
    for spec in recipe.expand("psf", setting="mixed", seeds=(1, 2)):
        lacking = {("pos", code) for code in members("ALL") if code not in ("ar", "is", "fo")}
        write_run(store, spec, lambda *_: 30.0, lacking, predictions=counts(3))
    made = table(store)
    cell, _, languages, said = rows_of(made, "Hyper-X Base above PSF")["POS SEEN"]
    assert (cell.mean, languages, said) == (50.0, "2 of 8", "prelim.: shown")
    assert cell.covers == {"ar", "is"}
    assert "over ar, is only: the data have no more" in [dict(made.notes)[mark] for mark in cell.marks]


@pytest.mark.matrix
def test_few_shot_lines_are_over_draws_and_languages(store):
    for block in experiment.blocks("hyperx", "table5"):
        for method in block.methods:
            for spec in recipe.expand(method, setting=block.setting, seeds=(1, 2, 3)):
                write_run(store, spec, lambda *_: 10.0)
    scores = {"hyperx-base": 7, "mbert": 5, "madx": 8, "hyperx-small": 1}
    for one in experiment.runs_of("hyperx", "table5", "demo"):
        if one.spec.few_shot:
            correct = scores[one.spec.method]
            score = 10.0 * correct + one.spec.few_shot.draw  # the mean of two draws is half a point above
            spec = one.spec.model_copy(update={"after": {START: one.start.run_id} if one.start else {}})
            write_run(store, spec, lambda *_, s=score: s, predictions=counts(correct))
    made = table(store)
    rows = rows_of(made, "Few-shot: Hyper-X Base level with mBERT")
    cell, seeds, languages, said = rows["NER UNSEEN k=5"]
    assert (cell.mean, seeds, languages, said) == (pytest.approx(20), "3", "2 of 2", "shown")
    assert (cell.low, cell.high) == pytest.approx((20, 20)), "the sentences of all draws are counted"
    assert cell.published == 10.1, "48.00 − 37.85 of the paper's Table 5"
    assert rows_of(made, "Few-shot: Hyper-X Base level with MAD-X")["POS SEEN k=50"][3] == "reverse"


def test_a_backbone_that_began_as_xlmr_is_divided_by_its_list_too(store):
    assert members("XLM-R") == tuple("ar br is kk ta tr zh sa ug".split())
    assert set(members("not XLM-R")) == set("yo fo gn hsb mt yue".split())
    two(store)
    results = Results(store)
    results.scale = results.scale.model_copy(update={"backbone": "e5-small-q4"})
    [made] = claims.build(results)
    rows = rows_of(made, "Hyper-X Base above mBERT, mixed-language")
    cell, _, languages, _ = rows["NER not XLM-R"]
    assert (cell.published, languages) == (None, "6 of 6")
    assert "POS XLM-R" in rows
    assert any("not to say unseen" in text for text in made.remarks)
    assert not any("XLM-R" in text for text in table(store).remarks), "a body of our own has no list"


def test_it_fits_eighty_columns_and_every_number_is_in_json_and_csv(store):
    two(store, seeds=(1, 2))
    made = table(store)
    lines = terminal.render([made]).splitlines()
    first = next(n for n, text in enumerate(lines) if text.startswith("───"))
    last = max(n for n, text in enumerate(lines) if text.startswith("───"))
    assert max(map(len, lines[first - 2 : last + 1])) <= 80
    assert any("[+20.0, +20.0]" in text and "prelim.: shown" in text for text in lines)
    [tree] = json.loads(unrounded.render_json([made]))
    cells = [row["cells"][0] for block in tree["blocks"] for row in block["rows"]]
    assert {(cell["low"], cell["high"]) for cell in cells if cell["mean"]} == {(20.0, 20.0)}
    text = unrounded.render_csv([made])
    assert text.splitlines()[0].split(",")[7:12] == ["mean", "sd", "low", "high", "n"]
    assert "NER ALL,,difference,points," in text


def test_the_difference_is_that_of_table_two(store):
    """Seed by seed, over what both have; the resampler's own differences agree with the scores' in the mean."""
    two(store)
    results = Results(store)
    sides = [results.run_set(method, "mixed") for method in ("hyperx-base", "mbert")]
    one = difference(Resampler(), *sides, pairs("pos", "ALL"))
    means = [side.group("pos", "ALL").by_seed for side in sides]
    assert one.by_seed == {seed: means[0][seed] - means[1][seed] for seed in (1, 2, 3)}
    assert np.mean(one.resampled) == pytest.approx(20)
