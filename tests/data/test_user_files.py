"""What is read of files to be tagged, what is refused, and tags in the three output formats."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.data.readers.conllu import read_conllu
from hxbench.data.user_files import Untagged, as_conllu, as_jsonl, as_tsv, kind_of, read_untagged
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
    assert as_conllu(only, ["NOUN"], "pos") == "1\tmar\t_\tNOUN" + "\t_" * 6 + "\n\n"


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
        ("# a\n1\tmar\t_\n", "conllu", "line 2: 3 columns; expected 10 columns"),
        ("1\tmar" + ROW + "\n3\tmar" + ROW, "conllu", "line 2: ID 3; expected word ID 2"),
        ("1\tmar" + ROW + "\n1\tmar" + ROW, "conllu", "a blank line must stand between sentences"),
        ("1\t \t" + ROW[3:] + "\t_", "conllu", r"the word \(column 2\) is empty"),
        ("x\tmar" + ROW, "conllu", "line 1: bad ID 'x'"),
        ("01\tmar" + ROW, "conllu", "bad ID '01'"),
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
    assert as_conllu(sentence, ["ADP", "DET"], "pos") == expected


def test_names_go_to_misc_in_place_of_earlier_ones(tmp_path):
    (sentence,) = read_labelled(tmp_path)
    expected = LABELLED.replace("2:case\t_", "2:case\tNER=O").replace("A=1|NER=B-PER|Z=2", "A=1|Z=2|NER=I-LOC")
    assert as_conllu(sentence, ["O", "I-LOC"], "ner") == expected


def test_conllu_of_plain_text_is_read_by_our_own_reader(tmp_path):
    text = as_conllu(Untagged(7, ["Das", "Meer"]), ["DET", "NOUN"], "pos")
    assert text.startswith("# sent_id = 7\n# text = Das Meer\n1\tDas\t_\tDET\t")
    (tmp_path / "file").write_text(text + as_conllu(Untagged(9, ["ja"]), ["INTJ"], "pos"))
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
    assert as_conllu(between, [], "pos") == "# alone\n\n"
