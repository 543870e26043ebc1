"""The files: the same bytes everywhere, of the right sizes, with nothing of the evaluation in the training."""

import re
from collections import Counter
from hashlib import sha256

import pytest

from hxbench.sandbox import VERSIONS
from hxbench.sandbox.english import writer
from hxbench.sandbox.english.acceptability import judgement

TASKS = "CoLA SST-2 MRPC QQP STS-B MNLI QNLI RTE BoolQ CB WiC WSC SciTail XSUM".split()
# Changed only together with VERSION. Every run of the tests has other hashes of strings, so that this shows too
# that their order plays no part.
DIGESTS = {3: "15a1a1b490754b774523d17d2ec6fd2cdb334f01570873c0584d6a0823e856ba"}


def _digest(folder):
    total = sha256()
    for path in sorted(folder.rglob("*.*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def test_bytes_are_those_of_this_version(english):
    assert _digest(english) == DIGESTS[VERSIONS["english"]]


def test_another_seed_draws_other_examples():
    drawn = [writer.draw_splits("CoLA", judgement, seed, (40, 10)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1]
    assert not {text for text, _ in drawn[0][0]} & {text for text, _ in drawn[2][0]}


def test_all_files_are_there_and_small(english):
    files = {path.relative_to(english).as_posix() for path in english.rglob("*") if path.is_file()}
    wanted = {f"glue/{name}/{split}.tsv" for name in TASKS[:8] for split in ("train", "dev")}
    wanted -= {"glue/MNLI/dev.tsv"}
    wanted |= {"glue/MNLI/dev_matched.tsv", "glue/MNLI/dev_mismatched.tsv", "text/en.txt"}
    wanted |= {f"superglue/{name}/{split}.jsonl" for name in TASKS[8:12] for split in ("train", "val")}
    wanted |= {f"scitail/tsv_format/scitail_1.0_{split}.tsv" for split in ("train", "dev", "test")}
    wanted |= {f"xsum/{split}.jsonl" for split in ("train", "validation", "test")}
    wanted |= {f"wmt16/ro-en/{split}.{code}" for split in ("train", "dev", "test") for code in ("ro", "en")}
    assert files == wanted
    assert sum((english / file).stat().st_size for file in files) < 12_000_000
    assert not any(b"\r" in (english / file).read_bytes() for file in files)


@pytest.mark.parametrize("task", TASKS)
def test_sizes_and_no_input_twice(examples, task):
    splits = ["train", "dev", "test"] if task in ("SciTail", "XSUM") else ["train", "dev"]
    read = {split: [texts for texts, _ in examples(task, split)] for split in splits}
    assert [len(rows) for rows in read.values()] == list(writer.TASKS[task].sizes)
    together = [texts for rows in read.values() for texts in rows]
    assert len(set(together)) == len(together)
    assert all(text.strip() for texts in together for text in texts)


def test_mismatched_examples_are_of_another_genre(table, examples):
    assert {row["genre"] for row in table("glue/MNLI/dev_mismatched.tsv")} == {"letters"}
    assert {row["genre"] for row in table("glue/MNLI/train.tsv")} == {"tales"}
    assert len(examples("MNLI letters", "dev")) == 400
    assert not {texts for texts, _ in examples("MNLI", "train")} & {
        texts for texts, _ in examples("MNLI letters", "dev")
    }


def test_parallel_lines(english):
    folder = english / "wmt16" / "ro-en"
    seen = []
    for split, size in zip(("train", "dev", "test"), writer.TASKS["Ro-En"].sizes, strict=True):
        ro, en = ((folder / f"{split}.{code}").read_text().splitlines() for code in ("ro", "en"))
        assert len(ro) == len(en) == size
        seen += ro
    assert len(set(seen)) == len(seen)


def test_running_text_shows_nothing_that_is_evaluated(english, examples):
    text = (english / "text" / "en.txt").read_text().splitlines()
    assert len(text) == writer.TEXT_LINES
    shown = {*text, *(part.strip() for line in text for part in re.findall(r"[^.?!]*[.?!]", line))}
    assert len(shown) > 20_000
    evaluated = set()
    for task in [*TASKS, "MNLI letters"]:
        for split in ["dev", "test"] if task in ("SciTail", "XSUM") else ["dev"]:
            rows = examples(task, split)
            assert rows
            texts = {text.strip() for texts, _ in rows for text in texts} - {
                texts[0] for texts, _ in rows if task == "WiC"
            }
            evaluated |= texts | {summary for _, summary in rows if task == "XSUM"}
            if task == "XSUM":  # whose documents have much in common
                continue
            evaluated |= {part.strip() for text in texts for part in re.findall(r"[^.?!]*[.?!]", text)}
    for split in ("dev", "test"):
        for code in ("ro", "en"):
            evaluated |= set((english / "wmt16" / "ro-en" / f"{split}.{code}").read_text().splitlines())
    assert len(evaluated) > 4000
    assert not shown & evaluated


def test_words_are_few_and_all_in_the_running_text(english, examples):
    text = Counter((english / "text" / "en.txt").read_text().split())
    assert 300 < len(text) < 700
    trained = {
        word for task in TASKS for texts, _ in examples(task, "train") for part in texts for word in part.split()
    }
    assert not {word for word in trained if not word.isdigit()} - set(text)
    assert (
        sum(
            len(line) > 0 and len(line.split()) > 48 for line in (english / "text/en.txt").read_text().splitlines()
        )
        == 0
    )


@pytest.mark.parametrize("task", TASKS)
def test_sources_are_short(examples, task):
    assert max(sum(len(text.split()) for text in texts) for texts, _ in examples(task, "train")) <= 42
