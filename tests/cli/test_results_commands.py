"""`results`, `compare`, `report --json` and `runs list` for programs: the store's numbers, nothing rounded."""

import csv
import io
import json
import os

import pandas
import pytest
from command_line import hxbench

from hxbench import api
from hxbench.errors import InputError
from hxbench.spec import recipe
from hxbench.store import Store

COUNTS = {"mbert": (1, 1, 0, 1), "hyperx-base": (1, 0, 0, 1)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two methods in two seeds, with the counts of four sentences."""
    store = Store(tmp_path_factory.mktemp("results"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda handle: None)
        for method, correct in COUNTS.items():
            for seed in (1, 2):
                row = {"split": "test", "task": "pos", "language": "qab", "metric": "accuracy", "role": "target",
                       "value": 25.0 * sum(correct), "step": 3, "sentences": 4}  # fmt: skip
                with store.open_run(recipe.resolve(method, setting="multi", seed=seed)) as run:
                    run.write_metrics([row, {"split": "cost", "metric": "wall_seconds", "value": 0.1 + 0.2}])
                    columns = {"task": ["pos"] * 4, "language": ["qab"] * 4}
                    numbers = {"correct": correct, "predicted": [1] * 4, "gold": [1] * 4}
                    run.write_sentence_counts({**columns, **numbers})
                    run.finish()
    return store.root


def test_results_are_the_frame_in_every_format(place, tmp_path):
    frame = Store(place).frame()
    shown = hxbench("results", "--store", place)
    assert (shown.code, shown.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [*rows[0]] == [*frame]
    assert [float(row["value"]) for row in rows] == [*frame.value], "nothing is rounded"
    of_json = json.loads(hxbench("results", "--store", place, "--format", "json").out)
    assert [(row["run"], row["seed"], row["value"], row["k"]) for row in of_json] == [
        (row.run, row.seed, row.value, None) for row in frame.itertuples()
    ]
    for name in ("csv", "json", "parquet"):
        file = tmp_path / f"all.{name}"
        assert hxbench("results", "--store", place, "--out", file).code == 0
        read = {"csv": pandas.read_csv, "json": pandas.read_json, "parquet": pandas.read_parquet}[name](file)
        assert [*read.value] == pytest.approx([*frame.value], abs=0)
    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "all.parquet"), frame, check_dtype=False)


def test_a_file_of_an_unknown_ending_is_refused_unless_its_format_is_said(place, tmp_path):
    refused = hxbench("results", "--store", place, "--out", tmp_path / "all.xyz")
    assert refused.code == 2
    assert "expected a file that ends in .csv, .parquet or .json." in " ".join(refused.err.split())
    assert not (tmp_path / "all.xyz").exists()
    assert hxbench("results", "--store", place, "--out", tmp_path / "all.xyz", "--format", "csv").code == 0
    assert hxbench("results", "--store", place, "--out", tmp_path / "all").code == 0
    assert (tmp_path / "all").read_text() == (tmp_path / "all.xyz").read_text()


def test_where_chooses_rows(place):
    shown = hxbench("results", "--store", place, "--where", "method=mbert,split=test", "--where", "seed=2")
    (row,) = csv.DictReader(io.StringIO(shown.out))
    assert (row["method"], row["split"], row["seed"], row["value"]) == ("mbert", "test", "2", "75.0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("results", "--where", "metod=mbert"), "unknown column 'metod'. Did you mean method"),
        (("results", "--where", "method=mbret"), "unknown method 'mbret'. Did you mean mbert?"),
        (("results", "--where", "mbert"), "expected COLUMN=VALUE"),
        (("results", "--format", "xlsx"), "unknown format 'xlsx'. Known: csv, json, parquet."),
        (("results", "--format", "parquet"), "name it with --out"),
        (("results", "--format", "csv", "--out", "x.json"), "x.json names a file of json, and --format says csv"),
        (("compare", "mbert"), "a comparison takes two sides or more"),
        (("compare", "mbert", "mbret"), "unknown method or run 'mbret'. Did you mean mbert?"),
        (("compare", "mbert", "hyperx-base", "--plot", "x.gif"), "ends in .png, .svg or .pdf"),
        (("compare", "mbert", "hyperx-base", "--format", "word"), "unknown format 'word'"),
        (("report", "--table", "2", "--json", "--format", "csv"), "exclude each other"),
    ],
)
def test_what_cannot_be_given_is_one_sentence(place, words, said):
    shown = hxbench(*words, "--store", place)
    assert shown.code == 2
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("words", [("results",), ("compare", "mbert", "psf")])
def test_a_store_without_runs_is_told(words, tmp_path):
    shown = hxbench(*words, "--store", tmp_path / "none")
    assert (shown.code, shown.out) == (2, "")
    assert "has no finished runs" in shown.err


def test_a_comparison_is_a_table_data_and_a_picture(place, tmp_path):
    words = ("compare", "mbert", "hyperx-base", "--where", "setting=multi", "--store", place)
    shown = hxbench(*words, "--plot", tmp_path / "x.svg")
    assert shown.code == 0
    assert "mbert − hyperx-base: POS" in shown.out
    assert "preliminary: fewer than 3 seeds" in shown.out
    assert (tmp_path / "x.svg").read_text().startswith("<?xml")
    found = json.loads(hxbench(*words, "--json").out)
    of_language = next(row for row in found["rows"] if row["kind"] == "language")
    assert (of_language["difference"], of_language["seeds"]) == (25.0, {"1": 25.0, "2": 25.0})
    assert (of_language["preliminary"], of_language["sentences"], of_language["first_mean"]) == (True, 4, 75.0)
    rows = list(csv.DictReader(io.StringIO(hxbench(*words, "--format", "csv").out)))
    assert [float(row["p_holm"]) for row in rows] == [row["p_holm"] for row in found["rows"]]
    assert rows[0]["seeds"] == "1=25.0; 2=25.0"
    assert "\\begin{tabular}" in hxbench(*words, "--format", "latex").out
    assert "| " in hxbench(*words, "--format", "markdown").out


def test_report_json_is_the_format(place):
    shown = [
        hxbench("report", "--table", "2", "--store", place, *words) for words in (["--json"], ["--format", "json"])
    ]
    assert shown[0].out == shown[1].out
    assert json.loads(shown[0].out)[0]["name"] == "table2"


def test_a_run_is_one_line_without_a_terminal_and_has_its_scores_in_json(place):
    listed = hxbench("runs", "list", "--store", place)
    assert len(listed.out.splitlines()) == 1 + 4
    rows = json.loads(hxbench("runs", "list", "--store", place, "--method", "mbert", "--json").out)
    score = {"task": "pos", "language": "qab", "role": "target", "metric": "accuracy", "value": 75.0}
    assert [row["scores"] for row in rows] == [[score], [score]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", ("train", "mbert")),
        ("score", ("eval", "0123", "--file", "gold.conllu")),
        ("rebuild", ("report", "--table", "2")),
        ("compare", ("compare", "mbert", "psf")),
        ("open_store", ("results",)),
    ],
)
def test_a_command_stands_on_the_api(name, words, place, monkeypatch):
    def told(*_, **__):
        raise InputError("asked of the API.")

    monkeypatch.setattr(api, name, told)
    shown = hxbench(*words, "--store", place)
    assert (shown.code, shown.err) == (2, "hxbench: asked of the API.\n")
