"""`export` and `predict` as they are typed: files, pipes, and what is refused."""

import json
import os
import subprocess
import sys

import pytest
from command_line import ended, hxbench, of_page, started


@pytest.fixture(scope="module")
def trained(scale, tmp_path_factory):
    """A store with one run, and that run's id."""
    store = tmp_path_factory.mktemp("trained")
    answer = ended(started(*scale.train("--partition", "a", "--store", store, "--json")))
    assert answer.code == 0, answer.err
    [row] = json.loads(hxbench("runs", "list", "--json", "--store", store).out)
    return store, row["id"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text("Nova domo .\n\nbela besto\n")
    return path


@pytest.fixture
def tag(trained):
    """Return a function that tags with the run."""
    store, run = trained
    return lambda *words, **more: hxbench("predict", run, "--store", store, *words, **more)


def test_from_a_run_to_an_export_to_tagged_text(trained, tag, text, tmp_path):
    store, run = trained
    out = tmp_path / "adapter"
    made = hxbench("export", run[:5], "--task", "pos", "--language", "is", "--out", out, "--store", store)
    assert (made.code, made.err) == (0, "")
    assert f"pos-is of run {run}" in made.out
    answer = tag("--task", "pos", "--language", "is", text)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["Nova", "domo", ".", "", "bela", "besto", ""]
    assert hxbench("predict", out, text).out == answer.out
    gold = tmp_path / "gold.conllu"
    gold.write_text(hxbench("predict", out, text, "--format", "conllu").out)
    scored = hxbench("eval", out, "--file", gold, "--json")
    assert [row["value"] for row in json.loads(scored.out)] == [100.0]
    again = hxbench("export", run, "--task", "pos", "--language", "is", "--out", out, "--store", store)
    assert (again.code, again.out) == (2, "")
    assert "--force" in again.err
    forced = hxbench(
        "export", run, "--task", "ner", "--language", "is", "--out", out, "--store", store, "--force", "--json"
    )
    assert json.loads(forced.out)["task"] == "ner"


def test_a_file_is_written_whole_or_not_at_all(tag, text, tmp_path):
    out = tmp_path / "out"
    words = ("--task", "pos", "--language", "is", "--format", "conllu")
    assert tag(*words, text, "--out", out).out == ""
    first = out.read_text()
    assert first.startswith("# sent_id = 1\n# text = Nova domo .\n1\tNova\t_\t")
    bad = tmp_path / "bad"
    bad.write_text(first + "1\tx\n")
    answer = tag(*words, bad, "--out", out)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert "2 columns; expected 10" in answer.err
    assert out.read_text() == first
    assert tag(*words, out, "--out", out).code == 0, "a file may be tagged in its place"
    assert out.read_text() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "out", "text"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--language", "is"), "say which with --task"),
        (("--task", "pos"), "say with --language"),
        (("--task", "pos", "--language", "iss"), "unknown language 'iss'. Did you mean is?"),
        (("--task", "pos", "--language", "is", "--format", "xml"), "unknown output format 'xml'"),
        (
            ("--task", "pos", "--language", "is", "--input", "txt"),
            "unknown input format 'txt'. Did you mean text?",
        ),
        (("--task", "pos", "--language", "is", "--input", "conllu"), "line 1: 1 column; expected 10 columns"),
        (("--task", "pos", "--language", "is", "--out", "."), "is a directory"),
        (("--task", "pos", "--language", "is", "--backbone", "."), "is for one that lay in a folder"),
    ],
)
def test_predict_refuses_in_one_sentence(tag, text, words, said):
    answer = tag(*words, text)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert said in answer.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no sentence"),
        (b"\n\n", "holds no sentence"),
        (b"a\nb \xff\n", "line 2: byte 0xff"),
        (None, "not exist"),
    ],
)
def test_predict_refuses_files_in_one_sentence(tag, tmp_path, content, said):
    if content is not None:
        (tmp_path / "in").write_bytes(content)
    answer = tag("--task", "pos", "--language", "is", tmp_path / "in")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert said in answer.err


@pytest.mark.parametrize(
    "words", [("export",), ("export", "x"), ("export", "x", "--language", "is"), ("predict", "x")]
)
def test_missing_words_are_bad_usage(words):
    assert hxbench(*words).code == 2


