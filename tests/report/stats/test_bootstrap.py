"""The paired bootstrap against its slow, obvious version, and where the answer is known."""

import numpy as np
import pytest
from filled_store import fill, write_run
from hypothesis import given, settings
from hypothesis import strategies as st
from older_runs import reseal

from hxbench import report
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS, best_of_groups
from hxbench.report.stats.significance import Resampler
from hxbench.spec import experiment, recipe
from hxbench.tasks.scoring import bootstrap


def slow_score(counts, drawn):
    correct = predicted = gold = 0
    for (c, p, g), times in zip(counts, drawn, strict=True):
        for _ in range(times):
            correct, predicted, gold = correct + c, predicted + p, gold + g
    return 200 * correct / (predicted + gold) if predicted + gold else 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_equals_a_slow_loop(sentences, seed):
    random = np.random.default_rng(seed)
    ahead, behind = (
        random.integers(0, 3, (2, 3, sentences, 3)) for _ in range(2)
    )  # [seed, language, sentence, 3]
    resamples = 40
    fast: tuple[list, list] = ([], [])
    slow = np.zeros((2, resamples))
    for language in range(3):
        drawn = bootstrap.draws(f"language {language}", sentences, resamples)
        for which, method in enumerate((ahead, behind)):
            for of_seed in method:
                fast[which].append(bootstrap.scores(of_seed[language], drawn))
                slow[which] += [slow_score(of_seed[language], row) / 6 for row in drawn.tolist()]
                assert fast[which][-1] == pytest.approx([slow_score(of_seed[language], r) for r in drawn.tolist()])
    gone = sum(a - b <= 1e-9 for a, b in zip(*slow, strict=True))
    strictly = sum(a - b <= -1e-9 for a, b in zip(*slow, strict=True))
    p = bootstrap.p_value(*fast)
    # a difference of nothing may be rounded to either side
    assert (strictly + 1) / (resamples + 1) <= p <= (gone + 1) / (resamples + 1)


def test_draws_are_fixed_and_of_the_whole_set():
    drawn = bootstrap.draws("ner-tr", 300)
    assert drawn.shape == (1000, 300)
    assert (drawn.sum(axis=1) == 300).all()
    assert (drawn == bootstrap.draws("ner-tr", 300)).all()
    assert (drawn != bootstrap.draws("ner-ug", 300)).any()
    assert drawn.var() == pytest.approx(1, abs=0.02), "as multinomial draws are"
    assert (bootstrap.draws("one", 1) == 1).all()


def test_parts_do_not_matter(monkeypatch):
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 70)
    drawn = bootstrap.draws("few at once", 30, 50)
    assert (drawn.sum(axis=1) == 30).all()
    assert len({row.tobytes() for row in drawn}) == 50


def test_known_answers():
    drawn = bootstrap.draws("known", 100)
    always, never = (np.tile([right, 1, 1], (100, 1)) for right in (1, 0))
    better, worse = bootstrap.scores(always, drawn), bootstrap.scores(never, drawn)
    assert bootstrap.p_value([better], [worse]) == 1 / 1001
    assert bootstrap.p_value([worse], [better]) == 1
    assert bootstrap.p_value([better], [better]) == 1, "no lead is gone in every resample"
    # one sentence of a hundred is better: the lead is gone where it is not drawn, with probability 0.99^100
    one = never.copy()
    one[0, 0] = 1
    assert bootstrap.p_value([bootstrap.scores(one, drawn)], [worse]) == pytest.approx(0.99**100, abs=0.04)
    nothing = np.zeros((100, 3), dtype=int)
    assert (bootstrap.scores(nothing, drawn) == 0).all()


def with_predictions(store, method, share, seeds=(1, 2, 3), sentences=50):
    for spec in recipe.expand(method, setting="multi", seeds=seeds):
        right = np.random.default_rng(spec.seed).random(sentences) < share
        counts = np.stack([right, np.ones(sentences), np.ones(sentences)], axis=1).astype(int)
        score = 100.0 * right.mean()
        write_run(store, spec, lambda *_, s=score: s, predictions=lambda *_, c=counts: c)


def table2_block(store):
    (table,) = report.build("hyperx", "2", store)
    return table, {row.title: row.cells[3:] for row in table.blocks[1].rows}


def test_a_sure_lead_is_marked_and_told(store):
    with_predictions(store, "mbert", 0.9)
    with_predictions(store, "hyperx-base", 0.3)
    with_predictions(store, "hyperx-small", 0.2)
    table, rows = table2_block(store)
    assert all(cell.best and cell.marks == ("†",) for cell in rows["mBERT"])
    assert not any("†" in cell.marks for name in ("HX-Base", "HX-Small") for cell in rows[name])
    assert "1,000 resamples" in dict(table.notes)["†"]
    (said,) = (text for text in table.remarks if text.startswith("paired bootstrap"))
    assert said.startswith("paired bootstrap, English multi-task: NER F1, mBERT above HX-Base: p = 0.001 (SEEN), ")
    six = next(t for t in report.build("hyperx", "6", store) if t.name == "table6-pos-multi")
    assert any(text.startswith("paired bootstrap, English multi-task: POS accuracy") for text in six.remarks)


