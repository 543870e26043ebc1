"""What is read of files to be tagged, what is refused, and tags in the three output formats."""

import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.data.readers.columns import read_columns
from hxbench.data.readers.conllu import read_conllu
from hxbench.data.readers.lines import Options
from hxbench.data.user_files import LABELLED as LABELLED_INPUTS
from hxbench.data.user_files import (
    Untagged,
    as_conllu,
    as_jsonl,
    as_tsv,
    kind_of,
    read_untagged,
    word_splitter,
)
from hxbench.errors import InputError

ROW = "\t_" * 8
TREE = (
    "# sent_id = a\n# text = vámonos al mar\n1-2\tvámonos" + ROW + "\n1\tvamos\t_\tVERB" + "\t_" * 6 + "\n"
    "2\tnos" + ROW + "\n2.1\tsomos" + ROW + "\n3\tal mar" + "\t_" * 7 + "\tSpaceAfter=No\n\n\n# the end\n"
)


def write(folder, content):
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_text_is_a_sentence_a_line(tmp_path):
    path = write(tmp_path, "\ufeffEin  Satz .\r\n\n \t\nNoch\u00a0einer\n")
    assert list(read_untagged(path, "text")) == [
        Untagged(1, ["Ein", "Satz", "."]),
        Untagged(4, ["Noch", "einer"]),
    ]


def test_conllu_keeps_all_lines_and_finds_the_words(tmp_path):
    path = write(tmp_path, TREE)
    first, rest = read_untagged(path, "conllu")
    assert first.words == ["vamos", "nos", "al mar"]
    assert (first.line, first.rows) == (1, [3, 4, 6])
    assert "\n".join([*first.lines, *rest.lines]) + "\n" == TREE
    assert (rest.line, rest.words, rest.lines) == (10, [], ["# the end"])


def test_a_last_sentence_gets_its_blank_line(tmp_path):
    path = write(tmp_path, f"1\tmar\t{ROW[1:]}")
    (only,) = read_untagged(path, "conllu")
    assert as_conllu(only, ["NOUN"], "upos") == "1\tmar\t_\tNOUN" + "\t_" * 6 + "\n\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (TREE, "conllu"),
        ("\n1\tmar\n", "conllu"),  # broken, but nothing else
        ("1-2\tdel" + ROW, "conllu"),
        ("# ein Satz\nund noch einer\n", "text"),
        ("1 und 2\n", "text"),
        ("eins\tzwei\n", "text"),
        ("# nichts\n", "text"),
        ("", "text"),
    ],
)
def test_the_kind_is_told_by_content(content, kind, tmp_path):
    path = write(tmp_path, content)
    assert kind_of(path) == kind
    assert kind_of(path, "text") == "text"


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ("", "text", "holds no sentence; expected a text file"),
        ("\n \n", "text", "holds no sentence"),
        ("# only\n\n", "conllu", "holds no sentence; expected a CoNLL-U file"),
        (b"gut\nschlecht \xff\n", "text", "line 2: byte 0xff at position 10"),
        (b"1\t\xe9" + ROW.encode(), "conllu", "line 1: byte 0xe9"),
        ("1\tmar" + ROW + "\n1\tmar" + ROW, "conllu", "a blank line must stand between sentences"),
    ],
)
def test_broken_files_are_refused_with_their_line(content, kind, said, tmp_path):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=said) as caught:
        list(read_untagged(path, kind))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_unknown_kinds_and_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"unknown input format 'conll'. Did you mean conllu?"):
        kind_of(tmp_path / "file", "conll")
    with pytest.raises(InputError, match="does not exist"):
        kind_of(tmp_path / "file")
    with pytest.raises(InputError, match="is a directory"):
        kind_of(tmp_path)


@given(st.lists(st.lists(st.text("aé漢 \u200b", min_size=1).filter(str.strip), min_size=1), min_size=1))
def test_whatever_the_words_they_come_back(tmp_path_factory, sentences):
    rows = lambda words: "".join(f"{i}\t{word}{ROW}\n" for i, word in enumerate(words, 1))  # noqa: E731
    path = write(tmp_path_factory.mktemp("made"), "\n".join(map(rows, sentences)))
    assert [found.words for found in read_untagged(path, "conllu")] == sentences


