"""Comparisons: the same sentences and seeds on both sides, p and intervals as slow code has them, and Holm's p."""

import os
from itertools import combinations, product
from statistics import fmean

import numpy as np
import pandas
import pytest
from filled_store import score_rows, write_run
from text_store import write_text_run

from hxbench.errors import InputError
from hxbench.report import compare as compare_module
from hxbench.report.compare import compare
from hxbench.report.comparison import NO_COUNTS, OTHERS
from hxbench.report.draw import pictures
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.select.where import chosen, read_terms
from hxbench.report.sides import Chooser
from hxbench.report.stats.significance import Resampler
from hxbench.spec import recipe
from hxbench.store import Store
from hxbench.tasks.description import Described, OwnData
from hxbench.tasks.scoring import bootstrap

SENTENCES = 12


def counts_of(task, code, skill, seed, gold=(1, 4)):
    """(correct, predicted, gold) of every sentence; the gold counts depend on the pair alone."""
    words = np.random.default_rng([len(task), *code.encode()]).integers(*gold, SENTENCES)
    right = np.random.default_rng([seed, round(100 * skill), *code.encode()]).random(SENTENCES) < skill
    return [(int(n) if ok else 0, int(n), int(n)) for n, ok in zip(words, right, strict=True)]


def score_of(counts):
    correct, predicted, gold = map(sum, zip(*counts, strict=True))
    return 200 * correct / (predicted + gold)


