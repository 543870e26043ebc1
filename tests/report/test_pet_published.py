"""PET scaling's printed numbers: all there, and its standard deviations are those of its own values."""

from statistics import stdev

import pytest

from hxbench.report.artifact.published import published

METHODS = ("Prompt", "BitFit", "LoRA", "Adapter")
MODELS = "BERT_SMALL BERT_BASE BERT_LARGE BLOOM_560M BLOOM_1.1B BLOOM_7.1B T5_SMALL T5_BASE T5_XXL".split()
ENDS = [model for model in MODELS if model not in ("BERT_BASE", "BLOOM_1.1B", "T5_BASE")]


def value(artifact, row, column, metric, group=""):
    found = published("pet").value(artifact, row, column, metric, group)
    assert found is not None, (artifact, row, column, metric, group)
    return found


def test_the_figures_and_the_table_are_complete():
    counts = {}
    for row in published("pet").rows:
        counts[row["artifact"]] = counts.get(row["artifact"], 0) + 1
    assert (counts["Figure 2"], counts["Figure 4"], counts["Figure 7"], counts["Table 2"]) == (54, 96, 740, 24)


@pytest.mark.parametrize("model", MODELS)
def test_the_spread_of_figure_2_is_over_five_bars(model):
    tasks = "8 tasks" if model.startswith("BERT") else "11 tasks"
    bars = [value("Figure 2", m, model, "average_performance", tasks) for m in (*METHODS, "FT")]
    printed = value("Figure 2", "S.D. over tuning methods", model, "sample_sd_over_5_methods", tasks)
    # bars are printed as whole percents: each may be off by a half
    assert stdev(bars) == pytest.approx(printed, abs=0.5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", ENDS)
def test_the_spread_of_figure_4_is_over_three_seeds(model, method):
    row = f"APET_{method}"
    seeds = [value("Figure 4", row, f"seed {n}", "average_of_SST2_RTE_MRPC", model) for n in (1, 2, 3)]
    printed = value("Figure 4", row, "S.D.", "sample_sd_over_3_seeds", model)
    assert stdev(seeds) == pytest.approx(printed, abs=0.06)


@pytest.mark.parametrize("model", [m for m in MODELS if m.endswith("SMALL")])
def test_a_module_transferred_to_its_own_task_keeps_all_of_its_score(model):
    cells = [
        row for row in published("pet").rows
        if row["artifact"] == "Figure 7" and row["group"].startswith(model)
        and row["row"].removeprefix("source=") == row["column"].removeprefix("target=")
    ]  # fmt: skip
    assert len(cells) == 2 * (8 if model.startswith("BERT") else 11)
    assert {float(cell["value"]) for cell in cells} == {100.0}
