import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hxbench.data.readers import wikiann
from hxbench.data.readers.wikiann import NER_TAGS
from hxbench.errors import InputError


def read_wikiann(path):
    """Yield the words and tags of each sentence."""
    for _, row in wikiann.read_wikiann(path):
        yield row["words"], row["tags"]


def read_wikiann_parquet(path):
    """Yield the words and tags of each sentence."""
    for _, row in wikiann.read_wikiann_parquet(path):
        yield row["words"], row["tags"]


def written(tmp_path, content):
    path = tmp_path / "train"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_prefix_is_stripped_once(tmp_path):
    path = written(tmp_path, "zh-yue:R\tO\nzh-yue::\tO\nzh-yue:a:b\tB-ORG\nzh-yue:zh-yue:\tI-ORG\n\n")
    assert list(read_wikiann(path)) == [(["R", ":", "a:b", "zh-yue:"], ["O", "O", "B-ORG", "I-ORG"])]


def test_empty_tokens_stay(tmp_path):
    path = written(tmp_path, "en:New\tB-LOC\nen:\tI-LOC\nen:York\tI-LOC\n")
    assert list(read_wikiann(path)) == [(["New", "", "York"], ["B-LOC", "I-LOC", "I-LOC"])]


@pytest.mark.parametrize(
    "content", ["en:a\tO\r\n\r\nen:b\tO\r\n", "\ufeffen:a\tO\n\n\n\nen:b\tO", "\nen:a\tO\n \nen:b\tO\n\n"]
)
def test_forms_of_the_same_content(tmp_path, content):
    assert list(read_wikiann(written(tmp_path, content))) == [(["a"], ["O"]), (["b"], ["O"])]


BROKEN = {
    "no tag": ("en:a\tO\nen:b\n", 2, "1 column", "one tab"),
    "blank for a tab": ("en:a O\n", 1, "1 column", "one tab"),
    "three columns": ("en:a\tx\tO\n", 1, "3 columns", "one tab"),
    "unknown tag": ("en:a\tO\n\nen:b\tB-MISC\n", 3, "unknown label 'B-MISC'", "B-PER"),
    "no prefix": ("Saunders\tB-PER\n", 1, "no language prefix in 'Saunders'", "en:word"),
    "no prefix but a colon": ("en:a\tO\nx:b\tO\n", 2, "token 'x:b'", "prefix en:"),
    "upper-case prefix": ("EN:a\tO\n", 1, "no language prefix", "en:word"),
    "another language": ("en:a\tO\n\nde:b\tO\n", 3, "token 'de:b'", "prefix en:"),
    "not UTF-8": (b"en:a\tO\nen:\xff\tO\n", 2, "byte 0xff at position 4", "UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_lines_are_named(tmp_path, name):
    content, number, found, expected = BROKEN[name]
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_wikiann(path))
    before, _, after = str(caught.value).partition("; expected")
    assert before.startswith(f"{path}, line {number}: ")
    assert found in before
    assert expected in after
    assert "\n" not in str(caught.value)


def test_empty_missing_directory(tmp_path):
    path = written(tmp_path, "\n\n")
    with pytest.raises(InputError, match=f"{re.escape(str(path))} holds no sentence"):
        list(read_wikiann(path))
    with pytest.raises(InputError, match="does not exist; expected a WikiANN file"):
        list(read_wikiann(tmp_path / "dev"))
    with pytest.raises(InputError, match="is a directory; expected a WikiANN file"):
        list(read_wikiann(tmp_path))


TOKENS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), max_size=8)
SENTENCES = st.lists(st.tuples(TOKENS, st.sampled_from(NER_TAGS)), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    corpus=st.lists(SENTENCES, min_size=1, max_size=5),
    code=st.sampled_from(["en", "zh-yue", "be-x-old", "simple", "qaa"]),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_round_trip(tmp_path_factory, corpus, code, end, last):
    lines = []
    for sentence in corpus:
        lines += [f"{code}:{token}\t{tag}" for token, tag in sentence] + [""]
    path = tmp_path_factory.mktemp("trip") / "train"
    path.write_bytes(end.join(lines if last else lines[:-1]).encode())
    assert [list(zip(*s, strict=True)) for s in read_wikiann(path)] == corpus


def parquet(tmp_path, **columns):
    import pyarrow
    from pyarrow.parquet import write_table

    path = tmp_path / "a.parquet"
    write_table(pyarrow.table(columns), path)
    return path


def test_parquet(tmp_path):
    path = parquet(tmp_path, tokens=[["a", ":"], ["b"]], ner_tags=[[1, 2], [0]], langs=[["en", "en"], ["en"]])
    assert list(read_wikiann_parquet(path)) == [(["a", ":"], ["B-PER", "I-PER"]), (["b"], ["O"])]


def test_broken_parquet(tmp_path):
    with pytest.raises(InputError, match="expected one of 0 to 6"):
        list(read_wikiann_parquet(parquet(tmp_path, tokens=[["a"]], ner_tags=[[7]])))
    with pytest.raises(InputError, match="expected one of 0 to 6"):
        list(read_wikiann_parquet(parquet(tmp_path, tokens=[["a", "b"]], ner_tags=[[0]])))
    with pytest.raises(InputError, match="expected a Parquet file with the columns tokens, ner_tags"):
        list(read_wikiann_parquet(parquet(tmp_path, tokens=[["a"]])))
    with pytest.raises(InputError, match="expected a Parquet file"):
        list(read_wikiann_parquet(written(tmp_path, "en:a\tO\n")))
