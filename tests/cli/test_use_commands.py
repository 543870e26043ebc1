"""`export` and `predict` as they are typed: files, pipes, and what is refused."""

import json
import os
import subprocess
import sys

import pytest
from command_line import ended, hxbench, started


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
        (("--task", "pos", "--language", "is", "--backbone", "."), "a run knows its own"),
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


def test_standard_input(trained, tag, text):
    store, run = trained
    wanted = tag("--task", "ner", "--language", "fo", text).out
    command = [sys.executable, "-m", "hxbench", "predict", run, "-", "--task", "ner", "--language", "fo"]
    command += ["--store", str(store)]
    done = subprocess.run(command, input=text.read_bytes(), capture_output=True, env=os.environ)
    assert (done.returncode, done.stdout.decode()) == (0, wanted), done.stderr
    done = subprocess.run(command, input=b"a\n\xff", capture_output=True, env=os.environ)
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