def on_standard_input(trained, text):
    store, run = trained
    command = [sys.executable, "-m", "hxbench", "predict", run, "-", "--task", "ner", "--language", "fo"]
    command += ["--store", str(store)]
    return subprocess.run(command, input=text, capture_output=True, env=os.environ)


def test_standard_input(trained, tag, text):
    wanted = tag("--task", "ner", "--language", "fo", text).out
    done = on_standard_input(trained, text.read_bytes())
    assert (done.returncode, done.stdout.decode()) == (0, wanted), done.stderr


@pytest.mark.matrix
def test_standard_input_that_is_no_text(trained):
    done = on_standard_input(trained, b"a\n\xff")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"standard input, line 2: byte 0xff" in done.stderr


def test_eval_with_an_embedding_that_is_composed(trained, scale):
    store, run = trained
    pair = ("--task", "pos", "--language", "ug")
    words = ("eval", run, "--store", store, "--data-source", scale.mirror, *pair, "--embedding")
    answer = hxbench(*words, "interpolate:en=3,br=1", "--json")
    assert answer.code == 0, answer.err
    [row] = json.loads(answer.out)
    assert row["embedding"] == "weights: en 0.75, br 0.25"
    answer = hxbench(*words, "interpolate:family", "--json")
    assert json.loads(answer.out)[0]["embedding"] == "family (no relative is known, so the mean): en, ar, br, fo"
    for wrong, said in [
        ("interpolat", "Did you mean interpolate"),
        ("interpolate:tr=1", "was never trained on tr"),
    ]:
        answer = hxbench(*words, wrong)
        assert (answer.code, answer.out) == (2, "")
        assert said in answer.err.splitlines()[-1]


@pytest.fixture
def score(trained):
    """Return a function that scores the run on a file, or on what else it is asked, and gives the rows."""
    store, run = trained

    def rows(*words):
        answer = hxbench("eval", run, "--store", store, *words, "--json")
        assert answer.code == 0, answer.err
        return json.loads(answer.out)

    return rows


def test_eval_on_a_file_gives_what_the_corpus_does(score, scale, tmp_path):
    treebank = next((scale.mirror / "ud-2.7").glob("*Breton*/*test.conllu"))
    names = scale.mirror / "wikiann" / "br" / "test"
    columns = tmp_path / "test.tsv"
    columns.write_text("# a comment\n" + names.read_text().replace("br:", ""))
    for task, files in (("pos", [[treebank]]), ("ner", [[names], [columns, "--comments", "#"]])):
        pair = ("--task", task, "--language", "br")
        [shipped] = score(*pair, "--data-source", scale.mirror)
        for file in files:
            [own] = score(*pair, "--file", *file)
            shared = shipped.keys() & own.keys() - {"run"}
            assert {name: own[name] for name in shared} == {name: shipped[name] for name in shared}
            assert {"value", "sentences", "words"} <= shared
            assert own["low"] <= own["value"] <= own["high"]
            assert own["low"] < own["high"] or task == "ner"  # of which the miniature finds nothing


def test_eval_on_a_file_of_other_labels(trained, score, tmp_path):
    store, run = trained
    path = tmp_path / "in.conllu"
    path.write_text("1\tNova\t_\tX\tA\t_\t_\t_\t_\tNER=B-person\n2\tdomo\t_\tX\tN\t_\t_\t_\t_\t_\n\n")
    tags = ("--task", "pos", "--language", "is", "--file", path, "--column", "xpos")
    refused = hxbench("eval", run, "--store", store, *tags)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert "line 1: unknown label 'A'; expected one of ADJ ADP" in refused.err
    assert "--map" in refused.err
    before = sorted(store.rglob("*"))
    [row] = score(*tags, "--map", "A=ADJ", "--map", "N=NOUN")
    assert (row["sentences"], row["words"]) == (1, 2)
    [row] = score("--task", "ner", "--language", "is", "--file", path, "--map", "person=PER", "--map", "_=O")
    assert row["metric"] == "f1"
    shown = hxbench("eval", run, "--store", store, *tags, "--map", "A=ADJ", "--map", "N=NOUN")
    assert "95% interval" in shown.out
    assert sorted(store.rglob("*")) == before, "nothing is kept"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--file", "x", "--split", "dev"), "--split is for the corpora of a run, not for --file"),
        (("--scheme", "bio"), "--scheme is for --file"),
        (("--file", "x", "--comments", "#", "--format", "conllu"), "--comments is for columns"),
        (("--file", "x", "--map", "A"), "expected FILE_LABEL=LABEL"),
        (("--file", "x", "--map", "A=B", "--map", "A=C"), "--map gives A twice"),
        (("--file", "x", "--task", "ner"), "give --task and --language once"),
        (("--file", "x", "--format", "text"), "raw text has no labels"),
        (("--file", "x", "--scheme", "bio"), "labels words and no spans"),
        (("--file", "x", "--words", "1", "--format", "conllu"), "--words is for columns"),
    ],
)  # fmt: skip
def test_eval_on_a_file_refuses_in_one_sentence(trained, tmp_path, words, said):
    store, run = trained
    (tmp_path / "x").write_text("Nova X\n")
    words = [tmp_path / "x" if word == "x" else word for word in words]
    answer = hxbench("eval", run, "--store", store, "--task", "pos", "--language", "is", *words)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert said in answer.err


