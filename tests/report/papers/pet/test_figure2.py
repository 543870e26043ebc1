"""Figure 2: bars and their spread again, slowly, from what was made up."""

import pytest
from pet_store import METHODS, deviation, figure_of, mean_by_seed, rows_of

from hxbench.report.artifact.figure import Series
from hxbench.report.artifact.table import Cell, Marks
from hxbench.report.papers.pet.figure2 import _spread_row, spread_by_seed
from hxbench.report.papers.pet.rows import FAMILIES

BERT = FAMILIES[0]
SIZES = [one.size for one in BERT.backbones]


def test_figure_2_is_means_of_means_and_the_spread_is_over_five_bars(made):
    figure = figure_of(made, "figure2")
    panel = figure.panels[0]
    bars = {size: [] for size in SIZES}
    for one, method in zip(panel.series, METHODS, strict=True):
        for cell, size in zip(one.cells, SIZES, strict=True):
            by_seed = mean_by_seed(made.specs, BERT.tasks, size=size, method=method)
            assert cell.mean == pytest.approx(sum(by_seed.values()) / 2)
            assert cell.sd == pytest.approx(deviation(by_seed.values()))
            bars[size].append(cell.mean)
    table, by_task = figure.tables()
    spreads = rows_of(table, "spread over the five methods")
    for cell, size, printed in zip(spreads["BERT, S.D."], SIZES, (5.08, 3.63, 2.65), strict=True):
        assert cell.mean == pytest.approx(deviation(bars[size]))
        assert cell.published == printed
    assert [cell.mean for cell in spreads["T5, S.D."]] == [None, None, None]
    assert [cell.published for cell in figure.panels[2].series[-1].cells] == [69, 72, 77]
    assert figure.panels[1].series[0].cells[0].marks == ("*",), "BLOOM has no runs"
    assert figure.commands == (f"hxbench run pet/figure2 --profile {made.profile} --store {made.store.root}",)
    assert [block.title for block in by_task.blocks] == ["BERT SMALL", "BERT BASE", "BERT LARGE"], (
        "others have no runs"
    )
    cells = dict(
        zip((column.title for column in by_task.columns), rows_of(by_task, "BERT BASE")["LoRA"], strict=True)
    )
    found = mean_by_seed(made.specs, ["qnli"], size="bert-base", method="pet-lora")
    assert cells["QNLI"].mean == pytest.approx(sum(found.values()) / 2)
    assert cells["SAMSum"].mean is None
    assert rows_of(by_task, "BERT BASE")["most frequent"][0].mean == 59  # 55 and the letters of the name


def test_figure_2_says_whether_the_spread_shrinks(made):
    tried = made.results.tried("figure2")
    changes = []
    for seed in (1, 2):
        ends = []
        for size in ("bert-small", "bert-large"):
            of = [mean_by_seed(made.specs, BERT.tasks, size=size, method=method)[seed] for method in METHODS]
            ends.append(deviation(of))
            backbone = next(one for one in BERT.backbones if one.size == size)
            assert spread_by_seed(tried, backbone, BERT.tasks)[seed] == pytest.approx(ends[-1])
        changes.append(ends[1] - ends[0])
    mean, half = sum(changes) / 2, 12.7062 * deviation(changes) / 2**0.5  # Student's t, one degree of freedom
    said = next(text for text in figure_of(made, "figure2").caption if "Student" in text)
    numbers = f"BERT {mean:.1f} [{mean - half:.1f}, {mean + half:.1f}]".replace("-", "−")
    assert f": {numbers}. Below 0" in said


def test_the_spread_lacks_runs_only_where_a_bar_does():
    def marked(mark):
        cells = [(Cell(50.0 + n, marks=(mark,) if n == 1 else ()),) * 3 for n in range(len(METHODS))]
        return _spread_row(tuple(Series(str(n), some) for n, some in enumerate(cells)), BERT, Marks()).cells[0]

    assert marked("a").mean == marked("*").mean == pytest.approx(deviation(range(5)))
    assert (marked("a").marks, marked("*").marks) == ((), ("*",))
