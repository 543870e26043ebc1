"""Figure 4: a bar a seed, and the spread over the seeds, again, slowly."""

import pytest
from pet_store import (
    NAMED,
    PLACED,
    deviation,
    figure_of,
    fill,
    made_into,
    made_profile,
    mean_by_seed,
    read,
    rows_of,
    size_of,
    specs,
    write_run,
)
from scipy.stats import f

from hxbench import places
from hxbench.report.papers.own import experiment as asked_for
from hxbench.report.papers.pet import table2
from hxbench.report.papers.pet.budgets import curve
from hxbench.report.papers.pet.figure4 import build
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.rows import ENDS, FAMILIES
from hxbench.spec import recipe


def test_figure_4_has_a_bar_a_seed_and_the_spread_over_them(made):
    figure = figure_of(made, "figure4")
    assert [panel.title for panel in figure.panels] == [
        "(a.1) BERT SMALL", "(a.2) BERT LARGE", "(b.1) BLOOM 560M",
        "(b.2) BLOOM 7.1B", "(c.1) T5 SMALL", "(c.2) T5 XXL",
    ]  # fmt: skip
    spreads = rows_of(figure.table(), "S.D. over the seeds (n − 1)")
    for panel, backbone in zip(figure.panels, ENDS, strict=True):
        there = not backbone.size.startswith("bloom")
        for place, budget in enumerate(NAMED):
            found = mean_by_seed(made.specs, PLACED, size=backbone.size, budget=budget) if there else {}
            cells = [one.cells[place] for one in panel.series]
            assert [one.title for one in panel.series] == ["seed 1", "seed 2", "seed 3"]
            assert [cell.mean for cell in cells] == [
                pytest.approx(found[s]) if s in found else None for s in (1, 2, 3)
            ]
            assert all(cell.published is not None for cell in cells)
            assert cells[2].marks == (), "the profile wants two seeds: nothing is missing of the third"
            sd = spreads[backbone.title][place]
            assert sd.mean == (pytest.approx(deviation(found.values())) if there else None)
            assert sd.published is not None
    assert figure.panels[4].series[0].cells[2].published == 57.7


def test_figure_4_says_whether_the_spread_shrinks(made):
    variances = {}
    for backbone in (ENDS[0], ENDS[1]):
        of = [
            deviation(mean_by_seed(made.specs, PLACED, size=backbone.size, budget=b).values()) ** 2 for b in NAMED
        ]
        variances[backbone.size] = sum(of) / len(of)
    quotient = variances["bert-small"] / variances["bert-large"]
    low, high = quotient / f.ppf(0.975, 1, 1), quotient * f.ppf(0.975, 1, 1)  # two seeds
    said = next(text for text in figure_of(made, "figure4").caption if "Fisher" in text)
    assert f"BERT {quotient**0.5:.2f} [{low**0.5:.2f}, {high**0.5:.2f}];" in said


@pytest.mark.parametrize("artifact", ["table2", "figure4", "figure5"])
def test_live_entries_are_told_where_the_budgets_are(made, artifact):
    found = made_into(made, artifact)
    remarks = found.tables[0].remarks if artifact == "table2" else found.figures[0].remarks
    [told] = [text for text in remarks if text.startswith("Live entries")]
    assert told.endswith("BERT SMALL 70 %, BERT LARGE 95 %, T5 SMALL 70 %, T5 XXL 95 %.")


@pytest.mark.parametrize("choose", [pytest.param("likelihood", marks=pytest.mark.matrix), "normalised"])
def test_answers_that_are_chosen_are_had_by_their_experiment_and_never_beside_written_ones(
    store, tmp_path, choose, monkeypatch
):
    profile, own = made_profile(tmp_path, seeds="[1, 2]"), "choosing"
    if choose == "normalised":  # an experiment of the user's own
        text = (places.recipe_folders()[0] / "pet" / "choosing.yaml").read_text()
        (tmp_path / "own.yaml").write_text(text.replace("likelihood}", "normalised}"))
        own = str(tmp_path / "own.yaml")
    fill(store, profile, "figure4", lambda spec: 10.0)
    asked = fill(store, profile, own, lambda spec: 90.0)
    assert {spec.training.choose for spec in asked} == {choose}
    assert {size_of(spec) for spec in asked} == {"t5-small", "t5-large", "bloom-small", "bloom-large"}
    said = {
        "likelihood": "the one that is most likely (bloom",
        "normalised": "log-likelihood of a label's tokens (b",
    }
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "other"))
    for results, chosen in ((Results(store, profile), False), (Results(store, profile, own), True)):
        [figure], [table] = build(results), table2.build(results)
        means = [{cell.mean for bar in panel.series[:2] for cell in bar.cells} for panel in figure.panels]
        assert means == [{10.0}, {10.0}, *[{90.0 if chosen else 10.0}] * 4]
        for one in (figure, table):
            [told] = [remark for remark in one.remarks if remark.startswith("answers are by a head")]
            assert (said[choose] in told, "written freely" in told) == (chosen, not chosen)
            command = f"hxbench report --experiment pet/choosing --profile {profile} --store {store.root}."
            assert any(remark.endswith(command) for remark in one.remarks) != chosen
            assert not one.commands
        t5 = curve(results.tried("figure5"), FAMILIES[-1], ENDS[-1], "rte", recipe.Criteria())
        assert t5.random == (50.0 if chosen else 0.0), "who chooses among two is right half of the time"
    [run, *_] = asked_for.build(Results(store, profile, own), own)
    assert {cell.mean for block in run.blocks[:-1] for row in block.rows for cell in row.cells[1:]} == {90.0}


def test_runs_of_before_stand_in_until_there_are_todays(store, tmp_path):
    profile = made_profile(tmp_path)
    small = [
        s for s in specs(profile, "figure4") if s.backbone.name == "bert-small" and s.options["budget"] == "lora"
    ]
    assert {spec.options["mode"] for spec in small} == {"modules"}
    for spec in small:
        write_run(store, spec.model_copy(update={"options": spec.options | {"mode": "discrete"}}), 60.0)

    def shown():
        [figure] = build(read(store, profile))
        lora = list(NAMED).index("lora")
        told = [text for text in figure.remarks if "stand in for today's" in text]
        return [one.cells[lora].mean for one in figure.panels[0].series], told

    means, told = shown()
    assert means == [60.0, 60.0, 60.0]
    assert told == [
        "apet (single): runs of before stand in for today's, with options.mode discrete instead of modules."
    ]
    for spec in small:
        if spec.seed == 1:
            write_run(store, spec, 80.0)
    means, told = shown()
    assert means == [80.0, None, None], "runs of before and of today never share a cell"
    assert told == []
