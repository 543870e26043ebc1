"""The table of held-out languages: which rows it reads, from which runs, and what it says of missing ones."""

import pytest
from filled_store import score_rows, write_run
from older_runs import reseal

from hxbench.report.papers.hyperx import interpolation
from hxbench.report.papers.hyperx.results import Results
from hxbench.spec import experiment, recipe
from hxbench.spec.languages import language_set
from hxbench.store import Store

OFFSET = {"mean": 10.0, "family": 20.0, "nearest": 30.0}
HELD = [block.data["held_out"] for block in experiment.blocks("hyperx", "interpolation") if block.data]
LANGUAGES = language_set("sandbox")
HERE = {language.paper_code: code for code, language in LANGUAGES.items()}


def base(task, code, seed):
    """A score that tells task, language and seed apart."""
    return {"ner": 0.0, "pos": 30.0}[task] + list(HERE).index(code) + seed / 10


def composed_rows(spec):
    """What training leaves beside the ordinary rows."""
    rows = []
    for ordinary in score_rows(spec, lambda task, code, source: base(task, code, spec.seed)):
        code = LANGUAGES[ordinary["language"]].paper_code
        if code not in spec.data.held_out:
            continue
        for way, offset in OFFSET.items():
            known = {"mean": ["en", "fo", "zh"], "family": ["en", "fo"], "nearest": ["zh"]}[way]
            if way == "family" and code == "gn":
                known = ["en", "fo", "zh"]
            made_of = {HERE[other]: 1 / len(known) for other in known}
            more = {"split": "test-composed", "embedding": way, "composed_of": made_of, "role": "target"}
            rows.append({**ordinary, **more, "value": ordinary["value"] + offset})
    return rows


def write(store, specs):
    for spec in specs:
        held = set(spec.data.held_out)
        # a model that a pair is an ordinary source of must not be asked; the held-out ones have none for theirs
        write_run(store, spec, lambda task, code, source, held=held, seed=spec.seed: (
            base(task, code, seed) + (0 if held else 40) + (-1000 if source else 0)
        ))  # fmt: skip
        record = store.get(spec.run_id)
        with (record.folder / "metrics.jsonl").open("a") as rows:
            from hxbench.store.files import to_json_lines

            rows.write(to_json_lines(composed_rows(spec)))
        reseal(record.folder)


@pytest.fixture
def specs():
    wanted = [one.spec for one in experiment.runs_of("hyperx", "interpolation", "demo")]
    assert len(wanted) == 3 * 2 * len(recipe.load("profiles", "demo").seeds)
    return wanted


def values(table):
    return {
        (block.title, row.title): {c.title: cell for c, cell in zip(table.columns, row.cells, strict=True)}
        for block in table.blocks
        for row in block.rows
    }


def test_the_groups_cover_what_they_are_for():
    codes = [code for held in HELD for code in held]
    assert len(set(codes)) == len(codes) == 8
    for held in HELD:
        assert {LANGUAGES[HERE[code]].group for code in held} == {"seen", "unseen"}


def test_every_embedding_has_its_scores(tmp_path, specs):
    write(store := Store(tmp_path), specs)
    [table] = interpolation.build(Results(store))
    found = values(table)
    assert len(found) == 2 * 9
    for task, title in (("ner", "NER F1"), ("pos", "POS accuracy")):
        for code in [code for held in HELD for code in held]:
            row = found[title, f"{HERE[code]} ({code})"]
            expected = {"own": 0.0, "mean": 10, "family": 20, "nearest": 30, "with text": 40}
            for name, more in expected.items():
                assert row[name].mean == pytest.approx(base(task, code, 2) + more), (task, code, name)
                assert row[name].sd == pytest.approx(0.1)
                assert row[name].n == 3
            assert [name for name, cell in row.items() if cell.best] == ["nearest"]
            assert bool(row["family"].marks) == (code == "gn")
        mean = sum(base(task, code, 2) for held in HELD for code in held) / 8
        assert found[title, "mean"]["family"].mean == pytest.approx(mean + 20)
        assert found[title, "mean"]["with text"].mean == pytest.approx(mean + 40)
    assert table.commands == ()
    assert [text for _, text in table.notes] == ["no relative is among the known languages: the mean of all"]
    [said] = [text for text in table.remarks if text.startswith("nearest by tokens")]
    assert f"{HERE['gn']} (gn): {HERE['zh']} (zh)" in said


def test_missing_runs_are_told_with_the_command(tmp_path, specs):
    store = Store(tmp_path)
    [table] = interpolation.build(Results(store, "demo"))
    assert all(cell.mean is None for row in values(table).values() for cell in row.values())
    assert any(command.startswith("hxbench run hyperx/interpolation") for command in table.commands)
    write(store, [spec for spec in specs if spec.data.held_out == tuple(HELD[0]) and spec.seed == 1])
    [table] = interpolation.build(Results(store))
    found = values(table)
    row = found["NER F1", f"{HERE[HELD[0][0]]} ({HELD[0][0]})"]
    assert row["family"].mean == pytest.approx(base("ner", HELD[0][0], 1) + 20)
    assert "*" in row["family"].marks
    assert row["with text"].mean is None
    assert found["NER F1", f"{HERE[HELD[1][0]]} ({HELD[1][0]})"]["family"].mean is None
    assert found["NER F1", "mean"]["family"].mean is None, "a mean over one group would be another mean"
