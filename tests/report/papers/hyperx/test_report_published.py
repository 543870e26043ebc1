"""The paper's numbers: complete, found, and fed through our averages they give its averages."""

import pytest
from filled_store import PAPER_NAME, PAPER_SETTING
from hypothesis import given, settings
from hypothesis import strategies as st

from hxbench import places, report
from hxbench.errors import InputError
from hxbench.report.artifact.published import published
from hxbench.report.papers.hyperx.rows import BLOCKS, GROUPS, ORDER, SCORING, members
from hxbench.report.scores.run_set import RunSet
from hxbench.spec.settings import Model, models

# the sheet's list of aggregates that the paper's own cells do not give
ODD = {
    ("Hyper-X Base", "mixed", "ner", "ALL"): 62.19,
    ("MAD-X", "single", "pos", "SEEN"): 67.80,
    ("Hyper-X Base", "multi", "pos", "ALL"): 63.47,
}


def test_the_tables_are_complete():
    counts = {}
    for row in published("hyperx").rows:
        counts[row["artifact"]] = counts.get(row["artifact"], 0) + 1
    assert (counts["Table 2"], counts["Table 3"], counts["Table 6"]) == (96, 14, 456)


def contradictions(numbers, row):
    """What a printed score has against it: the other table, its own cells, or the table that it starts from."""
    here, artifact, group = float(row["value"]), row["artifact"], row["group"]
    where = row["row"], row["column"], row["metric"]
    other = {"Table 2": "Table 6", "Table 6": "Table 2"}.get(artifact, "") if group in GROUPS else ""
    if (there := numbers.value(other, *where, group)) not in (None, here):
        yield f"the paper's {other} prints {there:.1f}"
    if other == "Table 2":
        cells = [numbers.value("Table 6", *where, code) for code in members(group)]
        mean = sum(cells) / len(cells)
        if abs(mean - here) > 0.065:
            yield f"the paper's own cells average {mean:.2f}"
    if (artifact, row["column"]) == ("Table 5", "k=0"):
        single, multi = "English single-task", "English multi-task"
        start = single if row["row"] == "MAD-X" else multi
        there, alone = (numbers.value("Table 6", row["row"], one, row["metric"], group) for one in (start, single))
        if there != here:
            yield "the single-task score" if alone == here else f"the paper's Table 6 prints {there:.1f}"


def test_a_printed_score_that_the_paper_contradicts_has_a_note():
    numbers = published("hyperx")
    scores = [row for row in numbers.rows if row["metric"] in ("NER F1", "POS accuracy")]
    found = {tuple(row.values()): [*contradictions(numbers, row)] for row in scores}
    for row in scores:
        texts = found[tuple(row.values())]
        assert all(text in row["note"] for text in texts), row
        assert bool(texts) == bool(row["note"]) or row["note"].startswith("the text has"), row
    assert sum(map(bool, found.values())) == 21


def test_units_are_one():
    numbers = published("hyperx")
    assert numbers.value("Table 2", "mBERT", "English single-task", "params") == 177e6
    assert numbers.value("Table 2", "mBERT", "English single-task", "training time") == 7200
    assert numbers.value("Table 2", "mBERT", "English single-task", "NER F1", "SEEN") == 53.4
    assert numbers.value("Table 2", "nobody", "English single-task", "NER F1", "SEEN") is None


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n"])
def test_a_broken_file_is_one_sentence(tmp_path, monkeypatch, content):
    monkeypatch.setattr(places, "shipped", lambda name: tmp_path)
    if content:
        (tmp_path / "broken.csv").write_text(content)
    with pytest.raises(InputError, match=r"broken\.csv"):
        published("broken")
    published.cache_clear()


def test_groups_are_those_of_the_paper():
    assert members("SEEN") == tuple("ar br is kk ta tr yo zh".split())
    assert sorted(members("UNSEEN")) == sorted("fo gn hsb mt sa ug yue".split())
    assert sorted(members("ALL")) == sorted({*members("SEEN"), *members("UNSEEN")})
    assert "en" not in members("ALL")