def test_tags_go_beside_gold_ones(tag, tmp_path):
    gold = "1\tNova\t_\tX\t_\t_\t_\t_\t_\tNER=O\n2\tdomo\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
    (tmp_path / "in").write_text(gold)
    pair = ("--task", "pos", "--language", "is")
    over = tag(*pair, tmp_path / "in")
    tags = [line.split("\t")[3] for line in over.out.splitlines()[:2]]
    beside = tag(*pair, tmp_path / "in", "--column", "misc.PRED")
    assert beside.out == gold.replace("NER=O", f"NER=O|PRED={tags[0]}").replace("\t_\n\n", f"\tPRED={tags[1]}\n\n")
    (tmp_path / "in").write_text('{"words": ["Nova", "domo"], "tags": ["X", "X"]}\n')
    [row] = map(json.loads, tag(*pair, tmp_path / "in", "--column", "pred").out.splitlines())
    assert row == {"words": ["Nova", "domo"], "tags": ["X", "X"], "pred": tags}
    (tmp_path / "in").write_text("X Nova\nX domo\n")
    answer = tag(*pair, tmp_path / "in", "--input", "columns", "--words", "2")
    assert answer.out == f"X Nova {tags[0]}\nX domo {tags[1]}\n"
    for words, said in (
        (("--column", "misc.PRED"), "among columns the tags are the last"),
        (("--format", "jsonl", "--column", "line"), "expected a name that is not one of what was read"),
        (("--format", "conllu", "--column", "pred"), "unknown column of CoNLL-U 'pred'"),
        (("--tokenize",), "read as columns, which has its words"),
    ):
        answer = tag(*pair, tmp_path / "in", "--input", "columns", *words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert said in answer.err


def test_raw_text_is_split_into_words(tag, tmp_path):
    pytest.importorskip("icu4py", reason="the package icu4py is not installed: pip install 'hxbench[tokenize]'")
    (tmp_path / "in").write_text("Nova  domo, bela.\n")
    answer = tag("--task", "pos", "--language", "is", "--tokenize", tmp_path / "in")
    assert answer.code == 0, answer.err
    rows = answer.out.splitlines()
    assert rows[:2] == ["# sent_id = 1", "# text = Nova  domo, bela."]
    assert [row.split("\t")[1:10:8] for row in rows[2:-1]] == [
        ["Nova", "_"], ["domo", "SpaceAfter=No"], [",", "_"], ["bela", "SpaceAfter=No"], [".", "_"],
    ]  # fmt: skip


def test_the_commands_of_the_page_about_files(trained, tmp_path, monkeypatch):
    store, run = trained
    monkeypatch.chdir(tmp_path)
    answers = [hxbench(*words, "--store", store) for words in of_page("how-to/files.md", 0, run)]
    assert [answer.code for answer in answers] == [0, 0, 0, 0], [answer.err for answer in answers]
    assert "accuracy" in answers[0].out
    assert "f1" in answers[1].out
    assert answers[2].out.count("PRED=") == 2
    assert answers[3].out.startswith("-DOCSTART- O O\n\nNova I-person ")
