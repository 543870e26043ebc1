"""Figure 7 from a made-up store: matrices, means, what is missing, and that it can be drawn and read."""

import pytest
from transfer_store import PROFILE, made_profile, specs, write

from hxbench import places
from hxbench.report.draw import pictures
from hxbench.report.draw.heat import beside_published
from hxbench.report.papers.pet.figure7 import CHOSEN, FREQUENT, build
from hxbench.report.papers.pet.results import Results
from hxbench.report.papers.pet.transfer import models_of
from hxbench.report.render import latex, markdown, terminal, unrounded
from hxbench.spec import experiment

OWN = 80.0


@pytest.fixture
def profile(tmp_path):
    return made_profile(tmp_path)


def fill(store, profile, *, leave_out=lambda spec: False):
    """Write runs that score as the paper prints, of an own training that scores 80; seed 2 a tenth better."""
    sizes = {
        "bert-small": "bert-small",
        "bert-large": "bert-large",
        "t5-v1_1-small": "t5-small",
        "t5-v1_1-xxl": "t5-large",
    }
    printed = {(m.backbone.size, m.places): m for m in models_of(Results(store, profile))}
    for spec in specs(profile):
        model = printed[sizes[spec.backbone.name], spec.options["places"]]
        if not leave_out(spec):
            better = 1.1 if spec.seed == 2 else 1.0
            write(store, spec, lambda t, m=model, s=spec, b=better: b * OWN / 100 * m.printed(s.task, t))


def test_scores_as_published_give_the_published_figure(store, profile):
    fill(store, profile)
    small, large, means = build(Results(store, profile))
    assert [panel.title for panel in small.panels] == [
        "BERT SMALL, INNER", "BERT SMALL, INSERT", "T5 SMALL, INNER", "T5 SMALL, INSERT",
    ]  # fmt: skip
    assert [len(panel.places) for panel in large.panels] == [8, 8, 11, 11]
    for figure in (small, large):
        for panel in figure.panels:
            assert tuple(one.title for one in panel.series) == panel.places
            for row, one in enumerate(panel.series):
                for column, cell in enumerate(one.cells):
                    assert cell.mean == pytest.approx(cell.published)
                    assert (cell.n, cell.marks) == (2, ())
                    assert row != column or cell.mean == 100
    for panel in means.panels:
        assert [one.title for one in panel.series] == [
            "within a type",
            "across types",
            "across, labels only",
            "from labels to text",
            "from text to labels",
            CHOSEN,
            FREQUENT,
        ]
        for one in panel.series[:5]:
            assert [cell.mean for cell in one.cells] == pytest.approx([cell.published for cell in one.cells])
        assert all(cell.published is None for cell in panel.series[6].cells)
        assert all(
            cell.mean == pytest.approx((100 * 50 / 80 + 100 * 50 / 88) / 2) for cell in panel.series[6].cells
        )
        assert panel.series[0].cells[0].mean > panel.series[1].cells[0].mean, "what the paper says of BERT SMALL"
    assert not any(figure.commands for figure in (small, large, means))


@pytest.mark.matrix
def test_labels_found_most_likely_have_a_row_of_their_own(store, profile):
    """All write nothing of another task; choosing gives 40, and 80 on the own task."""
    for spec in specs(profile):
        writes = spec.backbone.name.startswith("t5")
        write(
            store,
            spec,
            lambda task, own=spec.task: OWN if task == own else 0.0,
            chosen=(lambda task, own=spec.task: OWN if task == own else 40.0) if writes else None,
        )
    small, _, means = build(Results(store, profile))
    rows = {one.title: one.cells for one in means.panels[0].series}
    assert [cell.mean for cell in rows["from text to labels"]] == [None, None, 0.0, 0.0]
    assert [cell.mean for cell in rows[CHOSEN]] == [None, None, 50.0, 50.0]
    assert [cell.published for cell in rows[CHOSEN]] == [c.published for c in rows["from text to labels"]]
    assert [panel.title for panel in small.panels] == [
        "BERT SMALL, INNER", "BERT SMALL, INSERT", "T5 SMALL, INNER", "T5 SMALL, INNER, chosen",
        "T5 SMALL, INSERT", "T5 SMALL, INSERT, chosen",
    ]  # fmt: skip
    written, chosen = small.panels[2:4]
    labelled = written.places[:8]
    assert chosen.places == labelled, "text has no labels to choose among"
    for row, other in zip(written.series, chosen.series, strict=True):
        assert [cell.mean for cell in row.cells] == [100.0 * (row.title == place) for place in written.places]
        assert [cell.mean for cell in other.cells] == [100.0 if row.title == p else 50.0 for p in labelled]
        assert [cell.published for cell in other.cells] == [cell.published for cell in row.cells[:8]]
    [told] = [remark for remark in small.remarks if remark.startswith("answers are ")]
    assert told == (
        "answers are by a head over the classes (bert-small); written freely, and wrong where they are no label "
        "(t5-v1_1-small)."
    )
    assert any("Ours are shown both ways" in remark for remark in small.remarks)


@pytest.mark.matrix
def test_runs_that_only_choose_take_the_place_of_those_that_write_and_are_called_so(store, profile, tmp_path):
    own = tmp_path / "own.yaml"
    text = (places.recipe_folders()[0] / "pet" / "figure7.yaml").read_text()
    own.write_text(text.replace("choose: true", "choose: normalised").replace("sweep: transfer\n", ""))
    for spec in specs(profile):
        write(store, spec, lambda task: 10.0, chosen=(lambda task: 20.0) if spec.training.choose else None)
    asked = [one.spec for one in experiment.runs_of("pet", str(own), profile)]
    for spec in (one for one in asked if one.training.choose):
        write(store, spec, lambda task, own=spec.task: OWN if task == own else 40.0)
    small, *_ = build(Results(store, profile, str(own)))
    assert [panel.title for panel in small.panels[2:]] == [
        "T5 SMALL, INNER, by normalised likelihood", "T5 SMALL, INSERT, by normalised likelihood",
    ]  # fmt: skip
    assert {cell.mean for panel in small.panels[2:] for one in panel.series for cell in one.cells} == {50.0, 100.0}
    assert any("were probably chosen among the labels. So are ours here." in one for one in small.remarks)
    plain, *_ = build(Results(store, profile))
    assert {cell.mean for panel in plain.panels[2:] for one in panel.series for cell in one.cells} == {100.0}


