"""The file formats of the releases: tables, objects a line, and lines side by side."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from hxbench.sandbox import write_lines
from hxbench.sandbox.english.senses import position

# The header, its columns divided by `|` (none: the file has no header), and a row by its number and the example.
_TABLES: dict[str, tuple[str, Callable[..., Sequence[object]]]] = {
    # "*" is the author's mark
    "CoLA": ("", lambda _, text, label: ("sb00", label, "" if label == "1" else "*", text)),
    "SST-2": ("sentence|label", lambda _, text, label: (f"{text} ", label)),  # the release has that blank
    # the release begins with a byte-order mark
    "MRPC": (
        "\ufeffQuality|#1 ID|#2 ID|#1 String|#2 String",
        lambda n, one, two, label: (label, 2 * n, 2 * n + 1, one, two),
    ),
    "QQP": ("id|qid1|qid2|question1|question2|is_duplicate", lambda n, *row: (n, 2 * n, 2 * n + 1, *row)),
    "STS-B": (
        "index|genre|filename|year|old_index|source1|source2|sentence1|sentence2|score",
        lambda n, *row: (n, "main-sandbox", "events", "made", f"{n:04}", "none", "none", *row),
    ),
    "QNLI": ("index|question|sentence|label", lambda n, *row: (n, *row)),
    "RTE": ("index|sentence1|sentence2|label", lambda n, *row: (n, *row)),
    "SciTail": ("", lambda _, *row: row),
}


def _imdb(number: int, text: str, label: str) -> dict[str, object]:
    """Return an object of IMDB with its line breaks in HTML: one after every fourth sentence."""
    first, rest = text.split(" . ")[:3], text.split(" . ")[3:]
    text = " . ".join(first) + (" .<br /><br />" if rest else "") + " . ".join(rest)
    rating = 9 if label == "pos" else 2
    return {"file": f"{label}/{number}_{rating}.txt", "label": label, "rating": rating, "text": text}


def _wic(number: int, word: str, one: str, two: str, same: bool) -> dict[str, object]:
    """Return an object of WiC, with the characters at which the word begins and ends."""
    (start1, end1), (start2, end2) = position(one, word), position(two, word)
    return {
        "word": word, "sentence1": one, "sentence2": two, "idx": number, "label": same,
        "start1": start1, "start2": start2, "end1": end1, "end2": end2, "version": 1.1,
    }  # fmt: skip


def _wsc(
    number: int, text: str, index1: int, text1: str, index2: int, text2: str, label: bool
) -> dict[str, object]:
    target = {"span2_index": index2, "span1_index": index1, "span1_text": text1, "span2_text": text2}
    return {"text": text, "target": target, "idx": number, "label": label}


_OBJECTS: dict[str, Callable[..., dict[str, object]]] = {
    "BoolQ": lambda n, question, passage, answer: {
        "question": question, "passage": passage, "idx": n, "label": answer == "true",
    },
    "CB": lambda n, premise, hypothesis, label: {
        "premise": premise, "hypothesis": hypothesis, "label": label, "idx": n,
    },
    "WiC": _wic,
    "WSC": _wsc,
    "XSUM": lambda n, document, short: {"document": document, "summary": short, "id": str(n)},
    "NQ-Open": lambda _, question, answers: {"question": question, "answer": list(answers)},
    "Multi-News": lambda _, articles, short: {"document": articles, "summary": short},
}  # fmt: skip


def write_examples(path: Path, name: str, examples: Sequence[Sequence[object]], first: int = 0) -> None:
    """Write examples of the set `name`, one a line, numbered from `first`; of translations one file a side."""
    if name == "Ro-En":
        for side, code in enumerate(("ro", "en")):
            write_lines(path.with_name(f"{path.name}.{code}"), (str(pair[side]) for pair in examples))
    elif name == "IMDB":  # whose objects have the name of their part
        objects = (_imdb(n, str(text), str(label)) for n, (text, label) in enumerate(examples))
        write_lines(path, (json.dumps({**one, "file": f"{path.stem}/{one['file']}"}) for one in objects))
    elif name in _OBJECTS:
        write_lines(path, (json.dumps(_OBJECTS[name](n, *one)) for n, one in enumerate(examples, first)))
    else:
        header, row = _mnli(path.stem) if name == "MNLI" else _TABLES[name]
        rows = ("\t".join(map(str, row(n, *one))) for n, one in enumerate(examples, first))
        write_lines(path, [*([header.replace("|", "\t")] if header else []), *rows])


def _mnli(split: str) -> tuple[str, Callable[..., Sequence[object]]]:
    """Return header and row of MNLI: equal votes (the release: one in train, five in dev) and flat parses."""
    votes, genre = (1 if split == "train" else 5), ("letters" if split == "dev_mismatched" else "tales")
    header = (
        "index|promptID|pairID|genre|sentence1_binary_parse|sentence2_binary_parse|sentence1_parse|sentence2_parse"
        f"|sentence1|sentence2|{'|'.join(f'label{vote}' for vote in range(1, votes + 1))}|gold_label"
    )
    return header, lambda n, one, two, label: (
        n, n, f"{n}{label[0]}", genre, f"( {one} )", f"( {two} )", f"(ROOT {one})", f"(ROOT {two})",
        one, two, *[label] * votes, label,
    )  # fmt: skip
