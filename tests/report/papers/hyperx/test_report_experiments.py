"""Conditions of experiments, few-shot scores and methods with a model for each task."""

import pytest
from filled_store import fill, write_run
from older_runs import before_manifests

from hxbench import report
from hxbench.report.papers.hyperx.few_shot import protocol_of
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import members
from hxbench.spec import experiment, recipe
from hxbench.spec.run_spec import START
from hxbench.spec.settings import Model, Pair


def fill_experiment(store, name, score=lambda spec: 50.0, seeds=(1, 2, 3), methods=None):
    """Write every run of an experiment; a few-shot run points at the one it starts from."""
    for one in experiment.runs_of("hyperx", name, "demo", seeds=seeds):
        if methods is None or one.spec.method in methods:
            after = {START: one.start.run_id} if one.start else {}
            spec = one.spec.model_copy(update={"after": after})
            value = score(spec)
            write_run(store, spec, lambda *_, value=value: value)


def mlm(spec):
    return {"all": 60.0, "unseen": 50.0, "none": 40.0}[spec.training.mlm_languages] - spec.training.match_labelled


def test_conditions_are_those_of_the_recipe_and_each_has_its_own_runs(store):
    fill_experiment(store, "figure3", mlm)
    results = Results(store)
    found = results.conditions("figure3")
    assert [c.label for c in found] == [
        "MLM for all languages", "no MLM for seen languages", "no MLM", "no MLM, labelled updates matched",
    ]  # fmt: skip
    assert [c.run_set.group("ner", "UNSEEN").mean for c in found] == [60, 50, 40, 39]
    assert {c.method for c in found} == {"hyperx-base"}
    assert results.commands(found, "figure3") == ()
    assert results.remarks(found) == ()
    assert results.heading(found)[0].startswith("profile demo: SYNTHETIC")


def test_runs_of_other_experiments_are_neither_shown_nor_told(store):
    for name in ("figure3", "figure4", "figure7"):
        fill_experiment(store, name, mlm)
    fill_experiment(store, "table5", methods={"hyperx-base"}, seeds=(1,))
    (table,) = report.build("hyperx", "2", store)
    base = table.blocks[2].rows[-1].cells
    assert base[5].mean == 60.0
    assert [text for text in table.remarks if "left out" in text or "variant" in text] == []


def test_an_experiments_runs_never_stand_in_for_the_recipes(store):
    fill_experiment(store, "figure7", methods={"hyperx-base"})
    for record in store.runs():
        if record.spec.training.temperature == 5:
            store.remove(record.id)
    results = Results(store)
    plain, proportional = results.conditions("figure7")
    assert not plain.run_set.present
    assert len(proportional.run_set.present) == 6
    assert not results.run_set("hyperx-base", "mixed").present
    assert results.commands([plain, proportional], "figure7") == ("hxbench run hyperx/figure7",)


def test_a_block_takes_nothing_but_its_own(store):
    fill(store, assignments=["training.updates=7"])
    results = Results(store)
    assert results.run_set("hyperx-base", "mixed").present, "alone on the recipe's ground"
    assert not any(c.run_set.present for c in results.conditions("figure3"))


def test_switched_pairs_are_scored_by_the_model_they_were_no_source_of(store):
    """Under a', Maltese is a source of NER and Kazakh one of POS: the other way round from partition a."""

    def score(partition):
        return lambda task, code, source: (
            -1000.0 if source and code != "en" else 10.0 * "ab".index(partition[0]) + 10
        )

    for spec in recipe.expand("hyperx-base", setting="mixed", partition="switched", seeds=(1, 2, 3)):
        write_run(store, spec, score(spec.partition))
    fill(store, score=lambda *_: 1.0)
    original, switched = Results(store).conditions("figure4")
    assert original.run_set.score("ner", "mt").mean == 1.0
    assert switched.run_set.models == (Model(None, "a-switched"), Model(None, "b-switched"))
    expected = {("ner", "mt"): 20, ("ner", "kk"): 10, ("ner", "yue"): 10, ("ner", "tr"): 20, ("ner", "ar"): 10}
    expected |= {("pos", "mt"): 10, ("pos", "kk"): 20, ("pos", "yue"): 20, ("pos", "tr"): 10, ("pos", "ar"): 20}
    assert {pair: switched.run_set.score(*pair).mean for pair in expected} == expected
    assert switched.run_set.score("ner", "en").mean == 15, "both models"
    assert switched.run_set.group("pos", "ALL").covers == original.run_set.group("pos", "ALL").covers


