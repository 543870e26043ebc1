"""PHA's figures: curves by hand, clouds and maps of made-up retrievals, and pictures that are whole."""

from dataclasses import replace

import numpy as np
import pytest
from text_store import clusters, fill_text, made_profile, read, write_text_run

from hxbench import report
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Cell, format_value, mark_best
from hxbench.report.draw import pictures, sheet, style
from hxbench.report.draw.heat import _text
from hxbench.report.papers.pha.parameters import adapter, hyperformer, pha
from hxbench.report.papers.pha.retrieved import plane
from hxbench.report.papers.pha.rows import TASKS
from hxbench.report.render import renderer
from hxbench.spec import recipe
from hxbench.store.retrieval import cosines

GLUE = TASKS["glue"]
NEW = ("cb", "scitail", "boolq")


@pytest.fixture
def profile(tmp_path):
    return made_profile(tmp_path)


def figure_of(store, profile, name):
    (figure,) = report.make(report.ARTIFACTS["pha"][name], read(store, profile)).figures
    return figure


def fill_retrievals(store, profile, seeds=(1, 2), instances=(*GLUE, *NEW), each=12):
    for seed in seeds:
        (spec,) = recipe.expand("pha", setting="multi", suite="glue", profile=profile, seeds=(seed,))
        write_text_run(store, spec, lambda task: 50.0, retrieval=clusters(GLUE, instances, seed, each))


def amount(spec, task):
    """A score that tells the amount of data, the method and the seed, and the task only in its mean."""
    data = spec.data.train_examples or 1000 * (spec.data.train_share or 0)
    return 0.01 * data + 8 * (spec.method == "pha") * (2 - spec.seed) + spec.seed + GLUE.index(task) - 3.5


def test_figure_2_has_a_curve_for_every_method_and_its_one_published_number(store, profile):
    fill_text(store, profile, "figure2", amount, methods=("adapter", "pha"))
    figure = figure_of(store, profile, "figure2")
    by_number, by_share = figure.panels
    assert [one.title for one in by_number.series] == ["FT", "AD", "HF", "HD", "PHA"]
    assert [one.title for one in by_share.series] == ["AD", "HF", "HD", "PHA"], "FT has no points there"
    assert by_number.places == ("100", "500", "1000", "2000", "4000")
    curves = {one.title: one.cells for one in by_number.series}
    assert [cell.mean for cell in curves["AD"]] == pytest.approx(
        [0.01 * n + 1.5 for n in (100, 500, 1e3, 2e3, 4e3)]
    )
    assert [cell.mean for cell in curves["PHA"]] == pytest.approx([cell.mean + 4 for cell in curves["AD"]])
    assert [cell.mean for cell in by_share.series[0].cells] == pytest.approx(
        [0.01 * s + 1.5 for s in (10, 30, 50)]
    )
    assert all(cell.published is None for one in figure.series for cell in one.cells)
    assert figure.caption[0] == (
        "PHA − AD at 100 examples: ours +4.0 ± 5.7, published +8.0, the only number given."
    )
    assert [figure.number(one) for one in by_share.series] == [1, 2, 3, 4], "a method looks alike in both panels"
    first, second = figure.tables()
    assert [(t.name, len(t.columns)) for t in (first, second)] == [("figure2-a", 5), ("figure2-b", 3)]
    assert first.commands == ()
    assert second.commands == (f"hxbench run pha/figure2 --profile {profile}",)


def test_figure_3_says_how_large_the_backbones_are(store, profile):
    fill_text(store, profile, "figure3", lambda spec, task: len(spec.backbone.name) + spec.seed, methods=("pha",))
    figure = figure_of(store, profile, "figure3")
    assert figure.places == ("small (60m)", "base (60m)", "large (60m)")
    for panel in figure.panels:
        assert [cell.mean for cell in panel.series[-1].cells] == [9.5, 8.5, 9.5]
    assert any("500 examples" in text for text in figure.caption)
    assert len(figure.tables()) == 1