def test_the_papers_contradiction_is_told_where_its_numbers_stand(store, profile):
    """Means of the printed cells, by hand: 24 from the text tasks to those with labels, 24 back."""
    small, large, means = build(Results(store, profile))
    text, found = ("NQ", "SAMS", "MN"), []
    for panel in (*small.panels[2:], *large.panels[2:]):
        printed = {
            (row.title, place): cell.published
            for row in panel.series
            for place, cell in zip(panel.places, row.cells, strict=True)
        }
        cells = [v for (s, t), v in printed.items() if s in text and t not in text]
        assert len(cells) == 24
        found.append(f"{sum(cells) / 24:.0f}")
    assert sorted(found) == ["47", "51", "52", "56"]
    [told] = [remark for remark in means.remarks if "contradicts itself" in remark]
    assert "INNER" in told
    assert all(one in told for one in found)
    bert = means.panels[0].series[4].cells[:2]
    assert [cell.published for cell in bert] == [None, None], "BERT has no tasks that are answered in text"
    assert any("contradicts itself" in remark for remark in small.remarks)


def test_the_tables_fit_a_terminal_and_have_both_values(store, profile):
    fill(store, profile)
    figures = build(Results(store, profile))
    tables = [table for figure in figures for table in figure.tables()]
    assert len(tables) == 4 + 4 + 1
    assert len({table.name for table in tables}) == 9
    text = terminal.render(tables)
    assert max(len(line) for line in text.splitlines() if "hxbench" not in line) <= 100
    assert text.count("\nSAMS ") == 4, "a matrix is in one piece"
    assert "Published rows read by the pattern of their neighbours: T5 SMALL, INSERT: SAMSum." in " ".join(
        text.split()
    )
    assert "not stated in the paper: the budget (here lora)" in " ".join(text.split())
    assert unrounded.render_csv(tables).count("\n") > 740
    for renderer in (markdown, latex):
        assert "RT" in renderer.render(tables)


@pytest.mark.matrix
def test_the_published_map_stands_beside_ours(store, profile):
    fill(store, profile)
    small, *_ = build(Results(store, profile))
    drawn = beside_published(small)
    assert [panel.title for panel in drawn[:2]] == ["BERT SMALL, INNER", "BERT SMALL, INNER: published"]
    assert len(drawn) == 8
    for ours, theirs in zip(drawn[::2], drawn[1::2], strict=True):
        for one, other in zip(ours.series, theirs.series, strict=True):
            assert [cell.published for cell in one.cells] == [cell.mean for cell in other.cells]


@pytest.mark.matrix
def test_it_is_drawn_the_same_every_time_and_without_runs_too(store, profile):
    for figure in build(Results(store, profile)):
        once, again = (pictures(figure, ["svg"])["svg"] for _ in range(2))
        assert once == again
        assert b"<svg" in once


def test_missing_runs_are_marked_and_made_by_the_experiment(store, profile):
    fill(store, profile, leave_out=lambda spec: spec.task == "rte" and spec.seed == 2)
    small, _, means = build(Results(store, profile))
    at = {place: number for number, place in enumerate(small.panels[0].places)}
    rows = {one.title: one.cells for one in small.panels[0].series}
    assert rows["RTE"][at["SST2"]].marks == rows["SST2"][at["RTE"]].marks == ("*",)
    assert rows["RTE"][at["SST2"]].n == 1
    assert rows["MNLI"][at["SST2"]].marks == ()
    assert means.panels[0].series[0].cells[0].marks == ("*",)
    assert [cell.n for cell in means.panels[0].series[0].cells] == [1, 1, 1, 1]
    for figure in (small, means):
        [command] = figure.commands
        assert command.startswith("hxbench run pet/figure7 --profile")


def test_runs_of_another_budget_or_without_transfer_do_not_count(store, profile):
    for spec in specs(profile):
        if spec.seed == 1:
            other = spec.options | {"budget": "prompt"}
            write(store, spec.model_copy(update={"options": other}), lambda task: 50.0)
            write(store, spec.model_copy(update={"transfer": ()}), lambda task: 50.0)
    small, *_ = build(Results(store, profile))
    assert all(cell.mean is None for panel in small.panels for one in panel.series for cell in one.cells)


def test_a_profile_without_a_size_shows_what_the_paper_has(store, tmp_path):
    sizes = "{t5-small: t5-v1_1-small, t5-large: t5-v1_1-xxl}"
    text = "\n".join(f"sizes: {sizes}" if line.startswith("sizes") else line for line in PROFILE.splitlines())
    small, _, means = build(Results(store, made_profile(tmp_path, text=text)))
    assert "profile made has nothing in place of BERT SMALL." in small.remarks
    assert "profile made has nothing in place of BERT SMALL, BERT LARGE." in means.remarks
    [cell] = {(cell.mean, cell.marks) for cell in small.panels[0].series[0].cells}
    assert cell == (None, ())
    assert small.panels[0].series[0].cells[1].published == 91
    assert "t5-v1_1-small" in small.heading[1]
    assert "bert" not in small.heading[1]
