"""All files: examples that never occur twice, and text that shows none of the held-out ones."""

from collections.abc import Callable, Hashable
from itertools import chain
from pathlib import Path
from typing import TypeVar

from hxbench.sandbox import write_lines
from hxbench.sandbox.english import inference
from hxbench.sandbox.english.acceptability import judgement
from hxbench.sandbox.english.formats import write_examples, write_mnli
from hxbench.sandbox.english.questions import answered, passage
from hxbench.sandbox.english.raw_text import lines, sentences
from hxbench.sandbox.english.reference import Reference, reference
from hxbench.sandbox.english.requests import duplicates
from hxbench.sandbox.english.reviews import review
from hxbench.sandbox.english.second_language import parallel
from hxbench.sandbox.english.senses import same_sense
from hxbench.sandbox.english.similarity import graded, paraphrase
from hxbench.sandbox.english.summaries import summary
from hxbench.sandbox.randomness import Draws

Example = tuple[str | bool, ...] | Reference
T = TypeVar("T", bound=Example)

# how many examples a split has: the order of the releases, scaled to seconds
TRAIN = {
    "CoLA": 3000, "SST-2": 3000, "MRPC": 2500, "QQP": 4000, "STS-B": 2500, "MNLI": 4000, "QNLI": 4000, "RTE": 2000,
    "BoolQ": 3000, "CB": 250, "WiC": 2500, "WSC": 1000, "SciTail": 3000, "XSUM": 2000, "Ro-En": 3000,
}  # fmt: skip
HELD_OUT = {
    "CoLA": (400,), "SST-2": (400,), "MRPC": (400,), "QQP": (400,), "STS-B": (400,), "QNLI": (400,), "RTE": (400,),
    "BoolQ": (400,), "CB": (120,), "WiC": (400,), "WSC": (240,), "MNLI": (400,), "SciTail": (300, 400),
    "XSUM": (200, 200), "Ro-En": (200, 200),
}  # fmt: skip
TEXT_LINES = 60000

_GLUE: dict[str, Callable] = {
    "CoLA": judgement, "SST-2": review, "MRPC": paraphrase, "QQP": duplicates, "STS-B": graded, "QNLI": answered,
    "RTE": inference.entailment,
}  # fmt: skip
_SUPERGLUE: dict[str, Callable] = {
    "BoolQ": passage, "CB": inference.commitment, "WiC": same_sense, "WSC": reference,
}  # fmt: skip


def _input(example: Example) -> Hashable:
    """Return an example without its label: what must not occur twice."""
    return (example.text, example.span1_index) if isinstance(example, Reference) else example[:-1]


def draw_splits(name: str, maker: Callable[[Draws], T], seed: int, counts: tuple[int, ...]) -> list[list[T]]:
    """Return as many examples for each split as asked for, no input in two of them or twice in one."""
    draws, seen = Draws(seed, "english", name), set()
    splits: list[list[T]] = []
    for count in counts:
        rows: list[T] = []
        while len(rows) < count:
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
    """Write all tasks of PHA and raw text to pre-train on under `folder`.

    `glue/<set>/{train,dev}.tsv`, `superglue/<set>/{train,val}.jsonl`,
    `scitail/tsv_format/scitail_1.0_{train,dev,test}.tsv`, `xsum/{train,validation,test}.jsonl`,
    `wmt16/ro-en/{train,dev,test}.{ro,en}` and `text/en.txt`.
    """
    held_out: list[tuple[str, Example]] = []

    def splits(name: str, maker: Callable[[Draws], T]) -> list[list[T]]:
        made = draw_splits(name, maker, seed, (TRAIN[name], *HELD_OUT[name]))
        held_out.extend((name, example) for example in chain.from_iterable(made[1:]))
        return made

    for suite, tasks, names in (
        ("glue", _GLUE, ("train.tsv", "dev.tsv")),
        ("superglue", _SUPERGLUE, ("train.jsonl", "val.jsonl")),
    ):
        for name, maker in tasks.items():
            for file, rows in zip(names, splits(name, maker), strict=True):
                write_examples(folder / suite / name / file, name, rows)

    train, dev = splits("MNLI", inference.inference)
    in_letters = lambda draws: inference.inference(draws, inference.LETTERS)  # noqa: E731
    [letters] = draw_splits("MNLI letters", in_letters, seed, (400,))
    held_out.extend(("MNLI letters", example) for example in letters)
    mnli = folder / "glue" / "MNLI"
    write_mnli(mnli / "train.tsv", train, "tales", 1)
    write_mnli(mnli / "dev_matched.tsv", dev, "tales", 5)
    write_mnli(mnli / "dev_mismatched.tsv", letters, "letters", 5)

    for split, rows in zip(("train", "dev", "test"), splits("SciTail", inference.fact), strict=True):
        write_examples(folder / "scitail" / "tsv_format" / f"scitail_1.0_{split}.tsv", "SciTail", rows)
    first = 0
    for split, documents in zip(("train", "validation", "test"), splits("XSUM", summary), strict=True):
        write_examples(folder / "xsum" / f"{split}.jsonl", "XSUM", documents, first)
        first += len(documents)
    for split, pairs in zip(("train", "dev", "test"), splits("Ro-En", parallel), strict=True):
        for place, code in enumerate(("ro", "en")):
            write_lines(folder / "wmt16" / "ro-en" / f"{split}.{code}", (pair[place] for pair in pairs))

    texts = [(name, text) for name, example in held_out for text in _texts(example)]
    # The asides of documents are few, and in all of them: "she waited at home ." is no news.
    parts = [part for name, text in texts if name != "XSUM" for part in sentences(text)]
    kept_back = frozenset([*(text for _, text in texts), *parts])
    write_lines(folder / "text" / "en.txt", lines(Draws(seed, "english", "text"), TEXT_LINES, kept_back))
