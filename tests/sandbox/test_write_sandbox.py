from hashlib import sha256
from pathlib import Path

import pytest

from hxbench.languages import language_set
from hxbench.sandbox import write_sandbox
from hxbench.sandbox.sizes import NER_SIZES, POS_SIZES, SPLITS, TEXT_SIZE

LANGUAGES = language_set("sandbox")


def digest(root: Path) -> str:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    assert files
    whole = sha256()
    for path in files:
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    root = tmp_path_factory.mktemp("sandbox")
    write_sandbox(root)
    return root


def test_same_seed_same_bytes_and_another_seed_others(sandbox, tmp_path):
    write_sandbox(tmp_path / "again")
    write_sandbox(tmp_path / "other", seed=1)
    assert digest(tmp_path / "again") == digest(sandbox)
    assert digest(tmp_path / "other") != digest(sandbox)


@pytest.mark.parametrize("code", LANGUAGES)
def test_sizes(sandbox, code):
    language = LANGUAGES[code]
    assert len((sandbox / "text" / f"{code}.txt").read_text("utf-8").splitlines()) == TEXT_SIZE
    for split, pos, ner in zip(
        SPLITS, POS_SIZES[language.paper_code], NER_SIZES[language.paper_code], strict=True
    ):
        treebank = sandbox / "ud-2.7" / language.treebank / f"{language.treebank_stem}-ud-{split}.conllu"
        assert treebank.exists() == bool(pos)
        if pos:
            assert treebank.read_text("utf-8").count("\n\n") == pos
        assert (sandbox / "wikiann" / code / split).read_text("utf-8").count("\n\n") == ner
