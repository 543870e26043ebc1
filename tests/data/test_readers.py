"""Every format is read through one signature, by its name: numbered rows, one at a time."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.data.readers import READERS, Options, format_of, require_taken
from hxbench.data.readers.labels import Labels
from hxbench.errors import InputError

WORD = "1\tI\t_\tPRON\t_\t_\t0\troot\t_\t_\n"
FILES = {  # format → content, and its rows as they are to be read with the columns a and b
    "conllu": (f"# one\n{WORD}\n{WORD}\n", [(line, {"words": ["I"], "tags": ["PRON"]}) for line in (1, 4)]),
    "columns": (
        "\nI PRON\n\n-DOCSTART- X\n\n go  VERB\n.\tPUNCT",
        [
            (2, {"words": ["I"], "tags": ["PRON"]}),
            (6, {"words": ["go", "."], "tags": ["VERB", "PUNCT"]}),
        ],
    ),
    "wikiann": ("\nen:I\tO\nen:go\tO\n\n", [(2, {"words": ["I", "go"], "tags": ["O", "O"]})]),
    "text": ("\none\n\ntwo\n", [(2, {"text": "one"}), (4, {"text": "two"})]),
    "tsv": ("b\ta\n1\t2\n", [(2, {"a": "2", "b": "1"})]),
    "csv": ('b,a\n1,"2, ""3""\n4"\n\n5,6\n', [(2, {"a": '2, "3"\n4', "b": "1"}), (5, {"a": "6", "b": "5"})]),
    "jsonl": ('{"a": "2", "b": 1}\n\n{"a": null}\n', [(1, {"a": "2", "b": 1}), (3, {"a": None})]),
    "json": ('[{"a": 1},\n {"b": 2}]', [(1, {"a": 1}), (2, {"b": 2})]),
}


@pytest.fixture
def file(tmp_path):
    """Write a file of a format."""

    def write(form):
        path = tmp_path / f"file.{form}"
        if form in FILES:
            path.write_text(FILES[form][0])
            return path, FILES[form][1]
        import pyarrow
        from pyarrow.parquet import write_table

        if form == "parquet":
            write_table(pyarrow.table({"a": ["x", "y"], "b": [1, 2], "c": [0, 0]}), path)
            return path, [(1, {"a": "x", "b": 1}), (2, {"a": "y", "b": 2})]
        write_table(pyarrow.table({"tokens": [["I"]], "ner_tags": [[1]]}), path)
        return path, [(1, {"words": ["I"], "tags": ["B-PER"]})]

    return write


@pytest.mark.parametrize("form", READERS)
def test_every_format(file, form):
    path, rows = file(form)
    found = READERS[form].read(path, Options(columns=("a", "b")))
    assert iter(found) is found, "all rows at once would fill the memory"
    assert list(found) == rows


@pytest.mark.parametrize("form", READERS)
def test_what_is_no_file_of_the_format(tmp_path, form):
    (tmp_path / "broken").write_bytes(b"\xff\n")
    for path in (tmp_path / "nothing", tmp_path, tmp_path / "broken"):
        with pytest.raises(InputError) as caught:
            list(READERS[form].read(path, Options(columns=("a",))))
        assert str(caught.value).startswith(str(path))
        assert "expected a" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_options_are_those_of_the_format(tmp_path):
    path = tmp_path / "file"
    path.write_text("1\t2\n")
    read = list(READERS["tsv"].read(path, Options(header=("a", "b"))))
    assert read == [(1, {"a": "1", "b": "2"})]
    path.write_text(f"1-2\tI'm\t_\t_\t_\t_\t_\t_\t_\t_\n{WORD}{WORD.replace('1', '2', 1)}\n")
    [(_, row)] = READERS["conllu"].read(path, Options(multiword="keep"))
    assert row["words"] == ["I'm", "I", "I"]


def test_formats_by_the_end_of_a_name(tmp_path):
    tables = ["tsv", "csv", "jsonl", "json", "parquet"]
    assert [format_of(tmp_path / f"a.{end}") for end in (*tables, "ro", "txt")] == [*tables, "text", "text"]


LABELLED = """1-2\tYlda\t_\t_\t_\t_\t_\t_\t_\t_
1\tYl\t_\tNOUN\tNN\tCase=Ela|Number=Sing\t2\tobl\t_\tNER=B-ORG|SpaceAfter=No
2\tda\t_\tVERB\tVB\t_\t0\troot\t_\tNER=I-ORG
"""


def tags(form, path, content, **options):
    path.write_text(content)
    return [row["tags"] for _, row in READERS[form].read(path, Options(**options))]


def refused(form, path, content, said, **options):
    with pytest.raises(InputError) as caught:
        tags(form, path, content, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("upos", ["NOUN", "VERB"]), ("XPOS", ["NN", "VB"]), ("deprel", ["obl", "root"]),
        ("feats.Case", ["Ela", "_"]), ("misc.NER", ["B-ORG", "I-ORG"]),
    ],
)  # fmt: skip
def test_labels_from_any_column_of_conllu(tmp_path, column, found):
    assert tags("conllu", tmp_path / "a", LABELLED, tags=column) == [found]


def test_what_a_word_of_conllu_lacks(tmp_path):
    case = {"tags": "feats.Case", "labels": ("Ela", "_")}
    assert tags("conllu", tmp_path / "a", LABELLED, **case) == [["Ela", "_"]]
    case["labels"] = ("Ela", "Nom")
    refused("conllu", tmp_path / "a", LABELLED, "line 3: no feats.Case of 'da'; expected one, or _ among", **case)
    assert tags("conllu", tmp_path / "a", LABELLED, **case, label_map={"_": "Nom"}) == [["Ela", "Nom"]]
    both = {"tags": "upos", "labels": ("N", "V"), "label_map": {"NOUN": "N", "VERB": "V"}}
    assert tags("conllu", tmp_path / "a", LABELLED, **both) == [["N", "V"]]
    for column, said in (
        ("upso", "Did you mean upos"),
        ("feats", "expected feats.NAME"),
        ("upos.A", "expected upos"),
    ):
        refused("conllu", tmp_path / "a", LABELLED, said, tags=column)


def test_options_that_a_format_has_no_use_for():
    names = {"words": "--words", "delimiter": "--delimiter", "tags": "--column"}
    require_taken("columns", Options(words="1", delimiter="tab", tags="2"), names)
    with pytest.raises(
        InputError, match="--words is for columns, jsonl, json, parquet; the file is read as conllu"
    ):
        require_taken("conllu", Options(words="1"), names)
    with pytest.raises(InputError, match="--delimiter is for columns, csv; the file is read as tsv"):
        require_taken("tsv", Options(delimiter=";"), names)


COLUMNS = "# a\nJan 1 NNP I-PER\nde 2 IN I-PER\n\n# b\nOslo 1 NNP I-LOC\n"


def test_columns_by_number_and_comments_where_they_are_said_to_be(tmp_path):
    path = tmp_path / "a"
    path.write_text(COLUMNS)
    found = list(READERS["columns"].read(path, Options(words="1", tags="-2", comments="#")))
    assert found == [
        (2, {"words": ["Jan", "de"], "tags": ["NNP", "IN"]}),
        (6, {"words": ["Oslo"], "tags": ["NNP"]}),
    ]
    refused("columns", path, COLUMNS, "line 2: 4 columns; expected 2 columns separated by blanks, as before")
    tabs = COLUMNS.replace(" ", "\t").replace("de\t", "de la\t")
    assert tags("columns", path, tabs, comments="#", scheme="iob1") == [["B-PER", "I-PER"], ["B-LOC"]]
    for options, said in (
        ({"tags": "5"}, "line 2: no column 5 for labels; expected one of 4 columns"),
        ({"words": "4"}, "line 2: words and labels both in column 4"),
        ({"words": "zero"}, "the column of words is 'zero'; expected a number"),
        ({"delimiter": ";"}, "unknown delimiter of columns ';'"),
        (
            {"delimiter": "tab", "tags": "1", "words": "2"},
            "line 2: no column 2 for words; expected one of 1 column",
        ),
    ):
        refused("columns", path, COLUMNS, said, comments="#", **options)
    refused("columns", path, "a\t\nb\tX\n", "line 1: the label (column 2) is empty")
    refused("columns", path, "\tX\n", "line 1: the word (column 1) is empty")


SPANS = "B-PER I-PER B-PER O B-LOC I-LOC I-LOC"


@pytest.mark.parametrize(
    ("scheme", "labels"),
    [
        ("bio", SPANS), ("iob2", SPANS), ("iob1", "I-PER I-PER B-PER O I-LOC I-LOC I-LOC"),
        ("bioes", "B-PER E-PER S-PER O B-LOC I-LOC E-LOC"),
    ],
)  # fmt: skip
def test_schemes_of_spans_become_iob2(tmp_path, scheme, labels):
    content = "".join(f"w {label}\n" for label in labels.split())
    assert tags("columns", tmp_path / "a", content, scheme=scheme) == [SPANS.split()]


@given(st.lists(st.tuples(st.sampled_from(["", "PER", "LOC"]), st.integers(1, 3)), max_size=8))
def test_any_spans_are_read_alike_in_every_scheme(spans):
    def written(scheme):
        labels, before = [], ""
        for kind, length in spans:
            if not kind:
                labels, before = [*labels, "O"], ""
                continue
            letters = ["B", *"I" * (length - 1)]
            if scheme == "iob1" and kind != before:
                letters[0] = "I"
            if scheme == "bioes":
                letters[-1] = "E" if length > 1 else "S"
            labels, before = [*labels, *(f"{letter}-{kind}" for letter in letters)], kind
        return labels

    for scheme in ("bio", "iob1", "bioes"):
        found = Labels(Path("a"), Options(scheme=scheme)).of([*enumerate(written(scheme))])
        assert found == written("bio"), scheme


@pytest.mark.parametrize(
    ("scheme", "labels", "said"),
    [
        ("bio", "O I-PER", "line 2: I-PER behind O; expected labels in bio, where B- begins every span"),
        ("bio", "B-LOC I-PER", "line 2: I-PER behind B-LOC"),
        ("bio", "I-PER", "line 1: I-PER at the beginning of a sentence"),
        ("iob1", "O B-PER", "line 2: B-PER behind O"),
        ("bioes", "B-PER O", "line 2: O behind B-PER"),
        ("bioes", "B-PER B-PER", "line 2: B-PER behind B-PER"),
        ("bioes", "S-PER E-PER", "line 2: E-PER behind S-PER"),
        ("bioes", "O B-PER", "line 2: B-PER at the end of a sentence"),
        ("bio", "O S-PER", "line 2: label 'S-PER'; expected O, or a type behind one of B-, I- (bio)"),
        ("bio", "PER", "line 1: label 'PER'"),
        ("bilou", "O", "unknown scheme 'bilou'"),
    ],
)
def test_sequences_that_a_scheme_does_not_have(tmp_path, scheme, labels, said):
    refused("columns", tmp_path / "a", "".join(f"w {one}\n" for one in labels.split()), said, scheme=scheme)


def test_labels_are_known_or_mapped(tmp_path):
    known = {"labels": ("O", "B-PER", "I-PER"), "scheme": "bio"}
    content = "a B-person\nb I-person\nc B-date\nd _\n"
    refused("columns", tmp_path / "a", content, "line 4: label '_'", **known)
    mapped = {"person": "PER", "_": "O"}
    said = "line 3: unknown label 'B-date'; expected one of O B-PER I-PER, or a map of this one"
    refused("columns", tmp_path / "a", content, said, **known, label_map=mapped)
    for nothing in ("", None):
        refused(
            "columns",
            tmp_path / "a",
            content,
            "line 3: unknown label",
            **known,
            label_map={**mapped, "date": nothing},
        )
    assert tags("columns", tmp_path / "a", content, **known, label_map={**mapped, "date": "O"}) == [
        ["B-PER", "I-PER", "O", "O"]
    ]
    # types that become one stay two spans
    one = {"labels": ("O", "B-X", "I-X"), "label_map": {"A": "X", "B": "X"}}
    assert tags("columns", tmp_path / "a", "a I-A\nb I-B\n", scheme="iob1", **one) == [["B-X", "B-X"]]


def test_wikiann_of_any_types(tmp_path):
    content = "is:a\tB-MISC\nis:b\tI-LOC\n"
    assert tags("wikiann", tmp_path / "a", content, labels=("O", "B-MISC", "I-LOC")) == [["B-MISC", "I-LOC"]]
    refused("wikiann", tmp_path / "a", content, "line 1: unknown label 'B-MISC'")


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_tagged_sentences_in_tables(tmp_path, form):
    def write(**row):
        if form == "parquet":
            import pyarrow
            from pyarrow.parquet import write_table

            write_table(pyarrow.Table.from_pylist([row]), tmp_path / "a")
        else:
            (tmp_path / "a").write_text(json.dumps([row] if form == "json" else row))

    def read(**options):
        return [row for _, row in READERS[form].read(tmp_path / "a", Options(**options))]

    write(id=1, words=["Jan", "ok"], tags=["B-PER", "O"])
    assert read(tags="tags") == [{"words": ["Jan", "ok"], "tags": ["B-PER", "O"]}]
    write(s={"t": ["Jan", "ok"], "ner": {"ids": [1, 0]}})
    where = {"words": "s.t", "tags": "s.ner.ids"}
    assert read(**where, labels=("O", "B-PER"), label_map={"0": "O", "1": "B-PER"}) == [
        {"words": ["Jan", "ok"], "tags": ["B-PER", "O"]}
    ]
    with pytest.raises(InputError, match=r"(line|row) 1: unknown label '1'; expected one of O B-PER"):
        read(**where, labels=("O", "B-PER"))
    assert read(columns=("s.ner.ids",))[0]["s.ner.ids"] == [1, 0]
    for words, labels, said in (
        (["a"], ["O", "O"], "1 word and 2 labels"),
        ([" "], ["O"], "a list of words"),
        (["a\tb"], ["O"], "without tabs"),
        ([], [], "a list"),
    ):
        write(words=words, tags=labels)
        with pytest.raises(InputError, match=said):
            read(tags="tags")
    write(words=["a"], tags=[1.5])
    with pytest.raises(InputError, match=r"(line|row) 1: tags is '\[1\.5\]'; expected a list of labels"):
        read(words="words")


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ("csv", 'a,b\n1,"2', "line 2: unexpected end of data; expected a row of CSV"),
        ("csv", 'a,b\n1,2\n"1"x,2\n', "line 3: ',' expected after"),
        ("csv", "a,b\n1,2,3\n", "line 2: 3 columns; expected 2 columns"),
        ("csv", "a;b\n", "line 1: no column a; expected a header with the column a"),
        ("csv", "a,b,a\n", "line 1: column a is there twice"),
        ("tsv", "a\ta\n", "line 1: column a is there twice"),
        ("jsonl", '{"a": 1, "a": 2}', "(the key a is there twice); expected a JSON object"),
        ("json", '[{"a": 1,\n "a": 2}]', 'line 1: \'{"a": 1,\\n "a": 2}\' (the key a is there twice)'),
    ],
)
def test_tables_that_could_be_read_as_something_else(tmp_path, form, content, said):
    (tmp_path / "a").write_text(content)
    with pytest.raises(InputError) as caught:
        list(READERS[form].read(tmp_path / "a", Options(columns=("a",))))
    assert said in str(caught.value)


def test_csv_of_another_delimiter_and_without_a_header(tmp_path):
    (tmp_path / "a").write_text("1;2\n")
    assert list(READERS["csv"].read(tmp_path / "a", Options(header=("a", "b"), delimiter=";"))) == [
        (1, {"a": "1", "b": "2"})
    ]
    with pytest.raises(InputError, match="the delimiter is ';;'; expected one letter"):
        list(READERS["csv"].read(tmp_path / "a", Options(delimiter=";;")))