def test_a_method_of_single_tasks_is_scored_by_each_tasks_models(store):
    for spec in recipe.expand("madx-ms", setting="mixed", seeds=(1, 2, 3)):
        value = {"ner": 30.0, "pos": 70.0}[spec.task]
        write_run(store, spec, lambda *_, value=value: value)
    results = Results(store)
    runs = results.run_set("madx-ms", "mixed")
    assert len(runs.present) == 12
    assert set(runs.models) == {Model(t, p) for t in ("ner", "pos") for p in "ab"}
    assert (runs.group("ner", "ALL").mean, runs.group("pos", "ALL").mean) == (30, 70)
    assert runs.seed_count() == (3, 3)
    gone = next(r for r in store.runs() if (r.spec.task, r.spec.partition, r.spec.seed) == ("pos", "b", 2))
    store.remove(gone.id)
    results = Results(store)
    runs = results.run_set("madx-ms", "mixed")
    assert (runs.group("ner", "ALL").incomplete, runs.group("pos", "ALL").incomplete) == (False, True)
    (line,) = results.commands([runs], "table2")
    assert line == "hxbench train madx-ms --setting mixed --task pos --partition b --profile demo --seed 2"


def test_the_other_place_of_the_same_data_is_taken_and_asked_for(store):
    for one in experiment.runs_of("hyperx", "figure7", "paper", seeds=(1,), origin="mirror"):
        write_run(store, one.spec, lambda *_: 50.0)
    results = Results(store, "paper")
    found = results.conditions("figure7")
    assert [c.run_set.group("ner", "ALL").mean for c in found] == [50, 50]
    (line,) = results.commands(found, "figure7")
    assert line == "hxbench run hyperx/figure7 --profile paper --data-source DIR"


def shot_score(spec):
    """Zero-shot 10; else the number of sentences, the draw and the seed in places of their own."""
    shot = spec.few_shot
    return 10.0 if shot is None else shot.k + 0.1 * shot.draw + 0.01 * spec.seed


def few_pairs(task, group):
    return [Pair(task, code) for code in ("ar", "tr", "zh", "mt", "ug") if code in members(group)]


def test_few_shot_scores_are_means_over_draws_then_seeds(store):
    fill_experiment(store, "table5", shot_score, methods={"mbert", "madx"})
    few = Results(store).few_shot("table5")
    assert protocol_of(few) == ((0, 5, 10, 20, 50), ("ar", "tr", "zh", "mt", "ug"))
    assert set(few) == {"mbert", "madx", "hyperx-small", "hyperx-base"}
    for method in ("mbert", "madx"):
        assert few[method].over([Pair("pos", "ug")], 0).values == (10, 10, 10)
        found = few[method].over([Pair("ner", "tr")], 20)
        assert found.values == pytest.approx((20.06, 20.07, 20.08))
        assert not found.incomplete
        group = few[method].over(few_pairs("ner", "UNSEEN"), 50)
        assert group.mean == pytest.approx(50.07)
        assert (group.covers, group.lacking) == ({"mt", "ug"}, ())
        assert few[method].over(few_pairs("pos", "SEEN"), 0).covers == {"ar", "tr", "zh"}
        shots = few[method]
        assert not any(shots.over([pair], k).incomplete for pair in shots.pairs for k in shots.k)
    assert few["hyperx-base"].over([Pair("pos", "ug")], 0).incomplete
    (table,) = report.build("hyperx", "5", store)
    assert [block.title for block in table.blocks] == ["NER F1", "POS accuracy"]
    assert [row.title for row in table.blocks[0].rows] == ["k = 0", "k = 5", "k = 10", "k = 20", "k = 50"]
    assert list(dict.fromkeys(column.group for column in table.columns)) == [
        "mBERT",
        "MAD-X",
        "HX-Small",
        "HX-Base",
    ]
    tr = table.blocks[0].rows[3].cells[1]
    assert (tr.mean, tr.sd, tr.n, tr.published) == (pytest.approx(20.07), pytest.approx(0.01), 3, 78.5)
    assert tr.best


