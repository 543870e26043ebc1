"""All files of the English tasks: no example occurs twice, and raw text shows none of the held-out ones."""

import json
from collections.abc import Callable, Hashable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from hxbench.sandbox import write_lines
from hxbench.sandbox.english import inference
from hxbench.sandbox.english.acceptability import judgement
from hxbench.sandbox.english.formats import write_examples
from hxbench.sandbox.english.paraphrases import duplicates, graded, paraphrase
from hxbench.sandbox.english.questions import answered, passage, questions
from hxbench.sandbox.english.raw_text import lines, sentences
from hxbench.sandbox.english.reviews import long_review, review, short_review
from hxbench.sandbox.english.second_language import parallel
from hxbench.sandbox.english.senses import Reference, reference, same_sense
from hxbench.sandbox.english.summaries import coverage, dialogue, summary
from hxbench.sandbox.randomness import Draws

Example = tuple[Any, ...]
Maker = Callable[[Draws], Example]


class Made(NamedTuple):
    """The splits of a task: a file for each, what draws an example, and how many each has (scaled to seconds)."""

    files: str
    maker: Maker
    sizes: tuple[int, ...]


def _glue(name: str, maker: Maker, train: int) -> Made:
    return Made(f"glue/{name}/train.tsv glue/{name}/dev.tsv", maker, (train, 400))


def _superglue(name: str, maker: Maker, train: int, dev: int) -> Made:
    return Made(f"superglue/{name}/train.jsonl superglue/{name}/val.jsonl", maker, (train, dev))


def _letters(draws: Draws) -> Example:
    return inference.inference(draws, inference.LETTERS)


_SCITAIL = " ".join(f"scitail/tsv_format/scitail_1.0_{split}.tsv" for split in ("train", "dev", "test"))
TASKS = {  # the order of their sizes is that of the releases
    "CoLA": _glue("CoLA", judgement, 3000),
    "SST-2": _glue("SST-2", review, 3000),
    "MRPC": _glue("MRPC", paraphrase, 2500),
    "QQP": _glue("QQP", duplicates, 4000),
    "STS-B": _glue("STS-B", graded, 2500),
    "QNLI": _glue("QNLI", answered, 4000),
    "RTE": _glue("RTE", inference.entailment, 2000),
    "BoolQ": _superglue("BoolQ", passage, 3000, 400),
    "CB": _superglue("CB", inference.commitment, 250, 120),
    "WiC": _superglue("WiC", same_sense, 2500, 400),
    "WSC": _superglue("WSC", reference, 1000, 240),
    "MNLI": Made("glue/MNLI/train.tsv glue/MNLI/dev_matched.tsv", inference.inference, (4000, 400)),
    "MNLI letters": Made("glue/MNLI/dev_mismatched.tsv", _letters, (400,)),  # all of them held out
    "SciTail": Made(_SCITAIL, inference.fact, (3000, 300, 400)),
    "XSUM": Made("xsum/train.jsonl xsum/validation.jsonl xsum/test.jsonl", summary, (2000, 200, 200)),
    "Ro-En": Made("wmt16/ro-en/train wmt16/ro-en/dev wmt16/ro-en/test", parallel, (3000, 200, 200)),
}
TEXT_LINES = 60000
# those that only PET scaling has: train, then dev and test, or the one of them that the release has
SIZES: dict[str, tuple[int, ...]] = {
    "IMDB": (2500, 400),
    "Rotten Tomatoes": (3000, 200, 400),
    "SAMSum": (2000, 200, 200),
    "Multi-News": (2000, 200, 200),
}
QUESTIONS = (300, 120)  # of NQ-Open, train and dev


def _input(example: Example) -> Hashable:
    """Return an example without its label: what must not occur twice."""
    return (example.text, example.span1_index) if isinstance(example, Reference) else example[:-1]


def draw_splits(name: str, maker: Maker, seed: int, sizes: Iterable[int]) -> list[list[Example]]:
    """Return as many examples for each split as `sizes` says, no input in two of them or twice in one."""
    draws, seen = Draws(seed, "english", name), set()
    splits: list[list[Example]] = []
    for size in sizes:
        rows: list[Example] = []
        while len(rows) < size:
            row = maker(draws)
            if _input(row) not in seen:
                seen.add(_input(row))
                rows.append(row)
        splits.append(rows)
    return splits


def _texts(example: Example) -> list[str]:
    """Return the texts of an example; a label among them does no harm."""
    if isinstance(example, Reference):
        return [example.text]
    return [part for part in example if isinstance(part, str)]


def write_english(folder: Path, seed: int) -> None:
    """Write all tasks of PHA under `folder`, and raw text to pre-train on, `text/en.txt`."""
    held_out: list[tuple[str, str]] = []
    for name, (files, maker, sizes) in TASKS.items():
        splits = draw_splits(name, maker, seed, sizes)
        hidden = chain.from_iterable(splits if name == "MNLI letters" else splits[1:])
        held_out += [(name, text) for example in hidden for text in _texts(example)]
        first = 0
        for file, rows in zip(files.split(), splits, strict=True):
            write_examples(folder / file, name.partition(" ")[0], rows, first)
            first += len(rows) if name == "XSUM" else 0
    # The asides of documents are few, and in all of them: "she waited at home ." is no news.
    parts = [part for name, text in held_out if name != "XSUM" for part in sentences(text)]
    kept_back = frozenset([*(text for _, text in held_out), *parts])
    write_lines(folder / "text" / "en.txt", lines(Draws(seed, "english", "text"), TEXT_LINES, kept_back))


def write_pet(folder: Path, seed: int) -> None:
    """Write the five tasks that only PET scaling has under `folder`, of the same grammar and words."""

    def splits(name: str, maker: Maker, parts: str) -> Iterable[tuple[str, list[Example]]]:
        return zip(parts.split(), draw_splits(name, maker, seed, SIZES[name]), strict=True)

    for part, rows in splits("IMDB", long_review, "train test"):
        write_examples(folder / "imdb" / f"{part}.jsonl", "IMDB", rows)
    for part, rows in splits("Rotten Tomatoes", short_review, "train validation test"):
        for label in ("neg", "pos"):
            # a blank behind each sentence, as in the release
            texts = (f"{text} " for text, known in rows if known == label)
            write_lines(folder / "rotten_tomatoes" / part / f"rt-polarity.{label}", texts)
    for part, asked in zip(("train", "dev"), questions(seed, QUESTIONS), strict=True):
        write_examples(folder / "nq_open" / f"NQ-open.{part}.jsonl", "NQ-Open", asked)
    for part, rows in splits("SAMSum", dialogue, "train val test"):
        objects = [
            json.dumps({"id": f"{part}-{number}", "summary": short, "dialogue": text})
            for number, (text, short) in enumerate(rows)
        ]
        # one list of objects, one a line
        chats = ["[", *(f"{one}," for one in objects[:-1]), objects[-1], "]"]
        write_lines(folder / "samsum" / f"{part}.json", chats)
    for part, rows in splits("Multi-News", coverage, "train validation test"):
        write_examples(folder / "multi_news" / f"{part}.jsonl", "Multi-News", rows)