@pytest.mark.parametrize("task", ["ner", "pos"])
@pytest.mark.parametrize("setting", list(PAPER_SETTING))
def test_published_cells_give_published_means(published_store, task, setting):
    tables = {t.name: t for t in report.build("hyperx", "6", published_store)}
    table = tables[f"table6-{task}-{setting}"]
    rows = {row.title.split("(")[-1].rstrip(")"): row for block in table.blocks for row in block.rows}
    assert list(rows) == [*ORDER, *GROUPS]
    titles = [column.title for column in table.columns]
    checked = 0
    shown = next(block.methods for block in BLOCKS if block.setting == setting)
    assert {method.method for method in shown} <= set(PAPER_NAME)
    for method in shown:
        row = method.published
        index = titles.index(method.title)
        for code in ORDER:
            cell = rows[code].cells[index]
            assert cell.mean == pytest.approx(cell.published)
            assert (cell.sd, cell.n) == (pytest.approx(0), 3)
        for group in GROUPS:
            cell = rows[group].cells[index]
            if odd := ODD.get((row, setting, task, group)):
                assert cell.mean == pytest.approx(odd, abs=0.006)
                notes = [text for mark, text in table.notes if mark in cell.published_marks]
                assert any(f"average {odd:.2f}" in note for note in notes)
            else:
                assert cell.mean == pytest.approx(cell.published, abs=0.0601)
            checked += 1
    assert checked == 3 * len(titles) == {"single": 12, "multi": 9, "mixed": 15}[setting]
    assert table.commands == ()


def test_table_2_shows_the_same_means_and_marks_where_the_paper_disagrees(published_store):
    (table,) = report.build("hyperx", "table2", published_store)
    six = {t.name: t for t in report.build("hyperx", "table6", published_store)}
    ner = next(b for b in six["table6-ner-mixed"].blocks if b.rows[0].title == "SEEN")
    block = table.blocks[2]
    assert [row.title for row in block.rows] == ["mBERT", "PSF", "MAD-X MS", "HX-Small", "HX-Base"]
    for index, row in enumerate(block.rows):
        for place, group in enumerate(ner.rows):
            assert row.cells[3 + place].mean == group.cells[index].mean
    multi = table.blocks[1].rows[0]
    assert multi.title == "mBERT"
    marks = [cell.published_marks for cell in multi.cells[6:]]
    said = [dict(table.notes)[mark] for (mark,) in marks]
    assert said == [f"the paper's Table 6 prints {value}" for value in ("66.3", "48.2", "57.9")]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_group_mean_equals_the_obvious_one(data):
    """Random scores, seeds, missing models and missing languages against a computation by hand."""
    value = st.floats(0, 100)
    seeds = (1, 2, 3)
    side_a = {"br", "kk", "tr", "yo", "zh", "gn", "sa", "yue"}  # NER sources of a, from the paper
    absent = data.draw(st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from(seeds)), max_size=3))
    lacking = data.draw(st.sets(st.sampled_from(ORDER), max_size=6))
    runs, truth = {}, {}
    for seed in seeds:
        for part in "ab":
            rows = []
            for code in ORDER:
                is_source = code == "en" or (code in side_a) == (part == "a")
                if code in lacking:
                    continue
                score = data.draw(value)
                rows.append({"split": "test", "task": "ner", "language": code, "metric": "f1", "value": score,
                             "role": "source" if is_source else "target"})  # fmt: skip
                if not is_source:
                    truth[seed, code] = score
            if (part, seed) not in absent:
                runs[Model(None, part), seed] = rows
    found = RunSet(models("mixed"), seeds, runs, SCORING).group("ner", "UNSEEN")
    whole = [seed for seed in seeds if not absent & {("a", seed), ("b", seed)}]
    codes = [code for code in ("gn", "hsb", "fo", "mt", "sa", "ug", "yue") if code not in lacking]
    expected = [sum(truth[seed, code] for code in codes) / len(codes) for seed in whole] if codes else []
    assert found.values == pytest.approx(expected)
    assert found.incomplete == (len(whole) < 3)
    if whole:
        assert found.covers == set(codes)
        assert set(found.lacking) == {"gn", "hsb", "fo", "mt", "sa", "ug", "yue"} & lacking
