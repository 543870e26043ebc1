"""Figure 5: points, thresholds and printed ranges, again, slowly."""

import json

import pytest
from pet_store import count_of, deviation, figure_of, mean_by_seed, rows_of, size_of
from scipy.stats import t

from hxbench.report.artifact.table import format_value
from hxbench.report.papers.pet.rows import ENDS
from hxbench.report.render import unrounded


def test_figure_5_draws_and_lists_the_same_points(made):
    figure = figure_of(made, "figure5")
    points, thresholds = figure.tables()
    bert = rows_of(points, "BERT")
    small = figure.panels[0].series[0]
    assert [panel.floor for panel in figure.panels] == [50.0] * 3 + [0.0] * 3, "BLOOM has no runs, and no panels"
    runs = [s for s in made.specs if s.method == "apet" and size_of(s) == "bert-small" and s.task == "sst2"]
    assert small.at == tuple(sorted({float(count_of(spec)) for spec in runs}))
    by_count = dict(zip(small.at, small.cells, strict=True))
    for budget in (100, 400, 1600, 6400):
        cell = bert[f"{budget:,}"][0]
        found = mean_by_seed(made.specs, ["sst2"], size="bert-small", budget=budget)
        assert cell.mean == pytest.approx(sum(found.values()) / 2) == by_count[float(budget)].mean
        assert cell.sd == pytest.approx(deviation(found.values()))
    assert bert["LoRA (60k, 480k)"][1].mean == pytest.approx(
        sum(mean_by_seed(made.specs, ["sst2"], size="bert-large", budget="lora").values()) / 2
    )
    assert bert["25,600"][0].text == "", "not in the grid of the small backbone"
    full = mean_by_seed(made.specs, ["sst2"], size="bert-small", method="pet-ft")
    assert bert["FT"][0].mean == small.level.mean == pytest.approx(sum(full.values()) / 2)
    assert [cell.text for cell in rows_of(points, "T5")["guessing"]] == ["0.0"] * 6
    assert [cell.mean for cell in bert["most frequent"]] == [59, 59, 58, 58, 59, 59], (
        "55 and the letters of the name"
    )
    assert "most frequent" not in rows_of(points, "BLOOM"), "no run tells"
    assert rows_of(points, "BLOOM")["100"][0].marks == ("*",)
    for number, name in enumerate(("low", "high")):
        ringed = [small.at[place] for place, mark in small.rings if mark == name]
        cell = rows_of(thresholds, "")["BERT SMALL"][number * 4]
        assert ([cell.mean] if cell.mean else []) == ringed


def test_figure_5_has_the_printed_ranges_and_its_criteria(made):
    figure = figure_of(made, "figure5")
    _, thresholds = figure.tables()
    rows = {row.title: row for row in thresholds.blocks[0].rows}
    assert [rows[one.title].cells[3].text for one in ENDS] == [
        "400 to 1.6k", "800 to 3.2k", "4.1k to 8.2k", "8.2k to 41k", "800 to 7.9k", "7.9k to 8.5k",
    ]  # fmt: skip
    assert [title for title, row in rows.items() if row.mark] == ["BLOOM 560M"]
    assert "more than 2 standard errors" in figure.caption[0]
    assert "one s.d. of its seeds" in figure.caption[0]
    assert "By chance, with 2 seeds and normal scores" in figure.caption[0]
    assert thresholds.remarks[0] == figure.caption[0]
    tree = json.loads(unrounded.render_json([thresholds]))
    assert tree[0]["facts"]["chance of low, one budget"] == f"{t.sf(2, 1):.4f}"
    assert {cell.text for cell in rows["BLOOM 560M"].cells[:3]} == {"–"}, "nothing can be said without runs"


def test_what_is_known_of_thresholds_is_said_in_a_sentence(made):
    figure = figure_of(made, "figure5")
    _, thresholds = figure.tables()
    rows = rows_of(thresholds, "")
    words = []
    for title, ends in (("BERT", ("BERT SMALL", "BERT LARGE")), ("T5", ("T5 SMALL", "T5 XXL"))):
        each = []
        for name, first in (("low", 0), ("high", 4)):
            spans = []
            for end in ends:
                there = sorted(cell.mean for cell in rows[end][first : first + 3] if cell.mean is not None)
                shown = list(dict.fromkeys(format_value(value, "parameters") for value in there))
                span = " to ".join(dict.fromkeys((shown[0], shown[-1]))) if shown else "none"
                spans.append(span + (f" ({len(there)} of 3 tasks)" if 0 < len(there) < 3 else ""))
            each.append(f"{name} {' / '.join(spans)}")
        words.append(f"{title} {', '.join(each)}")
    assert figure.caption[1] == f"Over the tasks, small / large backbone: {'; '.join(words)}."


def test_low_thresholds_also_go_by_the_most_frequent_label(made):
    points, thresholds = figure_of(made, "figure5").tables()
    above = rows_of(thresholds, "low: above the most frequent label in place of guessing")
    assert list(above) == ["BERT SMALL", "BERT LARGE", "T5 SMALL", "T5 XXL"], "no others have runs"
    rows = rows_of(points, "T5")
    for place, line in enumerate((59, 58, 59)):  # 55 and the letters of the name
        for end, size in enumerate(("t5-small", "t5-large")):
            reached = []
            for spec in made.specs:
                task = ("sst2", "rte", "mrpc")[place]
                if (spec.method, spec.task, spec.seed, size_of(spec)) == ("apet", task, 1, size):
                    budget = spec.options["budget"]
                    found = mean_by_seed(made.specs, [task], size=size, budget=budget)
                    mean, error = sum(found.values()) / 2, deviation(found.values()) / 2**0.5
                    if mean - line > 2 * error:
                        reached.append(count_of(spec))
            cell = above["T5 SMALL" if end == 0 else "T5 XXL"][place]
            assert cell.mean == (min(reached) if reached else None)
            assert rows["most frequent"][2 * place + end].mean == line