def test_a_lead_by_chance_is_not_marked(store):
    with_predictions(store, "mbert", 0.5, seeds=(1,), sentences=5)
    with_predictions(store, "hyperx-base", 0.5, seeds=(1,), sentences=5)
    table, rows = table2_block(store)
    assert not any("†" in cell.marks for cells in rows.values() for cell in cells)
    assert any("p = 1.000 (SEEN)" in text for text in table.remarks), "the same predictions"


def test_without_counts_it_is_said_that_nothing_was_tested(store):
    with_predictions(store, "mbert", 0.9)
    fill(store, "hyperx-base", "multi")
    table, rows = table2_block(store)
    assert rows["mBERT"][0].best
    assert not any("†" in cell.marks for cells in rows.values() for cell in cells)
    assert "†" not in dict(table.notes)
    assert "paired bootstrap, English multi-task: not tested: no sentence counts of a seed that both have." in (
        table.remarks
    )


def test_seeds_without_counts_are_left_out_and_told(store):
    with_predictions(store, "mbert", 0.9)
    with_predictions(store, "hyperx-base", 0.3)
    lost = next(r for r in store.runs() if (r.spec.method, r.spec.seed) == ("mbert", 3))
    (lost.folder / "sentences.parquet").unlink()
    reseal(lost.folder)
    table, rows = table2_block(store)
    assert all(cell.marks == ("†",) for cell in rows["mBERT"])
    assert any("p = 0.001 (SEEN, over seeds 1, 2)" in text for text in table.remarks)


def test_the_next_is_the_nearest_over_the_seeds_both_have(store):
    """One lucky seed, which was lucky for the best too, makes no runner-up."""
    for method, below, seeds in (
        ("hyperx-base", 0, (1, 2, 3)),
        ("hyperx-small", 1, (1, 2, 3)),
        ("mbert", 9.5, (3,)),
    ):
        for spec in recipe.expand(method, setting="multi", seeds=seeds):
            write_run(store, spec, lambda *_, value=50.0 + 9 * spec.seed - below: value)
    results = Results(store)
    sets = [results.run_set(method, "multi") for method in ("hyperx-base", "hyperx-small", "mbert")]
    assert [one.group("ner", "ALL").mean for one in sets] == [68, 67, 67.5]
    leads = best_of_groups(Resampler(), sets, METRICS)
    assert {(lead.first, lead.second, lead.there) for lead in leads} == {(0, 1, (1, 2, 3))}


def test_a_gain_is_tested_in_the_direction_claimed(store):
    for block, share in zip(experiment.blocks("hyperx", "figure7"), (0.9, 0.3), strict=True):
        for one in experiment.block_runs(block, "demo", seeds=(1,)):
            right = np.random.default_rng(1).random(20) < share
            counts = np.stack([right, np.ones(20), np.ones(20)], axis=1).astype(int)
            score = 100.0 * right.mean()
            write_run(store, one.spec, lambda *_, s=score: s, predictions=lambda *_, c=counts: c)
    (figure,) = report.make(
        report.find_artifact("hyperx", "7", "figure"), report.read_results("hyperx", store)
    ).figures
    (told,) = (text for text in figure.remarks if text.startswith("paired bootstrap, gains"))
    more, less = (series.title for series in figure.panels[0].series)
    assert f"NER F1, {more} above {less}: p = 0.001 (SEEN), p = 0.001 (UNSEEN), p = 0.001 (ALL)" in told
    assert any("one-sided" in text for text in figure.remarks)
    assert not any("bootstrap" in text for text in (*figure.caption, *dict(figure.notes).values()))


@pytest.mark.parametrize("content", [b"", b"no parquet"])
def test_damaged_counts_are_as_none(store, content):
    with_predictions(store, "mbert", 0.9)
    with_predictions(store, "hyperx-base", 0.3)
    damaged = list((store.root / "runs").glob("*/sentences.parquet"))
    assert len(damaged) == 6
    for path in damaged:
        path.write_bytes(content)
    table, _ = table2_block(store)
    assert any("English multi-task: not tested" in text for text in table.remarks)


def test_other_test_sentences_are_not_paired(store):
    with_predictions(store, "mbert", 0.9)
    with_predictions(store, "hyperx-base", 0.3, sentences=49)
    results = Results(store)
    both = [results.run_set(method, "multi") for method in ("mbert", "hyperx-base")]
    assert {lead.p for lead in best_of_groups(Resampler(), both, METRICS)} == {None}
