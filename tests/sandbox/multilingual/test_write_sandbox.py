from collections import defaultdict
from hashlib import sha256
from pathlib import Path

import pytest

from hxbench.sandbox import VERSIONS
from hxbench.sandbox.multilingual.lexicon import Lexicon
from hxbench.sandbox.multilingual.sentences import Speaker
from hxbench.sandbox.multilingual.writer import NER_SIZES, POS_SIZES, SPLITS, TEXT_SIZE
from hxbench.sandbox.randomness import Draws
from hxbench.spec.languages import language_set

LANGUAGES = language_set("sandbox")
# The bytes of seed 0. When they change on purpose, raise VERSION: caches are kept under it.
GOLDEN = {2: "394418d8013465504cdd7ca233c39c8e65e646a690993dc469ca195f4cb60258"}


def digest(root: Path) -> str:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    assert files
    whole = sha256()
    for path in files:
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def treebank(root: Path, code: str, split: str) -> Path:
    language = LANGUAGES[code]
    return root / "ud-2.7" / language.treebank / f"{language.treebank_stem}-ud-{split}.conllu"


def blocks(path: Path) -> list[list[str]]:
    text = path.read_text("utf-8")
    assert text.endswith("\n\n")
    return [block.split("\n") for block in text.removesuffix("\n\n").split("\n\n")]


def test_bytes_are_those_of_this_version(sandbox):
    assert digest(sandbox) == GOLDEN[VERSIONS["multilingual"]]


def test_another_seed_has_other_sentences():
    def said(of_words, of_sentences):
        speaker = Speaker("qaa", Lexicon(of_words), Draws(of_sentences, "text", "qaa"))
        return [speaker.sentence() for _ in range(5)]

    assert said(0, 0) == said(0, 0)
    assert said(0, 0) != said(0, 1), "the seed draws sentences"
    assert said(0, 0) != said(1, 0), "and the words of the languages"


@pytest.mark.parametrize("code", LANGUAGES)
def test_sizes_are_those_of_the_imitated_language(sandbox, code):
    paper = LANGUAGES[code].paper_code
    assert len((sandbox / "text" / f"{code}.txt").read_text("utf-8").splitlines()) == TEXT_SIZE
    for split, pos, ner in zip(SPLITS, POS_SIZES[paper], NER_SIZES[paper], strict=True):
        path = treebank(sandbox, code, split)
        assert path.exists() == bool(pos)
        assert not pos or len(blocks(path)) == pos
        assert len(blocks(sandbox / "wikiann" / code / split)) == ner


def test_treebanks_are_well_formed(sandbox):
    paths = sorted((sandbox / "ud-2.7").rglob("*.conllu"))
    assert len(paths) == 16 + 9 + 7  # test, train and dev splits
    ranges, empty = defaultdict(int), defaultdict(int)
    for path in paths:
        for block in blocks(path):
            assert block[0].startswith("# sent_id = ")
            assert block[1].startswith("# text = ")
            expected, covered, forms = 1, 0, []
            for row in block[2:]:
                columns = row.split("\t")
                assert len(columns) == 10
                assert all(columns)
                if "-" in columns[0]:
                    first, last = map(int, columns[0].split("-"))
                    assert first == expected
                    assert last > first
                    covered = last
                    ranges[path.parent.name] += 1
                    forms.append(columns[1])
                elif "." in columns[0]:
                    assert columns[0] == f"{expected - 1}.1"
                    empty[path.parent.name] += 1
                else:
                    assert columns[0] == str(expected)
                    if expected > covered:
                        forms.append(columns[1])
                    expected += 1
            assert expected > covered
            assert block[1].removeprefix("# text = ").replace(" ", "") == "".join(forms)
    assert {"UD_Sandbox-B", "UD_Sandbox-C", "UD_Sandbox-H", "UD_Sandbox-M"} <= set(ranges)
    assert {"UD_Sandbox-B", "UD_Sandbox-L", "UD_Sandbox-N"} == set(empty)


def test_the_source_treebank_has_many_tags_and_ambiguous_forms(sandbox):
    tags = defaultdict(set)
    for block in blocks(treebank(sandbox, "qaa", "train")):
        for row in block[2:]:
            columns = row.split("\t")
            tags[columns[1]].add(columns[3])
    assert len(set().union(*tags.values())) >= 12
    assert sum({"NOUN", "VERB"} <= both for both in tags.values()) >= 3


@pytest.mark.parametrize("code", LANGUAGES)
def test_names_are_iob2_and_partly_new_in_dev(sandbox, code):
    names = {}
    for split in SPLITS:
        found = set()
        for block in blocks(sandbox / "wikiann" / code / split):
            before = "O"
            for row in block:
                token, tag = row.split("\t")
                assert token.startswith(f"{code}:")
                assert len(token) > 4
                assert tag in {"O", *(f"{i}-{kind}" for i in "BI" for kind in ("PER", "ORG", "LOC"))}
                assert not tag.startswith("I-") or before[2:] == tag[2:]
                if tag != "O":
                    found.add((token, tag[2:]))
                before = tag
        names[split] = found
    assert {kind for _, kind in names["train"]} == {"PER", "ORG", "LOC"}
    assert 0.1 < len(names["dev"] - names["train"]) / len(names["dev"]) < 0.9
