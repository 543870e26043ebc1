import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hxbench.data.readers import lines
from hxbench.data.readers.lines import read_text
from hxbench.errors import InputError


@settings(max_examples=60, deadline=None)
@given(
    sentences=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=12)),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_that_is_not_blank_in_order(tmp_path_factory, sentences, end):
    path = tmp_path_factory.mktemp("trip") / "a.txt"
    path.write_bytes(end.join(["first", *sentences]).encode())
    assert [row["text"] for _, row in read_text(path)] == [
        "first",
        *(s for s in sentences if s and not s.isspace()),
    ]


def test_broken_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b" \n\n")
    with pytest.raises(InputError, match="holds no sentence; expected a text file with one a line"):
        list(read_text(path))
    path.write_bytes(b"good\nbad \xc3\n")
    with pytest.raises(InputError, match=r"a\.txt, line 2: byte 0xc3 at position 5 of the line is not UTF-8"):
        list(read_text(path))
    with pytest.raises(InputError, match="does not exist"):
        list(read_text(tmp_path / "b.txt"))
    with pytest.raises(InputError, match="is a directory"):
        list(read_text(tmp_path))


def test_one_endless_line(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    path = tmp_path / "a.txt"
    path.write_bytes(b"short\n" + b"x" * 101)
    with pytest.raises(InputError, match="line 2: more than 4 MiB without a line end"):
        list(read_text(path))
