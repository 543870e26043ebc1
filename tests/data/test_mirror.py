from dataclasses import replace

import pytest

from hxbench.data.collection import collection_of
from hxbench.data.mirror import Mirror
from hxbench.data.mirror import find as find_part
from hxbench.errors import InputError
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of

LANGUAGES = language_set("hyperx")
check_mirror = collection_of(DataSpec(origin="mirror"), "mirror").check_mirror


def find(root, task, language, part):
    found = find_part(root, task_of(task), part, language)
    return found[0] if found else None


def find_splits(root, task, language):
    return Mirror(lambda _: root).parts(task_of(task), language)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


@pytest.mark.parametrize("release", ["ud-2.7/", ""])
def test_treebanks_in_both_places(tmp_path, release):
    path = touch(tmp_path / f"{release}UD_Kazakh-KTB/kk_ktb-ud-test.conllu")
    check_mirror(tmp_path)
    assert find(tmp_path, "pos", LANGUAGES["kk"], "test") == path
    assert find_splits(tmp_path, "pos", LANGUAGES["kk"]) == ("test",)
    assert find_splits(tmp_path, "pos", LANGUAGES["tr"]) == ()


@pytest.mark.parametrize("folder", ["yue", "zh-yue"])
def test_names_by_either_code(tmp_path, folder):
    for split in ("test", "train"):
        touch(tmp_path / "wikiann" / folder / split)
    assert find_splits(tmp_path, "ner", LANGUAGES["yue"]) == ("train", "test")


def test_text_is_train_only(tmp_path):
    touch(tmp_path / "text/yue.txt")
    assert find_splits(tmp_path, "mlm", LANGUAGES["yue"]) == ("train",)
    assert find_splits(tmp_path, "mlm", LANGUAGES["en"]) == ()


def test_not_a_mirror(tmp_path):
    touch(tmp_path / "readme")
    with pytest.raises(InputError, match=r"holds no corpus; looked for ud-2\.7/UD_\*, UD_\*, wikiann/ or text/"):
        check_mirror(tmp_path)
    with pytest.raises(InputError, match="does not exist; expected a mirror with"):
        check_mirror(tmp_path / "gone")
    with pytest.raises(InputError, match="is not a folder"):
        check_mirror(tmp_path / "readme")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", "a\\b", "a\0b", "c:x"])
def test_names_do_not_lead_out(tmp_path, name):
    english = LANGUAGES["en"]
    for language in (replace(english, treebank=name), replace(english, treebank_stem=name)):
        with pytest.raises(InputError, match="cannot be part of a file name"):
            find(tmp_path, "pos", language, "train")
    with pytest.raises(InputError, match="cannot be part of a file name"):
        find(tmp_path, "ner", replace(english, wikiann=name), "train")
    with pytest.raises(InputError, match="cannot be part of a file name"):
        find(tmp_path, "mlm", replace(english, code=name), "train")
    assert find(tmp_path, "ner", english, name) is None


def test_damage_is_not_a_lack(tmp_path):
    touch(tmp_path / "wikiann/en/train")
    treebanks = tmp_path / "ud-2.7"
    treebanks.touch()
    with pytest.raises(InputError, match=r"ud-2\.7 is not a folder"):
        check_mirror(tmp_path)
    with pytest.raises(InputError, match=r"ud-2\.7 is not a folder; expected one with UD_Turkish"):
        find(tmp_path, "pos", LANGUAGES["tr"], "test")
    treebanks.unlink()
    treebanks.symlink_to(treebanks)
    with pytest.raises(InputError, match=r"ud-2\.7 cannot be read \(Too many levels of symbolic links\)"):
        check_mirror(tmp_path)
    with pytest.raises(InputError, match=r"cannot be looked at \(Too many levels of symbolic links\)"):
        find(tmp_path, "pos", LANGUAGES["tr"], "test")
    treebanks.unlink()
    treebanks.symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"ud-2\.7 is a link to nothing"):
        check_mirror(tmp_path)
    (tmp_path / "wikiann/en/dev").symlink_to("gone")
    with pytest.raises(InputError, match="dev is a link to gone, where nothing is"):
        find_splits(tmp_path, "ner", LANGUAGES["en"])


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = touch(tmp_path / "wikiann/en/train")
    known = type(path).stat

    def stat(self, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return known(self, **options)

    monkeypatch.setattr(type(path), "stat", stat)
    with pytest.raises(InputError, match=r"wikiann/en/train cannot be looked at \(Permission denied\)"):
        find(tmp_path, "ner", LANGUAGES["en"], "train")
