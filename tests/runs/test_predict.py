"""Tagging files: what a run predicted on its test splits, for any sentence and in constant memory."""

import json
from dataclasses import replace

import pytest
from miniature import made_sentences, treebank_text

from hxbench.data.readers.conllu import read_conllu
from hxbench.errors import InputError
from hxbench.runs import predict as stage
from hxbench.runs.export import export
from hxbench.runs.finished import restore
from hxbench.runs.predict import predict
from hxbench.runs.predictor import predictor_of_export, predictor_of_run, tag_sentences
from hxbench.spec.languages import language_set


@pytest.fixture(scope="module")
def treebank(mirror):
    """The test part of a treebank, of which the run has stored its predictions."""
    language = language_set("hyperx")["ug"]
    return mirror / "ud-2.7" / language.treebank / f"{language.treebank_stem}-ud-test.conllu"


def tagged(tagger, path, **options):
    pieces = []
    predict(tagger, str(path), pieces.extend, **options)
    return "".join(pieces)


@pytest.mark.parametrize("method", ["hyperx-base", "mbert"])
def test_a_treebank_gets_the_tags_that_the_run_was_scored_with(method, trained, treebank, tmp_path):
    record = trained(method)
    text = tagged(predictor_of_run(record, "pos", "ug"), treebank)
    (tmp_path / "tagged").write_text(text)
    found = [(row["words"], row["tags"]) for _, row in read_conllu(tmp_path / "tagged")]
    gold = [(row["words"], row["tags"]) for _, row in read_conllu(treebank)]
    assert [words for words, _ in found] == [words for words, _ in gold]
    assert [tags for _, tags in found] == record.predictions("pos", "ug")["predicted"]
    column = 3
    for ours, theirs in zip(text.splitlines(), treebank.read_text().splitlines(), strict=True):
        ours, theirs = ours.split("\t"), theirs.split("\t")
        assert ours[:column] + ours[column + 1 :] == theirs[:column] + theirs[column + 1 :]


def test_an_export_tags_like_its_run(trained, treebank, tmp_path):
    record = trained()
    export(record, task="pos", language="ug", out=tmp_path / "adapter")
    wanted = tagged(predictor_of_run(record, "pos", "ug"), treebank)
    assert tagged(predictor_of_export(tmp_path / "adapter", None, None), treebank) == wanted
    with pytest.raises(InputError, match="an export for pos-ug alone, not for pos-fo"):
        predictor_of_export(tmp_path / "adapter", "pos", "fo")


def test_text_in_chunks_and_every_format(trained, tmp_path, monkeypatch):
    path = tmp_path / "text"
    sentences = [[word for word, _, _ in made] for made in made_sentences("fo", "new", 25)]
    path.write_text("\n\n".join(" ".join(words) for words in sentences))
    tagger = predictor_of_run(trained(), "ner", "fo")
    told = []
    whole = tagged(tagger, path, form="jsonl", report=lambda *progress: told.append(progress))
    rows = [json.loads(line) for line in whole.splitlines()]
    assert [row["words"] for row in rows] == sentences
    assert [row["line"] for row in rows] == list(range(1, 50, 2))
    assert all(len(row["words"]) == len(row["ner"]) for row in rows)
    assert told == [(0, 25), (25, 25)]
    monkeypatch.setattr(stage, "_CHUNK_EXAMPLES", 4)
    assert tagged(tagger, path, form="jsonl") == whole
    monkeypatch.setattr(stage, "_CHUNK_WORDS", 1)
    assert tagged(tagger, path, form="jsonl") == whole
    columns = "".join(
        "".join(f"{word}\t{tag}\n" for word, tag in zip(row["words"], row["ner"], strict=True)) + "\n"
        for row in rows
    )
    assert tagged(tagger, path) == tagged(tagger, path, form="tsv") == columns
    (tmp_path / "again").write_text(tagged(tagger, path, form="conllu"))
    assert tagged(tagger, tmp_path / "again", form="tsv") == columns


def test_a_sentence_longer_than_the_model_takes_gets_all_its_tags(trained):
    record = trained()
    method, backbone = restore(record)
    words = [word for made in made_sentences("ug", "long", 60) for word, _, _ in made] + ["x" * 500, "\x00", "a"]
    assert len(words) > 150
    (tags,) = tag_sentences(predictor_of_run(record, "pos", "ug"), method, backbone, [words])
    assert len(tags) == len(words)
    assert "?" not in tags, "which stands for a word without a tag"


def test_untagged_conllu_is_taken(trained, tmp_path):
    text = treebank_text(made_sentences("en", "new", 3)).replace("PUNCT", "_")
    (tmp_path / "in").write_text("\n# a comment\n" + text + "# the end\n")
    out = tagged(predictor_of_run(trained(), "pos", "en"), tmp_path / "in")
    assert len(out.splitlines()) == len(text.splitlines()) + 3
    assert out.endswith("\n\n# the end\n")
    assert "\t_\t_\t_\t_\t_\t_\t_" not in out


def test_faults_are_found_before_anything_is_loaded_or_written(trained, tmp_path):
    text = treebank_text(made_sentences("en", "new", 30))
    (tmp_path / "in").write_text(text + "1\tbroken\n")
    tagger = predictor_of_run(trained(), "pos", "en")
    unloaded = replace(tagger, load=lambda: pytest.fail("loaded"))
    line = len(text.splitlines()) + 1
    with pytest.raises(InputError, match=f"line {line}: 2 columns"):
        predict(unloaded, str(tmp_path / "in"), lambda _: pytest.fail("written"))
    with pytest.raises(InputError, match="unknown output format 'json'"):
        predict(unloaded, str(tmp_path / "in"), lambda _: pytest.fail("written"), form="json")


@pytest.mark.parametrize(
    ("task", "language", "said"),
    [
        (None, "ug", "has heads for ner and pos: say which with --task"),
        ("pso", "ug", "unknown task 'pso'. Did you mean pos?"),
        ("pos", "uq", "unknown language 'uq'. Did you mean ug"),
        ("pos", None, "say with --language"),
    ],
)
def test_what_the_run_does_not_have_is_refused(task, language, said, trained):
    with pytest.raises(InputError, match=said):
        predictor_of_run(trained(), task, language)


def test_the_task_may_be_left_out_where_there_is_one(trained):
    record = trained("mbert", setting="single", task="ner")
    assert predictor_of_run(record, None, "sa").pair == ("ner", "sa")
    with pytest.raises(InputError, match="has no head for 'pos': it was trained for ner"):
        predictor_of_run(record, "pos", "sa")
