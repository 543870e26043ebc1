"""Figures hold the numbers of the runs, and their pictures are what they say, whole, and the same every time."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from io import BytesIO, StringIO
from statistics import fmean, stdev

import pytest
from filled_store import write_run

from hxbench import report
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Cell
from hxbench.report.draw import pictures, sheet, style
from hxbench.report.draw.bars import label
from hxbench.report.draw.frontier import lowest_shown
from hxbench.report.papers.hyperx import comparisons
from hxbench.report.papers.hyperx.rows import members, printed_shot_mean
from hxbench.report.render import PICTURES, renderer
from hxbench.spec import experiment
from hxbench.spec.run_spec import START

FIGURES = [artifact for artifact in report.ARTIFACTS["hyperx"].values() if artifact.kind == "figure"]


def made(number, store):
    results = report.read_results("hyperx", store)
    return results, report.make(report.find_artifact("hyperx", number, "figure"), results)


def fill_conditions(store, name, seeds=(1, 2, 3), left_out=()):
    """Write the runs of an experiment: condition c scores 40 + 4 c + seed, on seen languages 2 more."""
    for number, block in enumerate(experiment.blocks("hyperx", name)):
        if number in left_out:
            continue
        for wanted in experiment.block_runs(block, "demo", seeds=seeds):
            value = 40.0 + 4 * number + wanted.spec.seed**2

            def score(task, code, source, value=value):
                return -1000.0 if source and code != "en" else value + (2 if code in ("ar", "tr", "kk") else 0)

            write_run(store, wanted.spec, score)


def by_hand(**changes):
    """A figure with every kind of point: whole, without a deviation, marked, published only, missing."""
    cells = (Cell(50.0, 1.5, 3, 52.0), Cell(40.0, None, 1, marks=("*", "a")), Cell(marks=("*",)))
    series = tuple(Series(f"condition {letter} with $5 & <b>", cells) for letter in "ABCD")
    panels = tuple(Panel(title, "F1", series, said="gain: UNSEEN +1.0 ± 0.2* (paper +10.5)") for title in "XY")
    whole = Figure(
        "figure0", "A figure by hand", "bars", "condition", ("SEEN", "UNSEEN", "ALL"), panels,
        heading=("profile demo: SYNTHETIC", "backbone"), caption=("A long sentence of many words. " * 9,),
        notes=(("*", "runs are missing: the commands below make them"), ("a", "over ar only")),
    )  # fmt: skip
    return replace(whole, **changes)


LINES = {"kind": "lines", "axis": "sentences", "at": (0.0, 5.0, 50.0), "places": ("0", "5", "50")}


def test_there_are_figures():
    assert [artifact.number for artifact in FIGURES] == ["3", "4", "5", "6", "7"]


@pytest.mark.parametrize("number", ["3", "4", "5", "7"])
def test_bars_are_the_numbers_of_the_run_sets(store, number):
    fill_conditions(store, f"figure{number}")
    results, one = made(number, store)
    (figure,) = one.figures
    conditions = results.conditions(f"figure{number}")
    for task, panel in zip(("ner", "pos"), figure.panels, strict=True):
        assert [series.title for series in panel.series] == [condition.label for condition in conditions]
        for condition, series in zip(conditions, panel.series, strict=True):
            for group, cell in zip(figure.places, series.cells, strict=True):
                values = condition.run_set.group(task, group).values
                assert len(values) == 3
                assert (cell.mean, cell.sd, cell.n) == (fmean(values), stdev(values), 3)
    assert figure.commands == ()
    base = 0 if number in "37" else 1
    ((ner, _),) = [block.rows for block in figure.compared]
    for cell in ner.cells:  # every seed differs by as much
        assert cell.mean == pytest.approx(-8.0 if number == "3" else -4.0 if base == 0 else 4.0)
        assert cell.sd == pytest.approx(0.0, abs=1e-9)


def test_figure_3_has_what_the_paper_prints(store):
    fill_conditions(store, "figure3")
    (figure,) = made("3", store)[1].figures
    first, *others = figure.panels[0].series
    assert [cell.published for cell in first.cells] == [63.3, 61.0]
    assert {cell.published for series in others for cell in series.cells} == {None}
    assert [[cell.published for cell in row.cells] for row in figure.compared[0].rows] == [
        [None, 6.2],
        [None, 10.5],
    ]
    assert figure.panels[1].said == "gain: UNSEEN −8.0 ± 0.0 (paper +10.5)"
    assert any("prints no values of the bars" in text for text in figure.caption)


def test_a_condition_without_runs_is_marked_and_asked_for(store):
    fill_conditions(store, "figure3", seeds=(1, 2), left_out=(2,))
    (figure,) = made("3", store)[1].figures
    whole, _, absent, _ = figure.panels[0].series
    assert [(cell.n, cell.marks) for cell in whole.cells] == [(2, ("*",))] * 2
    assert [(cell.mean, cell.marks) for cell in absent.cells] == [(None, ("*",))] * 2
    assert figure.compared[0].rows[0].cells[1].mean is None
    assert figure.panels[0].said == "gain: UNSEEN no runs yet (paper +6.2)"
    assert figure.commands == ("hxbench run hyperx/figure3",)


def test_a_gain_is_taken_over_the_seeds_that_both_have(store):
    blocks = experiment.blocks("hyperx", "figure7")
    for block, seeds, value in ((blocks[0], (1, 2), 50.0), (blocks[1], (2, 3), 40.0)):
        for wanted in experiment.block_runs(block, "demo", seeds=seeds):
            score = value + wanted.spec.seed * (3 if block is blocks[0] else 1)
            write_run(store, wanted.spec, lambda task, code, source, score=score: score)
    (figure,) = made("7", store)[1].figures
    cell = figure.compared[0].rows[0].cells[2]
    assert (cell.mean, cell.sd, cell.n, cell.marks) == (14.0, None, 1, ("*",))


def test_figure_6_derives_the_published_means_and_has_no_own_point_without_runs(store):
    (figure,) = made("6", store)[1].figures
    assert [series.title for series in figure.panels[0].series] == ["mBERT", "MAD-X", "HX-Small", "HX-Base"]
    assert {cell.mean for series in figure.series for cell in series.cells} == {None}
    unseen = figure.panels[1].series  # as the sheet has them
    assert [cell.published for cell in unseen[1].cells] == pytest.approx([47.4, 52.4, 60.2, 63.6, 72.75])
    assert [cell.published for cell in figure.panels[2].series[3].cells] == pytest.approx(
        [63.97, 76.83, 80.87, 83.60, 87.87], abs=0.01
    )
    assert printed_shot_mean("mBERT", "ner", ("ar", "br"), 5) is None, (
        "a mean of fewer languages is another number"
    )
    assert figure.commands == ("hxbench run hyperx/table5",)


def test_figure_6_has_the_means_of_the_few_shot_runs(store):
    for wanted in experiment.runs_of("hyperx", "table5", "demo", seeds=(1, 2)):
        spec, shot = wanted.spec, wanted.spec.few_shot
        if spec.method != "mbert":
            continue
        value = 30.0 if shot is None else shot.k + 0.1 * shot.draw + spec.seed
        after = {START: wanted.start.run_id} if wanted.start else {}
        write_run(store, spec.model_copy(update={"after": after}), lambda *_, value=value: value)
    results, one = made("6", store)
    shots, (figure,) = results.few_shot("table5")["mbert"], one.figures
    assert figure.at == (0.0, 5.0, 10.0, 20.0, 50.0)
    mean = fmean(0.1 * draw for draw in range(results.scale.draws)) + 1.5
    where = [(task, group) for task in ("ner", "pos") for group in ("SEEN", "UNSEEN")]
    for (task, group), panel in zip(where, figure.panels, strict=True):
        cells = panel.series[0].cells
        assert [cell.mean for cell in cells] == pytest.approx([30.0, *(k + mean for k in (5, 10, 20, 50))])
        pairs = [pair for pair in shots.pairs if pair.task == task and pair.language in members(group)]
        assert pairs
        assert [cell.mean for cell in cells] == [shots.over(pairs, k).mean for k in shots.k]
        assert [(cell.n, cell.marks) for cell in cells] == [(2, ("*",))] * 5, "the demo has a third seed"
        assert {cell.mean for series in panel.series[1:] for cell in series.cells} == {None}


def test_figure_6_says_over_how_many_seeds_where_they_differ(store):
    for wanted in experiment.runs_of("hyperx", "table5", "demo", seeds=(1, 2)):
        spec, shot = wanted.spec, wanted.spec.few_shot
        if spec.method == "mbert" and not (shot and spec.seed == 2 and shot.k == 5):
            after = {START: wanted.start.run_id} if wanted.start else {}
            write_run(store, spec.model_copy(update={"after": after}), lambda *_: 30.0)
    (figure,) = made("6", store)[1].figures
    assert "Numbers of seeds differ: 2 at 0, 1 at 5, 2 at 10, 2 at 20, 2 at 50." in figure.caption
    assert any("k = 0" in text for text in figure.caption)
    assert any("single-task" in text for text in figure.caption)
    assert "the paper does not say how many runs" in figure.heading[2]


def test_bars_over_fewer_seeds_say_so(store):
    fill_conditions(store, "figure3", seeds=(1, 2, 3), left_out=(1, 2, 3))
    fill_conditions(store, "figure3", seeds=(1, 2), left_out=(0,))
    (figure,) = made("3", store)[1].figures
    notes = dict(figure.notes)
    whole, fewer, *_ = figure.panels[0].series
    assert [cell.marks for cell in whole.cells] == [(), ()]
    assert [notes[mark] for mark in fewer.cells[0].marks] == [
        "runs are missing: the commands below make them", "over 2 seeds only",
    ]  # fmt: skip


def test_a_gain_over_different_languages_is_not_comparable(store):
    blocks = experiment.blocks("hyperx", "figure7")
    for block, lacking in ((blocks[0], ()), (blocks[1], {("ner", "tr")})):
        for wanted in experiment.block_runs(block, "demo"):
            write_run(store, wanted.spec, lambda *_: 50.0, lacking)
    (figure,) = made("7", store)[1].figures
    assert figure.panels[0].said == "gain: ALL not comparable"
    assert figure.panels[1].said.startswith("gain: ALL +0.0")


def test_what_an_absent_bar_says():
    assert label(Cell(marks=("*",))) == "no runs"
    assert label(Cell(marks=("a",))) == "no data"
    assert label(Cell(published=3.0)) == "", "which the foot explains"
    empty = by_hand(panels=(Panel("X", "F1", (Series("A", (Cell(), Cell(2.0), Cell(3.0))),)),))
    assert "No bar: there are no data for it." in sheet._foot(empty)
    assert "No bar: there are no data for it." not in sheet._foot(by_hand())
    assert label(Cell(50.04, marks=("a", "*"))) == "50.0ᵃ*"


def test_a_figure_is_in_every_format_of_a_table():
    figure = by_hand()
    rows = list(csv.DictReader(StringIO(renderer("csv")([figure.table()]))))
    found = [float(row["mean"]) for row in rows if row["mean"]]
    assert found == [50.0, 40.0] * 8
    (tree,) = json.loads(renderer("json")([figure.table()]))
    assert [block["title"] for block in tree["blocks"]] == ["X", "Y"]
    for name in ("terminal", "markdown", "latex"):
        text = renderer(name)([figure.table()])
        assert "50.0" in text
        assert "A long sentence" in text


@pytest.mark.parametrize("changes", [{}, LINES], ids=["bars", "lines"])
def test_pictures_are_what_they_say_and_the_same_every_time(changes):
    figure = by_hand(**changes)
    first = pictures(figure, PICTURES)
    assert tuple(first) == PICTURES
    assert first["png"].startswith(b"\x89PNG\r\n\x1a\n")
    assert first["pdf"].startswith(b"%PDF-")
    assert b"/CreationDate" not in first["pdf"]
    assert b"/Type /Font /Subtype /Type0" in first["pdf"].replace(b"\n", b" ") or b"/FontFile2" in first["pdf"]
    root = ElementTree.fromstring(first["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert pictures(figure, PICTURES) == first


@pytest.mark.parametrize("changes", [{}, LINES], ids=["bars", "lines"])
def test_everything_is_on_the_sheet_and_large_enough(changes):
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    with matplotlib.rc_context(style.SETTINGS):
        drawn = sheet.draw(by_hand(**changes))
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        texts = [text for text in drawn.findobj(Text) if text.get_text().strip() and text.get_visible()]
        assert len(texts) > 20
        width, height = canvas.get_width_height()
        for text in texts:
            assert text.get_fontsize() >= 8
            box = text.get_window_extent()
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
            assert inside, f"{text.get_text()} sticks out"
    said = " ".join(text.get_text() for text in texts)
    for needed in ("SYNTHETIC", "condition A with $5 & <b>", "not all runs are there yet", "ᵃ over ar only"):
        assert needed in said
    assert "commands below" not in said, "there are none below a picture"


def texts_of(figure, *, alone=False):
    """All that is written on the sheet of a figure."""
    from matplotlib.text import Text

    drawn = sheet.draw(sheet.bare(figure) if alone else figure, alone=alone)
    return [text.get_text() for text in drawn.findobj(Text) if text.get_text().strip()]


def test_a_bare_figure_has_no_heading_no_marks_and_no_sentences_but_its_abbreviations():
    whole = by_hand(places=("SEEN", "UNSEEN", "ALL"))
    said = " ".join(texts_of(whole, alone=True))
    for gone in ("by hand", "SYNTHETIC", "backbone", "long sentence", "ᵃ", "no runs", "Ours:"):
        assert gone in " ".join(texts_of(whole)), "and the whole one has it"
        assert gone not in said
    for needed in ("F1 (%)", "SEEN: languages within the pre-training; UNSEEN: outside of it", "gain: UNSEEN"):
        assert needed in said
    assert pictures(whole, ["png"], alone=True)["png"] != pictures(whole, ["png"])["png"]


def test_a_mark_of_a_gain_is_explained_below_the_picture():
    comparison = report.paper.paper_file("hyperx").entry("figure7").comparison
    said = comparisons._said(comparison, {"ALL": Cell(-1.0, 0.2, 2, 3.0, marks=("*", "b"))})
    assert said == "gain: ALL −1.0 ± 0.2*ᵇ (paper +3.0)"
    panel = Panel("X", "F1", (Series("A", (Cell(50.0), Cell(40.0), Cell(30.0))),), said=said)
    notes = (("*", "runs are missing"), ("a", "nowhere"), ("b", "over 2 seeds only"))
    foot = " ".join(texts_of(by_hand(panels=(panel,), notes=notes)))
    assert "ᵇ over 2 seeds only" in foot
    assert "nowhere" not in foot
    assert "−1.0 ± 0.2 (paper" in " ".join(texts_of(by_hand(panels=(panel,), notes=notes), alone=True))


def test_a_map_has_a_scale_the_names_of_ours_and_each_name_of_a_column_once():
    rows = tuple(Series(name, (Cell(50.0, published=40.0), Cell(120.0))) for name in ("one", "two"))
    panels = tuple(Panel(f"T5 XXL, {mode}", "", rows, places=("left", "right")) for mode in "XY")
    names = (("T5 XXL", "T5 large, 1.01m"),)
    figure = Figure("f", "T", "heat", "source", (), panels, axis="target", quantity="percent",
                    scale="percent of its own", names=names)  # fmt: skip
    said = texts_of(figure)
    assert "percent of its own" in said
    assert {"T5 large, 1.01m, X", "T5 XXL, X: published"} <= {*said}, "the paper's are the paper's"
    drawn = sheet.draw(figure)
    shown = [axes.xaxis.get_tick_params()["labelbottom"] for axes in drawn.axes[:4]]
    assert shown == [False, False, True, True]
    many = replace(figure, panels=tuple(replace(one, series=rows * 20) for one in panels))
    assert sheet.draw(many).get_figheight() < 9.7, "it fits on a page"


def test_no_deviation_leaves_the_axes_and_one_point_squeezes_no_others():
    cells = (Cell(99.0, 12.0), Cell(50.0, 1.0))
    panel = Panel("P", "score", (Series("small", cells, at=(100.0, 1000.0)),))
    (axes,) = sheet.draw(Figure("f", "T", "curves", "s", (), (panel,))).axes
    assert axes.get_ylim()[1] > 111
    assert lowest_shown([9.6, 57.0, 60.0, 66.0, 73.0]) == 57.0
    assert lowest_shown([50.0, 57.0, 60.0, 66.0, 73.0]) is None
    assert lowest_shown([9.6, 60.0]) is None
    points = ((10.0, 9.6), (20.0, 57.0), (30.0, 60.0), (40.0, 66.0), (50.0, 73.0))
    panel = Panel("P", "score", (Series("A", points=points),), front=points)
    (axes,) = sheet.draw(Figure("f", "T", "frontier", "s", (), (panel,), axis="cost")).axes
    assert axes.get_ylim()[0] > 40
    assert "9.6" in [text.get_text() for text in axes.texts], "what stands below the cut says its score"


def test_seven_series_look_all_different():
    assert len(set(zip(style.COLORS, style.HATCHES, style.MARKERS, strict=True))) == 8
    assert len(set(style.COLORS)) == len(set(style.MARKERS)) == 8


@pytest.mark.parametrize("artifact", FIGURES, ids=lambda artifact: artifact.name)
def test_a_figure_without_any_run_is_drawn_and_says_so(store, artifact):
    one = report.make(artifact, report.read_results("hyperx", store))
    (figure,) = one.figures
    assert "Nothing of ours" in " ".join(sheet._foot(figure))
    assert figure.commands
    picture = pictures(figure, ["png"])["png"]
    from matplotlib.image import imread

    assert imread(BytesIO(picture)).shape[1] == round(style.WIDTH * 200)