def test_few_shot_runs_of_a_start_that_is_not_shown_stay_out(store):
    fill_experiment(store, "table5", shot_score, seeds=(1,), methods={"mbert"})
    for record in [r for r in store.runs() if r.spec.few_shot is None]:
        store.remove(record.id)
    few = Results(store).few_shot("table5")
    assert few["mbert"].over([Pair("ner", "tr")], 5).values == ()
    assert any(shots.lacks for shots in few.values())


@pytest.mark.matrix
def test_missing_few_shot_runs_are_marked_and_asked_for(store):
    fill_experiment(store, "table5", shot_score, methods={"mbert"})
    lost = [r for r in store.runs() if r.spec.few_shot and r.spec.few_shot.k == 5 and r.spec.seed == 3]
    for record in lost:
        if record.spec.few_shot.task == "ner" and (
            record.spec.few_shot.draw or record.spec.few_shot.language == "qam"
        ):
            store.remove(record.id)
    results = Results(store)
    few = results.few_shot("table5")
    one_draw = few["mbert"].over([Pair("ner", "tr")], 5)
    assert one_draw.incomplete
    assert one_draw.values == pytest.approx((5.06, 5.07, 5.03)), "the draws there are"
    group = few["mbert"].over(few_pairs("ner", "UNSEEN"), 5)
    assert group.incomplete
    assert len(group.values) == 2, "a seed without one of the languages is none"
    assert few["mbert"].over(few_pairs("ner", "UNSEEN"), 10).incomplete is False
    assert results.commands(few.values(), "table5") == ("hxbench run hyperx/table5",)


def test_lacking_data_are_no_missing_runs(store):
    lacking = {("ner", "ug")}
    for one in experiment.runs_of("hyperx", "table5", "demo", seeds=(1, 2, 3)):
        shot = one.spec.few_shot
        if one.spec.method == "mbert" and not (shot and (shot.task, shot.language) == ("ner", "qao")):
            spec = one.spec.model_copy(update={"after": {START: one.start.run_id} if one.start else {}})
            write_run(store, spec, lambda *_: 50.0, lacking)
    few = Results(store).few_shot("table5")
    found = few["mbert"].over(few_pairs("ner", "UNSEEN"), 5)
    assert (found.mean, found.covers, found.lacking, found.incomplete) == (50.0, {"mt"}, ("ug",), False)


def language_runs(store, spec, seconds=7.0):
    """Write an adapter's run for each of three languages; return what a run that uses them says of it."""
    after = {}
    for code in ("qaa", "qab", "qac"):
        one = spec.model_copy(
            update={"method": "madx-language", "setting": "language", "language": code, "task": None, "seed": 0}
        )
        write_run(store, one, lambda *_: 0.0, costs={"counted_parameters": 10.0, "wall_seconds": seconds})
        after[f"language-adapter {code}"] = one.run_id
    return after


def test_mad_x_costs_all_its_adapters(store):
    for spec in recipe.expand("madx", setting="single", seeds=(1, 2)):
        after = language_runs(store, spec)
        costs = {"counted_parameters": 16 * 10 + 2 * 3.0, "wall_seconds": 2.0 + spec.seed}
        write_run(store, spec.model_copy(update={"after": after}), lambda *_: 50.0, costs=costs)
    (table,) = report.build("hyperx", "3", store)
    rows = {row.title.strip(): row.cells for row in table.blocks[0].rows}
    assert [cell.mean for cell in rows["MAD-X, all"][:2]] == [166, 3 * 7 + 2 * 3.5]
    assert [cell.mean for cell in rows["language adapter"][:2]] == [10, 7]
    assert [cell.mean for cell in rows["task adapter"][:2]] == [3, 3.5]
    assert (rows["MAD-X, all"][1].published, rows["task adapter"][0].published) == (116 * 3600, 0.9e6)
    (two,) = report.build("hyperx", "2", store)
    madx = next(row for row in two.blocks[0].rows if row.title == "MAD-X").cells
    assert [cell.mean for cell in madx[1:3]] == [166, 28]
    assert any(text.startswith("the time of MAD-X is that of both tasks") for text in two.remarks)
    assert not any("left out" in text for text in two.remarks)
    lost = next(record for record in store.runs() if record.spec.setting == "language")
    store.remove(lost.id)
    (table,) = report.build("hyperx", "3", store)
    rows = {row.title.strip(): row.cells for row in table.blocks[0].rows}
    assert rows["MAD-X, all"][1].mean is None, "a sum without one of its parts is none"
    assert rows["MAD-X, all"][1].marks == ("*",), "the third seed makes it again"
    assert table.commands == ("hxbench run hyperx/table2",)
    for spec in recipe.expand("madx", setting="single", seeds=(3,)):
        write_run(store, spec.model_copy(update={"after": after}), lambda *_: 50.0, costs=costs)
    (table,) = report.build("hyperx", "3", store)
    time = next(row.cells[1] for row in table.blocks[0].rows if row.title == "MAD-X, all")
    assert time.mean is None
    assert ["gone from the store" in dict(table.notes)[mark] for mark in time.marks] == [True]


