"""What a mirror holds and nothing reads."""

import pytest

from hxbench.data import Corpora, Origin
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks.data_file import read_data_file

READ = (
    "ud-2.7/UD_Icelandic-PUD/is_pud-ud-test.conllu", "ud-2.7/UD_Icelandic-PUD/LICENSE.txt", "wikiann/zh-yue/test",
    "wikiann/is/train", "text/is.txt", "text/LICENSE-is.txt", "glue/CoLA/train.tsv", "glue/CoLA/original/raw.tsv",
    "UD_Turkish-IMST/a.conllu", "README.md", "MANIFEST.tsv", ".hidden/a",
)  # fmt: skip
OTHER = (
    "ud-2.7/UD_Icelandic-IcePaHC/a.conllu",
    "wikiann/de/train",
    "text/de.txt",
    "glue/AX/a.tsv",
    "news/a.jsonl",
    "b.conllu",
)


@pytest.fixture
def mirror(tmp_path):
    def made(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        return tmp_path

    return made


def said(root, own=None, collection="multilingual"):
    data = DataSpec(origin="mirror", collection=collection, described=own and own.described)
    return Corpora(Origin("mirror", root), data, own).unread()


def test_all_is_read(mirror):
    assert said(mirror(*READ)) == ""
    assert Corpora(Origin("sandbox")).unread() == ""


def test_what_is_not_is_named(mirror):
    root = mirror(*READ, *OTHER)
    for collection in ("multilingual", "english"):
        assert said(root, collection=collection) == (
            f"Not used of {root}: b.conllu, glue/AX, news, text/de.txt, ud-2.7/UD_Icelandic-IcePaHC and 1 more. "
            "To use such files, describe them (--data FILE)."
        )


def test_what_a_user_describes_is_read(mirror):
    root = mirror(*READ, *OTHER[:2])
    (root / "README.yaml").write_text(
        "extends: hyperx\nlanguages: {isl: {name: Old Icelandic}}\ncorpora:\n"
        "- {task: pos, language: isl, files: {train: ud-2.7/UD_Icelandic-IcePaHC/a.conllu}}\n"
    )
    assert said(root, read_data_file(root / "README.yaml")).startswith(f"Not used of {root}: wikiann/de")