LABELLED = """\
# sent_id = 1
1-2\tdel\t_\t_\t_\t_\t_\t_\t_\tKept=Yes
1\tde\tde\tX\tX\tA=b\t2\tcase\t2:case\t_
2\tel\tel\t_\t_\t_\t0\troot\t_\tA=1|NER=B-PER|Z=2
2.1\tser\t_\t_\t_\t_\t_\t_\t_\t_

"""


def read_labelled(tmp_path):
    (tmp_path / "file").write_text(LABELLED)
    return list(read_untagged(tmp_path / "file", "conllu"))


def test_parts_of_speech_go_to_upos_and_nothing_else_changes(tmp_path):
    (sentence,) = read_labelled(tmp_path)
    expected = LABELLED.replace("de\tX\t", "de\tADP\t").replace("el\tel\t_", "el\tel\tDET")
    assert as_conllu(sentence, ["ADP", "DET"], "upos") == expected


def test_names_go_to_misc_in_place_of_earlier_ones(tmp_path):
    (sentence,) = read_labelled(tmp_path)
    expected = LABELLED.replace("2:case\t_", "2:case\tNER=O").replace("A=1|NER=B-PER|Z=2", "A=1|Z=2|NER=I-LOC")
    assert as_conllu(sentence, ["O", "I-LOC"], "misc.NER") == expected


def test_conllu_of_plain_text_is_read_by_our_own_reader(tmp_path):
    text = as_conllu(Untagged(7, ["Das", "Meer"]), ["DET", "NOUN"], "upos")
    assert text.startswith("# sent_id = 7\n# text = Das Meer\n1\tDas\t_\tDET\t")
    (tmp_path / "file").write_text(text + as_conllu(Untagged(9, ["ja"]), ["INTJ"], "upos"))
    found = [(row["words"], row["tags"]) for _, row in read_conllu(tmp_path / "file")]
    assert found == [(["Das", "Meer"], ["DET", "NOUN"]), (["ja"], ["INTJ"])]


def test_columns_and_json_lines():
    sentence = Untagged(3, ["Das", "Meer"])
    assert as_tsv(sentence, ["DET", "NOUN"], "pos") == "Das\tDET\nMeer\tNOUN\n\n"
    assert json.loads(as_jsonl(sentence, ["O", "O"], "ner")) == {
        "line": 3,
        "words": ["Das", "Meer"],
        "ner": ["O", "O"],
    }
    between = Untagged(4, [], ["# alone", ""])
    assert (as_tsv(between, [], "pos"), as_jsonl(between, [], "pos")) == ("", "")
    assert as_conllu(between, [], "upos") == "# alone\n\n"


@pytest.mark.parametrize(
    ("name", "line", "kind"),
    [
        ("a.conll", "1\tmar\tO\n", "columns"), ("a.conllu", "1\tmar\tO\n", "conllu"),
        ("a.conll", "1\tmar" + "\t_" * 8 + "\n", "conllu"), ("a.txt", "1\tmar\tO\n", "columns"),
    ],
)  # fmt: skip
def test_columns_that_begin_with_a_number_are_no_conllu(name, line, kind, tmp_path):
    (tmp_path / name).write_text(line)
    assert kind_of(tmp_path / name, known=LABELLED_INPUTS) == kind


def test_columns_get_one_more(tmp_path):
    content = "-DOCSTART- X O\n\n  Das DT O\nMeer NN O\n\nja UH O"
    path = write(tmp_path, content)
    assert kind_of(path) == "text", "a line could be a sentence"
    assert kind_of(path.rename(tmp_path / "a.conll")) == "columns"
    found = list(read_untagged(tmp_path / "a.conll", "columns"))
    assert [one.words for one in found] == [["Das", "Meer"], ["ja"]]
    out = "".join(as_tsv(one, tags, "ner") for one, tags in zip(found, (["O", "B-LOC"], ["O"]), strict=True))
    assert out == "-DOCSTART- X O O\n\n  Das DT O O\nMeer NN O B-LOC\n\nja UH O O\n"
    assert [row["tags"] for _, row in read_columns(write(tmp_path, out), Options())] == [["O", "B-LOC"], ["O"]]
    assert as_conllu(found[1], ["O"], "misc.NER").endswith("1\tja" + "\t_" * 7 + "\tNER=O\n\n")