def fill_side(store, method, skill, seeds=(1, 2, 3), setting="mixed", counted=True, **gold):
    for spec in recipe.expand(method, setting=setting, seeds=seeds):

        def told(task, code, source=False, seed=spec.seed + 1000 * (spec.partition == "b")):
            return counts_of(task, code, skill, seed, **gold)

        write_run(store, spec, lambda *of, told=told: score_of(told(*of)), predictions=told if counted else None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("compare"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda handle: None)
        fill_side(store, "hyperx-base", 0.7)
        fill_side(store, "mbert", 0.6)
        fill_side(store, "mbert", 0.5, setting="multi", seeds=(1, 4))
        fill_side(store, "madx", 0.5, setting="single", seeds=(1, 2), counted=False)
        fill_side(store, "psf", 0.5, seeds=(2,), gold=(5, 9))
    return store


@pytest.fixture(scope="module")
def found(place):
    return compare(place, ["hyperx-base:mixed", "mbert:mixed"])


def line_of(comparison, task, place):
    return next(line for line in comparison.lines if (line.task, line.place) == (task, place))


def slow_p_and_ends(values):
    """p and interval by every way of drawing n − 1 seeds, all as likely, with every resample."""
    seeds = len(values)
    means = sorted(
        fmean(values[seed][resample] for seed in chosen)
        for chosen in product(range(seeds), repeat=max(1, seeds - 1))
        for resample in range(len(values[0]))
    )
    below, above = (sum(sign * one >= 0 for one in means) / len(means) for sign in (-1, 1))
    return min(1, 2 * min(below, above)), (means[int(0.025 * len(means))], means[int(0.975 * len(means))])


def test_p_and_interval_are_those_of_slow_code(place, found):
    line = line_of(found, "pos", "qae (is)")
    drawn = bootstrap.draws("pos-qae", SENTENCES, found.resamples)[:400]
    runs = {(r.spec.method, r.spec.seed, r.spec.partition): r.sentence_counts() for r in place.runs()}
    frame = place.frame().query("method == 'mbert' and partition.notna() and language == 'qae' and task == 'pos'")
    (part,) = frame[frame.role == "target"].partition.unique()
    values = []
    for seed in (1, 2, 3):
        scores = []
        for method in ("hyperx-base", "mbert"):
            counts = runs[method, seed, part]["pos", "qae"]
            sums = [
                [sum(n * c[k] for n, c in zip(row, counts, strict=True)) for k in range(3)]
                for row in drawn.tolist()
            ]
            scores.append([200 * c / (p + g) for c, p, g in sums])
        values.append([one - other for one, other in zip(*scores, strict=True)])
    p, (low, high) = slow_p_and_ends(values)
    assert line.p == pytest.approx(p, abs=0.05)
    assert line.interval == pytest.approx((low, high), abs=4)
    assert line.interval[0] < line.difference.mean < line.interval[1]


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_a_two_sided_p_is_that_of_all_draws(seeds):
    random = np.random.default_rng(seeds)
    values = random.normal(0.6, 0.3, (seeds, 1)) + random.normal(0, 0.5, (seeds, 1000))
    assert bootstrap.two_sided(values) == pytest.approx(slow_p_and_ends(values.tolist())[0], abs=0.04)
    assert bootstrap.two_sided(-values) == bootstrap.two_sided(values)


def test_p_and_interval_agree_on_zero():
    random = np.random.default_rng(0)
    for shift in np.linspace(-2, 2, 21):
        values = shift + random.normal(0, 1, (3, 1000))
        low, high = bootstrap.interval(values)
        p = bootstrap.two_sided(values)
        assert (p < 0.05) == (low > 0 or high < 0) or abs(p - 0.05) < 0.005


def test_holms_p_is_that_of_all_subsets():
    """Holm (1979) is the closed test by Bonferroni: the largest p of any set of hypotheses that one is in."""
    values = [0.04, 0.001, 0.3, 0.01, 0.01, 0.9]
    places = range(len(values))
    subsets = [some for size in range(1, len(values) + 1) for some in combinations(places, size)]
    slow = [max(min(1, len(s) * min(values[j] for j in s)) for s in subsets if i in s) for i in places]
    assert bootstrap.holm(values) == pytest.approx(slow)
    assert bootstrap.holm([]) == []


def test_p_is_corrected_for_all_that_is_printed(found):
    tested = [line.p for line in found.lines]
    assert len(tested) > 30
    assert [line.corrected for line in found.lines] == bootstrap.holm(tested)


def test_resamples_are_enough_for_holm_as_far_as_memory_lets(found):
    assert found.resamples >= 80 * len(found.lines)
    side = found.lines[0].first
    assert compare_module._resamples(1, [side]) == bootstrap.RESAMPLES
    assert compare_module._resamples(10**6, [side]) == 20_000


def test_identical_scores_differ_by_nothing(place):
    side = Chooser(place, None, {}).side("mbert:mixed")
    measure = compare_module._Measure(Resampler(1000))
    lines = [measure.line(side, side, *unit) for unit in compare_module._units(side, side)]
    assert {(line.difference.mean, line.interval, line.p) for line in lines} == {(0.0, (0.0, 0.0), 1.0)}


def test_groups_are_those_of_the_papers_tables(place, found):
    results = Results(place, "demo")
    both = [results.run_set(method, "mixed") for method in ("hyperx-base", "mbert")]
    for task, group in product(("ner", "pos"), ("SEEN", "UNSEEN", "ALL")):
        line = line_of(found, task, group)
        means = [runs.group(task, group).mean for runs in both]
        assert line.means == pytest.approx(means)
        assert line.difference.mean == pytest.approx(means[0] - means[1])


def test_a_language_of_the_users_is_in_no_average_as_in_table_2(tmp_path):
    entry = {"name": "Mine", "read": True}
    described = Described(title="mine", extends="hyperx", languages={"xx": entry}, pairs=(("pos", "xx"),))
    own = OwnData(tmp_path / "mine.yaml", tmp_path, {}, described)
    store, ground = Store(tmp_path), recipe.OnGround("demo", own=own)
    for method, score in (("hyperx-base", 60.0), ("mbert", 50.0)):
        for spec in recipe.expand(method, setting="mixed", seeds=(1,), profile=ground):
            rows = score_rows(spec, lambda *_, score=score: score)
            lent = next(row for row in rows if row["task"] == "pos")
            with store.open_run(spec) as run:
                run.write_metrics([*rows, {**lent, "language": "xx", "role": "target", "value": 0.0}])
                run.finish()
    found = compare(store, ["hyperx-base:mixed", "mbert:mixed"])
    alone = line_of(found, "pos", "xx")
    assert (alone.means, alone.kind) == ((0.0, 0.0), "language")
    results = Results(store, "demo", data=own)
    runs = results.run_set("hyperx-base", "mixed")
    for group in ("SEEN", "ALL"):
        line = line_of(found, "pos", group)
        assert "xx" not in line.difference.covers
        assert line.means[0] == runs.group("pos", group).mean == 60.0
    assert "mbert:mixed: its runs are on mine, data of the user's own." in found.notes
    assert not any("depart from" in note for note in found.notes)
    [said] = [note for note in found.notes if "in no average" in note]
    assert said.startswith("described by the user, and in no average: xx. ")
    assert said in found.table().remarks


def test_a_side_that_learned_nothing_is_called_that(tmp_path):
    store = Store(tmp_path)
    for method in ("hyperx-base", "mbert"):
        for spec in recipe.expand(method, setting="multi", seeds=(1,), assignments=("training.updates=7",)):
            with store.open_run(spec) as run:
                run.write_metrics(score_rows(spec, lambda *_: 50.0))
                ended = {"pos": {"loss": 3.0 if method == "mbert" else 0.1, "entropy": 3.0}}
                run.finish(label_losses=ended)
    notes = compare(store, ["hyperx-base:multi", "mbert:multi"]).notes
    ended = "1 of 1 run ended on the plateau of its label frequencies (POS)"
    assert f"mbert:multi: {ended}. Their scores are no result of the method." in notes
    assert not any(note.startswith("hyperx-base:multi: 1 of 1") for note in notes)
    assert "mbert:multi: its runs depart from today's recipe in training.updates." in notes


def test_english_is_the_mean_of_both_partitions(place, found):
    line = line_of(found, "pos", "qaa (en)")
    frame = place.frame().query("method == 'mbert' and setting == 'mixed' and task == 'pos' and language == 'qaa'")
    assert line.means[1] == pytest.approx(frame.groupby("seed").value.mean().mean())
    assert len(line.row()["second_runs"].split()) == 6


def test_what_cannot_be_paired_is_said(place):
    found = compare(place, ["mbert:mixed", "mbert:multi", "madx:single", "psf:mixed"])
    of = {second: [line for line in found.lines if line.second.label == second] for _, second in found.pairs}
    assert {tuple(line.difference.by_seed) for line in of["mbert:multi"]} == {(1,)}
    assert all(line.preliminary and line.p is not None for line in of["mbert:multi"])
    assert any("seeds 2, 3 of mbert:mixed, which mbert:multi lacks" in note for note in found.notes)
    assert {line.untested for line in of["madx:single"]} == {NO_COUNTS}
    assert all(line.p is None and line.interval for line in of["madx:single"])
    assert {line.untested for line in of["psf:mixed"]} == {OTHERS}
    assert {(line.p, line.corrected, line.interval) for line in of["psf:mixed"]} == {(None, None, None)}


def test_every_pair_or_each_to_the_first(place):
    sides = ["hyperx-base:mixed", "mbert:mixed", "mbert:multi"]
    first = compare(place, sides)
    assert first.pairs == ((sides[0], sides[1]), (sides[0], sides[2]))
    every = compare(place, sides, all_pairs=True)
    assert every.pairs == tuple(combinations(sides, 2))
    assert len(every.lines) > len(first.lines)


def test_runs_are_compared_by_their_ids(place):
    mixed, multi = (
        next(r for r in place.runs() if (r.spec.method, r.spec.setting, r.spec.seed) == ("mbert", setting, 1))
        for setting in ("mixed", "multi")
    )
    found = compare(place, [mixed.id, multi.id[:8]])
    assert {line.row()["first_runs"] for line in found.lines} == {mixed.id}
    own = {row["language"] for row in mixed.metrics() if row.get("role") == "target" and row["task"] == "pos"}
    shown = {line.place[:3] for line in found.lines if (line.task, line.kind) == ("pos", "language")}
    assert shown == own, "nothing that the run was trained on"


def test_tasks_have_their_own_metric_and_the_suite_its_mean(tmp_path):
    store, tasks = Store(tmp_path), ("cola", "mrpc")
    skills = {"adapter": 5, "ft": 2}
    for (method, wrong), task, seed in product(skills.items(), tasks, (1, 2)):
        spec = recipe.resolve(method, setting="single", task=task, seed=seed)
        answers = [((n + wrong * seed) % 9 < wrong) != (n % 2) for n in range(30)]
        counts = [(answer == n % 2, answer, n % 2) for n, answer in enumerate(answers)]
        write_text_run(
            store, spec, lambda task, method=method: 10.0 * skills[method], counts=lambda _, c=counts: c
        )
    found = compare(store, ["adapter:single", "ft:single"])
    assert [(line.place, line.kind) for line in found.lines] == [
        ("CoLA", "task"), ("MRPC", "task"), ("mean", "mean"),
    ]  # fmt: skip
    assert [line.difference.mean for line in found.lines] == [30.0] * 3
    assert all(line.p is not None for line in found.lines)
    assert len({line.interval for line in found.lines}) == 3, "each by its metric"


def test_the_table_and_the_picture_have_every_line(found):
    table = found.table()
    assert sum(len(block.rows) for block in table.blocks) == len(found.lines) == len(found.frame())
    figure = found.figure()
    assert sum(
        cell.mean is not None for panel in figure.panels for one in panel.series for cell in one.cells
    ) == len(found.lines)
    assert pictures(figure, ["png"])["png"].startswith(b"\x89PNG")


def test_runs_of_several_kinds_are_no_side(place):
    ids = {r.spec.method: r.id for r in place.runs() if r.spec.setting == "mixed"}
    with pytest.raises(InputError, match="are runs that differ in method, training"):
        compare(place, [f"{ids['mbert']},{ids['psf']}", "hyperx-base:mixed"])


WRONG = {
    "hyperx-bse:mixed": "unknown method 'hyperx-bse'. Did you mean hyperx-base",
    "mbert": "'mbert' fits runs that differ in setting (mixed, multi): say which, such as mbert,setting=mixed.",
    "mbert:mixd": "unknown setting 'mixd'. Did you mean mixed",
    "mbert:single": "unknown setting 'single'|no finished runs of profile demo fit 'mbert:single'",
    "mbert:mixed,sed=1": "unknown column 'sed'. Did you mean seed",
    "mbert:mixed,seed=7": "unknown seed '7'. Known: 1, 2, 3, 4.",
    "mbert:mixed,training.lrr=1": "unknown field of a run 'training.lrr'. Did you mean training.lr",
    "mbert,psf": "one method makes a side",
    "0123": "unknown method or run '0123'",
    "hyperx-base:mixed": "is given twice",
    "hyperx-base:mixed,seed=1,2,3": "'hyperx-base:mixed' and 'hyperx-base:mixed,seed=1,2,3' share runs",
}


@pytest.mark.parametrize("side", WRONG)
def test_a_side_that_is_none_is_one_sentence(place, side):
    with pytest.raises(InputError) as said:
        compare(place, ["hyperx-base:mixed", side])
    assert any(one in str(said.value) for one in WRONG[side].split("|"))
    assert "\n" not in str(said.value)


def test_terms_of_one_column_are_alternatives():
    assert read_terms(["seed=1,2,method=psf", "seed=3"]) == {"seed": ("1", "2", "3"), "method": ("psf",)}
    with pytest.raises(InputError, match="expected COLUMN=VALUE"):
        read_terms(["psf"])


def test_a_value_with_commas_stands_in_quotes_and_an_empty_text_is_none():
    rows = pandas.DataFrame(
        {"changes": ["without tr,yo", "no a, no b", "mlm none", "", "k=2, l=3"], "n": range(5)}
    )
    for text, found in {
        'changes="without tr,yo"': [0],
        'n=0,1,2,changes="no a, no b",mlm none': [1, 2],
        "changes=mlm none": [2],
        "changes=none": [3],
        'changes="k=2, l=3",none': [3, 4],
    }.items():
        assert [*chosen(rows, read_terms([text])).n] == found, text
    with pytest.raises(InputError, match=r"unknown changes 'without tr'\. Did you mean \"without tr,yo\""):
        chosen(rows, read_terms(["changes=without tr,yo"]))


def test_tasks_and_places_choose_what_is_tested(place):
    whole = compare(place, ["hyperx-base:mixed", "mbert:mixed"])
    asked = compare(place, ["hyperx-base:mixed", "mbert:mixed"], where=["task=pos,place=UNSEEN"])
    (line,) = asked.lines
    (same,) = [one for one in whole.lines if (one.task, one.place) == ("pos", "UNSEEN")]
    assert line.difference.mean == same.difference.mean
    assert line.corrected == line.p, "one test alone"
    (code,) = compare(place, ["hyperx-base:mixed", "mbert:mixed"], where=["task=ner", "place=qah"]).lines
    assert (code.task, code.kind, code.pairs) == ("ner", "language", (("ner", "qah"),))
    with pytest.raises(InputError, match=r"unknown place 'UNSEN'\. Did you mean UNSEEN"):
        compare(place, ["hyperx-base:mixed", "mbert:mixed"], where=["place=UNSEN"])
