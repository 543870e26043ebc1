"""Figure 4: a bar a seed, and the spread over the seeds, again, slowly."""

import pytest
from pet_store import (
    NAMED,
    PLACED,
    deviation,
    figure_of,
    made_into,
    made_profile,
    mean_by_seed,
    read,
    rows_of,
    specs,
    write_run,
)
from scipy.stats import f

from hxbench.report.pet.figure4 import build
from hxbench.report.pet.rows import ENDS


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