def test_figure_4_draws_one_run_and_counts_them_all(store, profile):
    fill_retrievals(store, profile)
    figure = figure_of(store, profile, "figure4")
    features, z = figure.panels
    assert [len(one.points) for panel in (features, z) for one in panel.series] == [12] * 16
    assert z.series[0].title == "CoLA"
    assert features.said == "silhouette 0.15±0.07"
    assert z.said == "silhouette 0.50±0.00, nearest 0.90±0.00"
    assert "seed 1" in figure.caption[0]
    (rows,) = (block.rows for block in figure.table().blocks)
    assert [[cell.mean for cell in row.cells] for row in rows] == [
        [pytest.approx(0.15), None], [0.5, pytest.approx(0.9)],
    ]  # fmt: skip
    middles = {one.title: np.mean(one.points, axis=0) for one in z.series}
    for one in z.series:
        for point in one.points:
            nearest = min(middles, key=lambda name: np.linalg.norm(middles[name] - point))
            assert nearest == one.title, "what lies together stays together"


def test_places_are_the_same_every_time():
    rows = np.random.default_rng(0).normal(size=(30, 8))
    assert np.array_equal(plane(rows), plane(rows))


def test_cosines_equal_a_slow_loop():
    random = np.random.default_rng(1)
    prototypes, z = random.normal(size=(3, 5)), random.normal(size=(7, 5))
    for i, one in enumerate(z):
        for j, prototype in enumerate(prototypes):
            slow = sum(a * b for a, b in zip(one, prototype, strict=True))
            slow /= sum(a * a for a in one) ** 0.5 * sum(b * b for b in prototype) ** 0.5
            assert cosines(prototypes, z)[i, j] == pytest.approx(slow)
    assert np.isfinite(cosines(prototypes, np.zeros((1, 5)))).all()


def test_figure_5_has_mean_similarities_and_the_papers_matches(store, profile):
    fill_retrievals(store, profile)
    figure = figure_of(store, profile, "figure5")
    same, new = figure.panels
    assert figure.places == ("CoLA", "SST-2", "STS-B", "MRPC", "QQP", "MNLI", "QNLI", "RTE")
    for row, one in enumerate(same.series):
        assert [cell.best for cell in one.cells] == [column == row for column in range(8)]
        assert one.cells[row].n == 2
    by_hand = []
    for seed in (1, 2):
        _, arrays = clusters(GLUE, (*GLUE, *NEW), seed)
        z = arrays["z"][arrays["task"] == 8].astype(float)
        k = arrays["prototypes"].astype(float)
        by_hand.append((z @ k[1] / np.linalg.norm(z, axis=1) / np.linalg.norm(k[1])).mean())
    assert new.series[0].title == "CB"
    assert new.series[0].cells[1].mean == pytest.approx(np.mean(by_hand))
    marked = {
        one.title: [place for place, cell in zip(figure.places, one.cells, strict=True) if cell.marks]
        for one in new.series
    }
    assert marked == {"CB": ["MNLI"], "SciTail": ["STS-B"], "BoolQ": ["QNLI"]}
    assert max(map(len, renderer("terminal")([figure.table()]).splitlines())) <= 100


def test_tasks_without_instances_say_so(store, profile):
    fill_retrievals(store, profile, instances=GLUE)
    figure = figure_of(store, profile, "figure5")
    notes = dict(figure.notes)
    (mark, *_) = figure.panels[1].series[0].cells[0].marks
    assert notes[mark] == "the runs have no instances of this task"
    assert figure.panels[0].series[0].cells[0].mean is not None


def test_runs_without_retrieval_are_told(store, profile):
    fill_retrievals(store, profile, seeds=(1,))
    (spec,) = recipe.expand("pha", setting="multi", suite="glue", profile=profile, seeds=(2,))
    write_text_run(store, spec, lambda task: 50.0)
    figure = figure_of(store, profile, "figure4")
    assert any(spec.run_id in text and "without its instances" in text for text in figure.remarks)
    assert "*" in dict(figure.notes)


def test_formulas_are_those_of_the_sheet():
    assert pha(8, 12) == 4_487_424
    assert hyperformer(8, 12) == 5_163_440
    assert adapter(8, 12) == 8 * (1_855_104 - 47_616)
    assert pha(9, 12) - pha(8, 12) == 128
    assert adapter(1, 24) == 2 * adapter(1, 12)


def test_values_of_new_kinds():
    assert [format_value(v, "parameters") for v in (560_928, 76_800, 1_855_104, 220e6, 999_700, 12)] == [
        "561k", "76.8k", "1.86m", "220m", "1m", "12",
    ]  # fmt: skip
    assert [format_value(v, "share") for v in (0.614, -0.001, -0.5)] == ["0.61", "0.00", "-0.50"]
    cells = mark_best([Cell(0.614), Cell(0.616)], "share")
    assert [cell.best for cell in cells] == [False, True]


