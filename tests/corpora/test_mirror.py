from dataclasses import replace

import pytest

from hxbench.corpora.mirror import check_mirror, find, find_splits
from hxbench.errors import InputError
from hxbench.languages import language_set

LANGUAGES = language_set("hyperx")


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
    with pytest.raises(InputError, match="cannot be part of a file name"):
        find(tmp_path, "ner", english, name)
