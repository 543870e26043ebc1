"""Every format is read through one signature, by its name: numbered rows, one at a time."""

import pytest

from hxbench.data.readers import READERS, Options, format_of
from hxbench.errors import InputError

WORD = "1\tI\t_\tPRON\t_\t_\t0\troot\t_\t_\n"
FILES = {  # format → content, and its rows as they are to be read with the columns a and b
    "conllu": (f"# one\n{WORD}\n{WORD}\n", [(line, {"words": ["I"], "tags": ["PRON"]}) for line in (1, 4)]),
    "wikiann": ("\nen:I\tO\nen:go\tO\n\n", [(2, {"words": ["I", "go"], "tags": ["O", "O"]})]),
    "text": ("\none\n\ntwo\n", [(2, {"text": "one"}), (4, {"text": "two"})]),
    "tsv": ("b\ta\n1\t2\n", [(2, {"a": "2", "b": "1"})]),
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
    assert [format_of(tmp_path / f"a.{end}") for end in ("tsv", "jsonl", "json", "parquet", "ro", "txt")] == [
        "tsv", "jsonl", "json", "parquet", "text", "text",
    ]  # fmt: skip