def test_objects_get_one_more_field(tmp_path):
    path = write(tmp_path, '{"target": {"a": 1}, "s": {"words": ["ja", "nein"]}, "tags": ["X", "X"]}\n\n')
    assert kind_of(path) == "jsonl"
    (one,) = read_untagged(path, "jsonl", Options(words="s.words"))
    wanted = {"target": {"a": 1}, "s": {"words": ["ja", "nein"]}, "tags": ["X", "X"], "pred": ["A", "B"]}
    assert json.loads(as_jsonl(one, ["A", "B"], "pred")) == wanted
    with pytest.raises(InputError, match="line 1: words is 'None'; expected a list of words"):
        list(read_untagged(path, "jsonl"))


def test_tags_beside_those_that_are_there(tmp_path):
    (sentence,) = read_labelled(tmp_path)
    out = as_conllu(sentence, ["ADP", "DET"], "misc.PRED")
    assert out == LABELLED.replace("2:case\t_", "2:case\tPRED=ADP").replace("|Z=2", "|Z=2|PRED=DET")
    assert as_conllu(sentence, ["a", "b"], "xpos") == LABELLED.replace("\tX\tX", "\tX\ta").replace(
        "el\tel\t_\t_", "el\tel\t_\tb"
    )


def test_split_text_keeps_what_stood_where(tmp_path):
    text = " Nei,  ekki (t.d.)😀 x"
    split = lambda line: [match.span() for match in re.finditer(r"[\w.]+|[^\w\s]", line)]  # noqa: E731
    (one,) = read_untagged(write(tmp_path, text), "text", split=split)
    assert one.words == ["Nei", ",", "ekki", "(", "t.d.", ")", "😀", "x"]
    rows = as_conllu(one, ["_"] * 8, "upos").splitlines()
    assert rows[1] == f"# text = {text}"
    assert [row.split("\t")[9] for row in rows[2:-1]] == [
        "SpaceAfter=No", "_", "_", "SpaceAfter=No", "SpaceAfter=No", "SpaceAfter=No", "_", "_",
    ]  # fmt: skip
    found = json.loads(as_jsonl(one, ["_"] * 8, "pos"))
    assert [found["text"][start:end] for start, end in found["offsets"]] == one.words


def test_words_of_text_in_any_language():
    pytest.importorskip("icu4py", reason="the package icu4py is not installed: pip install 'hxbench[tokenize]'")
    words = lambda text, language: [text[start:end] for start, end in word_splitter(language)(text)]  # noqa: E731
    assert words("  Nei, það er 3,5% 😀👩‍👧!", "is") == ["Nei", ",", "það", "er", "3,5", "%", "😀", "👩‍👧", "!"]
    assert words("我爱北京。", "zh") == ["我", "爱", "北京", "。"]
    assert words(" \u0301x", "gun") == ["\u0301", "x"]
    assert words(" ", "gun") == []


def test_the_package_that_splits_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(InputError, match=r"needs the package icu4py: pip install 'hxbench\[tokenize\]'"):
        word_splitter("is")


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a", TREE, "conllu"), ("a.parquet", "", "parquet"), ("a.json", "[]", "json"),
        ("a", '{"words": []}', "jsonl"),
        ("a", "is:b\tO\n", "wikiann"), ("a", "b O\n", "columns"), ("a", "", "columns"),
    ],
)  # fmt: skip
def test_the_kind_of_a_file_with_labels(tmp_path, name, content, kind):
    (tmp_path / name).write_text(content)
    assert kind_of(tmp_path / name, known=LABELLED_INPUTS) == kind
    with pytest.raises(InputError, match="unknown input format 'text'"):
        kind_of(tmp_path / name, "text", LABELLED_INPUTS)