def test_the_other_task_of_mad_x_is_asked_for(store):
    for spec in recipe.expand("madx", setting="single", task="ner", seeds=(1, 2, 3)):
        write_run(store, spec.model_copy(update={"after": language_runs(store, spec)}), lambda *_: 50.0)
    for method, setting in (
        ("mbert", "multi"),
        ("hyperx-small", "multi"),
        ("hyperx-base", "multi"),
        ("psf", "mixed"),
    ):
        fill(store, method, setting)
    (table,) = report.build("hyperx", "3", store)
    time = next(row.cells[1] for row in table.blocks[0].rows if row.title == "MAD-X, all")
    assert (time.mean, time.marks) == (None, ("*",))
    (line,) = table.commands
    assert line.startswith("hxbench train madx --setting single --task pos")


def test_a_joint_method_that_builds_on_runs_has_their_time(store):
    (spec,) = recipe.expand("hyperx-base", setting="multi", seeds=(1,))
    after = language_runs(store, spec)
    own = spec.model_copy(update={"method": "mine", "after": after})
    write_run(store, own, lambda *_: 50.0, costs={"wall_seconds": 5.0})
    write_run(store, own.model_copy(update={"seed": 2}), lambda *_: 50.0, costs={"wall_seconds": 7.0})
    (two,) = report.build("hyperx", "2", store)
    mine = next(row for row in two.blocks[1].rows if row.title == "mine").cells
    assert (mine[2].mean, mine[2].marks) == (3 * 7 + 6, ())
    assert any(text.startswith("the time of mine is") for text in two.remarks)
    results = Results(store)
    (line,) = results.to_type.train(results.run_set("mine", "multi"))
    assert line.startswith("hxbench train mine.yaml --setting multi --profile demo --seed 3")


def test_few_shot_runs_of_ones_own_method_stand_beside_the_papers(store):
    protocol = experiment.few_shot_protocol()
    (start,) = recipe.expand("hyperx-base", setting="multi", seeds=(1,))
    start = start.model_copy(update={"method": "mine"})
    write_run(store, start, lambda *_: 10.0)
    for one in experiment.few_shot_runs(start, protocol, draws=[0, 1]):
        spec = one.spec.model_copy(update={"after": {START: start.run_id}})
        value = shot_score(spec)
        write_run(store, spec, lambda *_, value=value: value)
    (table,) = report.build("hyperx", "5", store)
    found = [(c.group, cell) for c, cell in zip(table.columns, table.blocks[0].rows[1].cells, strict=True)]
    assert [cell.mean for group, cell in found if group == "mine"] == pytest.approx([5.06] * 5)
    assert any("hxbench fewshot mine.yaml" in text for text in table.remarks)
    assert [line.split()[:3] for line in table.commands] == [
        ["hxbench", "run", "hyperx/table5"], ["hxbench", "train", "mine.yaml"],
    ]  # fmt: skip
    (six,) = report.build("hyperx", "figure6", store)
    assert [row.title for row in six.blocks[0].rows] == ["mBERT", "MAD-X", "HX-Small", "HX-Base", "mine"]


def test_runs_of_another_version_are_counted_once(store):
    fill(store, "mbert", "multi", seeds=(1, 2))
    fill_experiment(store, "table5", methods={"hyperx-base"}, seeds=(1,))
    for record in store.runs():
        before_manifests(record.folder, another_version=1)
    (table,) = report.build("hyperx", "2", store)
    told = [text for text in table.remarks if "another version" in text]
    assert told == [
        "left out: 2 runs of mbert (multi), written by another version of hxbench.",
        "left out: 1 run of hyperx-base (multi), written by another version of hxbench.",
    ]


