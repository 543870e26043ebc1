import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hxbench.data.readers import Options, conllu
from hxbench.data.readers.conllu import NO_UPOS, UPOS_TAGS, read_sentences
from hxbench.data.user_files import kind_of, read_untagged
from hxbench.errors import InputError
from hxbench.tasks import task_of

SENTENCE = """# sent_id = 1
# text = I can't
1\tI\tI\tPRON\t_\t_\t2\tnsubj\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\tcan\tAUX\t_\t_\t0\troot\t_\t_
3\tn't\tnot\tPART\t_\t_\t2\tadvmod\t_\t_
3.1\tgo\tgo\tVERB\t_\t_\t_\t_\t_\t_
"""
WORD = "1\tyes\tyes\tINTJ\t_\t_\t0\troot\t_\t_\n"


def read_conllu(path, multiword="skip"):
    """Yield the words and tags of each sentence."""
    for _, row in conllu.read_conllu(path, Options(multiword=multiword)):
        yield row["words"], row["tags"]


def written(tmp_path, content):
    path = tmp_path / "x_y-ud-test.conllu"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_syntactic_words_only(tmp_path):
    sentences = list(read_conllu(written(tmp_path, f"{SENTENCE}\n{WORD}\n")))
    assert sentences == [(["I", "ca", "n't"], ["PRON", "AUX", "PART"]), (["yes"], ["INTJ"])]


def test_keep_hands_on_every_line_as_the_published_loader_did(tmp_path):
    words, tags = next(read_conllu(written(tmp_path, SENTENCE), "keep"))
    assert words == ["I", "can't", "ca", "n't", "go"]
    assert tags == ["PRON", "_", "AUX", "PART", "VERB"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(SENTENCE + "\n" + WORD, id="no final blank line"),
        pytest.param(SENTENCE + "\n" + WORD.rstrip("\n"), id="no final line end"),
        pytest.param((SENTENCE + "\n" + WORD).replace("\n", "\r\n"), id="CRLF"),
        pytest.param("\ufeff" + SENTENCE + "\n" + WORD, id="byte-order mark"),
        pytest.param("\n\n" + SENTENCE + "\n\n\n" + WORD + "\n\n", id="extra blank lines"),
        pytest.param(SENTENCE + "\n# only a comment\n\n" + WORD, id="comment block"),
        pytest.param(SENTENCE + " \n" + WORD, id="blank line with a space"),
    ],
)
def test_forms_of_the_same_content(tmp_path, content):
    assert [words for words, _ in read_conllu(written(tmp_path, content))] == [["I", "ca", "n't"], ["yes"]]


def test_words_with_spaces_and_hashes(tmp_path):
    content = WORD.replace("1\tyes", "1\t10 000") + WORD.replace("1\tyes", "2\t#tag")
    assert next(read_conllu(written(tmp_path, content)))[0] == ["10 000", "#tag"]


def test_it_is_a_stream(tmp_path):
    stream = read_conllu(written(tmp_path, WORD + "\n" + "broken\n"))
    assert next(stream) == (["yes"], ["INTJ"])
    with pytest.raises(InputError):
        next(stream)


def line(**columns):
    names = "id form lemma upos xpos feats head deprel deps misc".split()
    return "\t".join(columns.get(name, WORD.rstrip("\n").split("\t")[i]) for i, name in enumerate(names)) + "\n"


BROKEN = {
    "columns": (WORD + "2\tno\tno\tINTJ\n", 2, "4 columns", "10 columns"),
    "one column": ("hello\n", 1, "1 column;", "10 columns"),
    "spaces for tabs": (WORD.replace("\t", " "), 1, "1 column;", "tabs"),
    "unknown tag": (line(upos="NOUNS"), 1, "unknown UPOS 'NOUNS'", "ADJ ADP"),
    "no tag on a word": (line(upos="_"), 1, "unknown UPOS '_'", "ADJ ADP"),
    "empty tag": (line(upos=""), 1, "unknown UPOS ''", "ADJ ADP"),
    "empty word": (line(form=""), 1, "word (column 2) is empty", "a word"),
    "bad ID": (line(id="one"), 1, "bad ID 'one'", "3-4"),
    "Arabic digits": (line(id="١"), 1, "bad ID", "3-4"),
    "endless ID": (line(id="1" * 5000), 1, "bad ID '1111", "3-4"),
    "zero": (line(id="0"), 1, "bad ID '0'", "3-4"),
    "gap": (WORD + line(id="3"), 2, "ID 3", "word ID 2"),
    "no blank line between": (WORD + WORD, 2, "blank line must stand between", "word ID 2"),
    "late range": (WORD + line(id="1-2", upos="_"), 2, "multi-word ID 1-2", "starts at word 2"),
    "backward range": (WORD + line(id="2-1", upos="_"), 2, "multi-word ID 2-1", "starts at word 2"),
    "stray empty node": (line(id="4.1", upos="_"), 1, "empty-node ID 4.1", "after word 0"),
    "range past the end": (line(id="1-2", form="all", upos="_") + WORD, 1, "ends at word 2", "of 1 words"),
    "range past the end of the first": (
        line(id="1-2", upos="_") + WORD + "\n" + WORD,
        1,
        "ends at word 2",
        "words",
    ),
    "overlapping range": (
        line(id="1-2", upos="_") + WORD + line(id="2-3", upos="_") + line(id="2"),
        3,
        "ID 2-3",
        "behind word 2",
    ),
    "blank word": (line(form=" "), 1, "word (column 2) is empty", "a word"),
    "withheld": ("# a\n" + line(form="_") + line(id="2", form="_"), 2, "every word (column 2) is _", "words"),
    "old Mac": (WORD.replace("\n", "\r") * 2, 1, "lines end in CR alone", "LF"),
    "old Mac comment": ("# a\r" + WORD.replace("\n", "\r"), 1, "lines end in CR alone", "LF"),
    "a CR inside": ("1\tyes\r2\tno\n" + WORD, 1, "3 columns and a carriage return", "10 columns"),
    "bad tag on a range": (line(id="1-1", upos="MULTI") + WORD, 1, "unknown UPOS 'MULTI'", "ADJ"),
    "not UTF-8": (WORD.encode() + b"2\tcaf\xe9\t_\tNOUN\n", 2, "byte 0xe9 at position 6", "UTF-8"),
    "UTF-16": (WORD.encode("utf-16"), 1, "byte 0xff", "UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_lines_are_named(tmp_path, name):
    content, number, found, expected = BROKEN[name]
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_conllu(path))
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}, line {number}: ")
    assert found in sentence.partition("; expected")[0] + ";"
    assert expected in sentence.partition("; expected")[2]
    assert "\n" not in sentence
    assert sentence.endswith(".")


