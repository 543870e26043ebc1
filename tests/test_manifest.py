"""Manifests: a folder is complete or not, and what changed in it is named."""

import pytest

from hxbench import manifest
from hxbench.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "b.txt").write_text("b")
    return tmp_path


def test_a_folder_is_complete_once_it_has_its_manifest(folder):
    assert not manifest.is_complete(folder)
    manifest.write(folder)
    assert manifest.is_complete(folder)
    manifest.verify(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["a.bin", "b.txt", manifest.NAME], "nothing is left over"
    manifest.write(folder)
    manifest.verify(folder)


@pytest.mark.parametrize("position", [0, 12_345, 25_599])
def test_one_flipped_bit_is_found_and_the_file_named(folder, position):
    manifest.write(folder)
    content = bytearray((folder / "a.bin").read_bytes())
    content[position] ^= 1
    (folder / "a.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.bin is damaged"):
        manifest.verify(folder)


def test_a_missing_file_is_named(folder):
    manifest.write(folder)
    (folder / "b.txt").unlink()
    with pytest.raises(InputError, match=r"b\.txt is missing"):
        manifest.verify(folder)


@pytest.mark.parametrize("name", ["/etc/hostname", "../b.txt", "sub/../b.txt", "./b.txt", "", "..", "sub//b.txt"])
def test_a_manifest_leads_nowhere_else(folder, name):
    manifest.write(folder)
    path = folder / manifest.NAME
    path.write_text(path.read_text().replace('"b.txt"', f'"{name}"'))
    with pytest.raises(InputError, match="is no file of this folder"):
        manifest.verify(folder)


def test_named_files_of_subfolders_are_recorded(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "c").write_text("c")
    manifest.write(folder, ["b.txt", "sub/c"])
    assert set(manifest.read(folder)) == {"b.txt", "sub/c"}
    manifest.verify(folder)
    (folder / "sub" / "c").write_text("d")
    with pytest.raises(InputError, match="sub/c is damaged"):
        manifest.verify(folder)


@pytest.mark.parametrize("text", ["", "[1]", '{"b.txt": 1}', "[" * 100_000, '{"b.txt": "x", "b.txt": "y"}'])
def test_a_manifest_that_is_none_is_named(folder, text):
    (folder / manifest.NAME).write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json is damaged: "):
        manifest.verify(folder)