def by_hand(kind):
    """A figure of a new kind, some of it missing."""
    heat = tuple(
        Series(name, (Cell(-0.25, best=True), Cell(0.5, marks=("a",)), Cell())) for name in ("CoLA", "RTE")
    )
    random = np.random.default_rng(0).normal(size=(9, 2))
    cloud = (Series("CoLA with $5", points=tuple(map(tuple, random.tolist()))), Series("RTE"))
    panels = tuple(Panel(t, "", heat if kind == "heat" else cloud, said="silhouette 0.5") for t in "XY")
    return Figure(
        "figure0", "A figure by hand", kind, "task", ("CoLA", "SST-2", "RTE"), panels, axis="prototype",
        heading=("profile demo: SYNTHETIC", "backbone"), caption=("A long sentence of many words. " * 9,),
        notes=(("a", "the top"),), quantity="share",
    )  # fmt: skip


def on_sheet(figure):
    """Return the texts of a figure after checking that all of them are on its sheet and can be read."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    with matplotlib.rc_context(style.SETTINGS):
        drawn = sheet.draw(figure)
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        width, height = canvas.get_width_height()
        texts = [text for text in drawn.findobj(Text) if text.get_text().strip() and text.get_visible()]
        for text in texts:
            assert text.get_fontsize() >= 8
            box = text.get_window_extent()
            inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
            assert inside, f"{text.get_text()} sticks out"
    return " ".join(text.get_text() for text in texts)


@pytest.mark.parametrize("kind", ["heat", "scatter"])
def test_pictures_are_whole_and_the_same_every_time(kind):
    said = on_sheet(by_hand(kind))
    assert "SYNTHETIC" in said
    assert "A long sentence" in said
    assert ("CoLA with $5" if kind == "scatter" else "−.25") in said
    assert pictures(by_hand(kind), ["svg"]) == pictures(by_hand(kind), ["svg"])


@pytest.mark.parametrize("kind", ["heat", "scatter"])
def test_a_picture_of_nothing_says_so(kind):
    whole = by_hand(kind)
    bare = tuple(Series(one.title, (Cell(),) * 3 if kind == "heat" else ()) for one in whole.panels[0].series)
    said = on_sheet(replace(whole, panels=tuple(replace(panel, series=bare) for panel in whole.panels)))
    assert "no runs yet" in said
    assert "Nothing of ours" in said


def test_what_a_field_of_the_map_says():
    figure = by_hand("heat")
    assert [_text(cell, figure) for cell in figure.panels[0].series[0].cells] == ["−.25", ".50ᵃ", ""]
    assert _text(Cell(1.0, marks=("*",)), figure) == "1.00"


@pytest.mark.parametrize("name", ["figure2", "figure3", "figure4", "figure5", "parameters"])
def test_pictures_of_the_paper_are_drawn_with_runs_and_without(store, profile, name):
    said = on_sheet(figure_of(store, profile, name))
    assert ("Nothing of ours" in said) == (name != "parameters")
    if name in ("figure2", "figure3"):
        fill_text(store, profile, name, lambda spec, task: 50.0, methods=("pha",))
    else:
        fill_retrievals(store, profile)
    figure = figure_of(store, profile, name)
    said = on_sheet(figure)
    assert ("Ours" in said) == (name != "parameters")
    assert ("SYNTHETIC" in said) == (name != "parameters")


def test_percent_are_whole_and_no_darker_than_a_hundred():
    rows = (Series("CoLA", (Cell(100.4, published=91.0), Cell(250.0), Cell())),)
    figure = replace(by_hand("heat"), panels=(Panel("X", "", rows),), quantity="percent")
    assert [_text(cell, figure) for cell in rows[0].cells] == ["100", "250", ""]
    assert "X: published" in on_sheet(figure)
    [image, theirs] = [axes.images[0] for axes in sheet.draw(figure).axes]
    assert image.get_clim() == theirs.get_clim() == (0, 100)
    assert image.cmap(image.norm(100.4)) == image.cmap(image.norm(250.0))
    assert theirs.get_array().tolist()[0][0] == 91