def test_capabilities_and_languages_are_printed(store):
    (one,) = report.build("hyperx", "1", store)
    assert [[cell.text for cell in row.cells] for row in one.blocks[0].rows] == [
        ["yes", "yes", "no", "yes"], ["no", "no", "yes", "no"], ["no", "no", "yes", "yes"], ["yes"] * 4,
    ]  # fmt: skip
    (four,) = report.build("hyperx", "4", store)
    rows = {row.title: [cell.text for cell in row.cells] for row in four.blocks[0].rows}
    assert len(rows) == 16
    assert rows["qaf (kk)"][6:9] == ["32", "–", "1047"]
    assert rows["qal (hsb)"][0] == "Upper Sorbian"
    assert rows["qaa (en)"] == [
        "English", "IE, Germanic", "en_ewt", "20000", "10000", "10000", "12543", "2002", "2077", "Latin", "source",
    ]  # fmt: skip
    assert rows["qak (gn)"][2] == "gun_thomas"
    assert rows["qam (mt)"][-2] == "Latin"
    assert rows["qan (sa)"][-2] == "Devanagari", "of the real language, whatever the sandbox writes it in"
    assert [c.title for c in four.columns if c.group == "not in the paper"] == ["script", "group"]
    notes = {row.title: dict(four.notes)[row.mark] for row in four.blocks[0].rows if row.mark}
    assert "UD 2.7 has 31" in notes["qaf (kk)"]
    assert "code yo" in notes["qal (hsb)"]
    assert notes["qal (hsb)"].endswith("UD 2.7 has 23 for training and 623 for testing")
    assert "Turkic" in notes["qao (ug)"]
    assert "Mbyá" in notes["qak (gn)"]
    (real,) = report.build("hyperx", "4", store, "paper")
    assert [row.title for row in real.blocks[0].rows][:3] == ["en", "ar", "br"]


def test_contradictions_of_the_start_scores_are_footnotes(store):
    (table,) = report.build("hyperx", "5", store)
    notes = dict(table.notes)
    odd = {
        (column.group, column.title, block.title): notes[cell.published_marks[0]]
        for block in table.blocks
        for row in block.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell.published_marks
    }
    said = set(odd.values())
    assert odd.pop(("HX-Base", "qah (tr)", "NER F1")) == "the paper's Table 6 prints 72.5"
    assert len(said) == 2
    assert {key[0::2] for key in odd} == {("mBERT", "POS accuracy")}
    assert len(odd) == 5


def test_rates_are_judged_by_development_scores_at_the_weights_that_were_kept(store):
    """The kept step is the one with the best mean; of a method with a model a task all sources count alike."""
    best = {5e-4: 0.0, 1e-3: 20.0, 2e-3: 10.0}
    for one in experiment.runs_of("hyperx", "rates", "demo"):
        if one.spec.method != "mbert":
            continue
        high = best[one.spec.training.lr]
        with store.open_run(one.spec) as run:
            rows = []
            for step, shift in ((1, -5.0), (2, 0.0), (3, -1.0)):
                pairs = [("ner", "aa", 30.0), ("pos", "aa", 60.0), ("pos", "bb", 90.0)]
                dev = [
                    {
                        "split": "dev",
                        "task": t,
                        "language": c,
                        "metric": "x",
                        "step": step,
                        "value": v + high + shift,
                    }
                    for t, c, v in pairs
                ]
                mean = {"task": None, "language": "mean", "metric": "score", "value": 60.0 + high + shift}
                rows += [*dev, {"split": "dev", "step": step, **mean}]
            run.write_metrics(rows)
            run.write_provenance({"device": "cpu"})
            flat = {"pos": {"loss": 2.0, "entropy": 2.1}} if one.spec.training.lr == 2e-3 else {}
            run.finish(label_losses=flat)
    (table,) = report.build("hyperx", "rates", store)
    rows = table.blocks[0].rows
    assert [row.title for row in rows] == ["0.0005", "0.001, the recipe's", "0.002"]
    assert [[cell.mean for cell in row.cells] for row in rows] == [[30, 75, 60], [50, 95, 80], [40, 85, 70]]
    assert [row.cells[-1].best for row in rows] == [False, True, False]
    assert all(cell.mean is None for block in table.blocks[1:] for row in block.rows for cell in row.cells)
    assert [[cell.on_plateau for cell in row.cells] for row in rows] == [[0, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert any("1 of 1 run ended on the plateau" in text for _, text in table.notes)
    assert table.commands == ("hxbench run hyperx/rates",)
