"""Files of the cache: whatever happens to one, what is read afterwards is what was written."""

import os

import pytest
from datasets import Features, List, Value

from hxbench.data import arrow, digest
from hxbench.data.arrow import cached, is_whole, rows_of, write_sealed
from hxbench.errors import InputError

ROWS = [[[1, 2, 3], [4], []], [7, 8, 9]]
WANTED = {"words": ROWS[0], "label": ROWS[1]}


def columns():
    return Features({"words": List(Value("int32")), "label": Value("int8")})


@pytest.fixture
def place(tmp_path):
    return tmp_path / "encoded" / "a.arrow"


def read(place):
    """Return what is in the cache, and how often it had to be made."""
    made = []

    def make():
        made.append(1)
        yield ROWS

    return cached(place, "x", columns(), make).to_dict(), len(made)


def note_of(place):
    return place.with_name(f"{place.name}.json")


def test_written_once_with_its_note(place):
    assert read(place) == (WANTED, 1)
    assert read(place) == (WANTED, 0)
    assert rows_of(place) == 3
    assert sorted(place.parent.iterdir()) == [place, note_of(place)]


@pytest.mark.parametrize("which", [lambda place: place, note_of], ids=["file", "note"])
def test_every_flipped_byte_is_found_and_mended(which, place):
    read(place)
    path = which(place)
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        assert not is_whole(place), position
        if path != place:
            assert rows_of(place) is None, position
    assert read(place) == (WANTED, 1)
    assert path.read_bytes() == sound


@pytest.mark.parametrize("which", [lambda place: place, note_of], ids=["file", "note"])
def test_every_cut_is_found_and_mended(which, place):
    read(place)
    path = which(place)
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        assert not is_whole(place), length
        assert rows_of(place) is None, length
    assert read(place) == (WANTED, 1)
    for length in (0, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:length])
        assert read(place) == (WANTED, 1)
    path.write_bytes(sound + b"\0")
    assert read(place) == (WANTED, 1)
    path.unlink()
    assert read(place) == (WANTED, 1)


def test_another_file_with_its_own_note_is_not_the_one_of_the_name(place):
    read(place)
    other = place.with_name("b.arrow")
    cached(other, "y", columns(), lambda: iter([[[[9]], [1]]]))
    place.write_bytes(other.read_bytes())
    note_of(place).write_bytes(note_of(other).read_bytes())
    assert rows_of(place) is None
    assert read(place) == (WANTED, 1)


@pytest.mark.parametrize("bit", [1, 4])
def test_a_remembered_digest_is_believed_only_whole(tmp_path, monkeypatch, bit):
    monkeypatch.setattr(digest, "_SETTLED", -1.0)
    source = tmp_path / "a.conllu"
    source.write_bytes(b"hello")
    right = digest.file_digest(source, tmp_path / "sums")
    (note,) = (tmp_path / "sums").iterdir()
    sound = note.read_bytes()
    for position in range(len(sound)):
        note.write_bytes(sound[:position] + bytes([sound[position] ^ bit]) + sound[position + 1 :])
        assert digest.file_digest(source, tmp_path / "sums") == right, position


def test_a_file_of_an_earlier_version_has_no_note_and_is_made_again_once(place):
    read(place)
    note_of(place).unlink()
    assert rows_of(place) is None
    assert read(place) == (WANTED, 1)
    assert read(place) == (WANTED, 0)


def test_other_columns_or_no_arrow_file_at_all_with_a_fitting_note(place):
    write_sealed(place, lambda part: part.write_bytes(b"hello"))
    assert is_whole(place)
    assert read(place) == (WANTED, 1)
    other = Features({"words": List(Value("int64")), "label": Value("int8")})
    assert cached(place, "x", other, lambda: iter([ROWS])).features == other


def test_it_is_checked_once_a_process_and_state(place, monkeypatch):
    read(place)
    hashed = []
    known = arrow.manifest.file_digest
    monkeypatch.setattr(arrow.manifest, "file_digest", lambda path: hashed.append(path) or known(path))
    for _ in range(3):
        assert is_whole(place)
    assert hashed == []
    os.utime(place)
    assert is_whole(place)
    assert hashed == [place]
    assert rows_of(place) == 3
    assert hashed == [place]


def test_what_a_failed_reader_wrote_is_gone(place):
    def make():
        yield ROWS
        raise InputError("broken")

    with pytest.raises(InputError, match="broken"):
        cached(place, "x", columns(), make)
    assert list(place.parent.iterdir()) == []


def test_a_disk_that_does_not_give_back_what_it_got(place, monkeypatch):
    monkeypatch.setattr(arrow, "is_whole", lambda path: False)
    with pytest.raises(InputError, match="cannot be read back after writing; is the disk of the cache sound"):
        read(place)


def test_no_rows_are_a_file_too(place):
    found = cached(place, "x", columns(), lambda: iter([]))
    assert len(found) == 0
    assert rows_of(place) == 0
