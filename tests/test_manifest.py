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


def test_a_manifest_leads_nowhere_else(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "b.txt"
    other.write_text("b")
    manifest.write(folder)
    path = folder / manifest.NAME
    path.write_text(path.read_text().replace('"b.txt"', f'"{other}"'))
    manifest.verify(folder)
    (folder / "b.txt").unlink()
    with pytest.raises(InputError, match=r"b\.txt is missing"):
        manifest.verify(folder)