STRUCTURE = [name for name, (_, _, found, _) in BROKEN.items() if "UPOS" not in found]


@pytest.mark.parametrize("name", STRUCTURE)
def test_what_training_refuses_tagging_refuses_in_the_same_words(tmp_path, name):
    path = written(tmp_path, BROKEN[name][0])
    with pytest.raises(InputError) as ours:
        list(read_conllu(path))
    with pytest.raises(InputError) as theirs:
        list(read_untagged(path, "conllu"))
    assert str(theirs.value) == str(ours.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WORD + line(id="1.1", form="", upos="_") + line(id="2"), ["yes", "yes"]),
        (WORD + line(id="2-3", form=" ", upos="_") + line(id="2") + line(id="3"), ["yes", "yes", "yes"]),
        (line(id="1-2", form="all", upos="_") + WORD + line(id="1.1", upos="_") + line(id="2"), ["yes", "yes"]),
        (line(form="\ue000") + line(id="2", form="_"), ["\ue000", "_"]),
    ],
    ids=["blank empty node", "blank range", "empty node inside a range", "private use and an underscore"],
)
def test_what_is_no_word_may_hold_anything(tmp_path, content, words):
    path = written(tmp_path, content)
    assert [found for found, _ in read_conllu(path)] == [words]
    assert [found.words for found in read_untagged(path, "conllu")] == [words]
    assert kind_of(path) == "conllu"


def test_one_withheld_word_is_a_sentence_but_no_file(tmp_path):
    alone = line(form="_") + "\n"
    assert len(list(read_conllu(written(tmp_path, alone + WORD)))) == 2
    with pytest.raises(InputError, match=r"every word \(column 2\) is _, its text withheld"):
        list(read_conllu(written(tmp_path, alone * 3)))


def test_the_lines_of_all_sentences_are_the_file(tmp_path):
    content = f"# first\n\n{SENTENCE}\n \n{WORD}\n\n# last\n"
    found = list(read_sentences(written(tmp_path, content)))
    assert [text for sentence in found for text in sentence.lines] == content.splitlines()
    assert [(sentence.line, len(sentence.rows)) for sentence in found] == [(1, 0), (3, 3), (12, 1), (15, 0)]


@pytest.mark.parametrize("content", ["", "\n\n", "# a comment\n", "\ufeff", line(id="0.1")])
def test_no_sentence(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=f"{re.escape(str(path))} holds no sentence; expected a CoNLL-U file"):
        list(read_conllu(path))


def test_missing_and_directory(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.conllu does not exist; expected a CoNLL-U file"):
        list(read_conllu(tmp_path / "nothing.conllu"))
    with pytest.raises(InputError, match="is a directory; expected a CoNLL-U file"):
        list(read_conllu(tmp_path))


def test_labels():
    assert task_of("pos").labels == (*UPOS_TAGS, NO_UPOS)
    assert len(task_of("pos").labels) == 18


# Anything that may be a word: no tab, no line end, not blank.
FORMS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), min_size=1, max_size=8
).filter(lambda form: form.strip() and form != "_")
TOKENS = st.lists(st.tuples(FORMS, st.sampled_from(UPOS_TAGS)), min_size=1, max_size=6)
EXTRAS = st.sampled_from(["", "comment", "range", "empty node"])


@settings(max_examples=60, deadline=None)
@given(
    corpus=st.lists(st.tuples(TOKENS, EXTRAS), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    bom=st.booleans(),
    last=st.booleans(),
)
def test_round_trip(tmp_path_factory, corpus, end, bom, last):
    lines, every_line = [], []
    for tokens, extra in corpus:
        kept = []
        if extra == "comment":
            lines.append("# text = \t\t")
        for number, (form, tag) in enumerate(tokens, 1):
            if number == 1 and extra == "range":
                lines.append(line(id=f"1-{len(tokens)}", form="all", upos="_").rstrip("\n"))
                kept.append(("all", "_"))
            lines.append(line(id=str(number), form=form, upos=tag).rstrip("\n"))
            kept.append((form, tag))
        if extra == "empty node":
            lines.append(line(id=f"{len(tokens)}.1", form="gone", upos="VERB").rstrip("\n"))
            kept.append(("gone", "VERB"))
        lines.append("")
        every_line.append(kept)
    text = end.join(lines if last else lines[:-1])
    path = tmp_path_factory.mktemp("trip") / "a.conllu"
    path.write_bytes(b"\xef\xbb\xbf" * bom + text.encode())
    assert [list(zip(*s, strict=True)) for s in read_conllu(path)] == [tokens for tokens, _ in corpus]
    assert [list(zip(*s, strict=True)) for s in read_conllu(path, "keep")] == every_line
