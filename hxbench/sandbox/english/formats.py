"""The file formats of the releases: GLUE's tables, SuperGLUE's objects, SciTail, and parallel lines."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hxbench.sandbox.english.reference import Reference
from hxbench.sandbox.english.senses import position
from hxbench.sandbox.files import write_lines

Row = tuple[str, ...]


def _table(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    first = ["\t".join(header.split("|"))] if header else []
    write_lines(path, [*first, *("\t".join(map(str, row)) for row in rows)])


def _objects(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    write_lines(path, map(json.dumps, rows))


def write_cola(path: Path, rows: Iterable[Row]) -> None:
    """Write CoLA: source, label, the author's mark, sentence; no header."""
    _table(path, "", (("sb00", label, "" if label == "1" else "*", text) for text, label in rows))


def write_sst2(path: Path, rows: Iterable[Row]) -> None:
    """Write SST-2, a blank behind each sentence as in the release."""
    _table(path, "sentence|label", ((f"{text} ", label) for text, label in rows))


def write_mrpc(path: Path, rows: Iterable[Row]) -> None:
    """Write MRPC, whose header begins with a byte-order mark."""
    numbered = enumerate(rows)
    _table(
        path,
        "\ufeffQuality|#1 ID|#2 ID|#1 String|#2 String",
        ((label, 2 * number, 2 * number + 1, one, two) for number, (one, two, label) in numbered),
    )


def write_qqp(path: Path, rows: Iterable[Row]) -> None:
    """Write QQP."""
    numbered = enumerate(rows)
    _table(
        path,
        "id|qid1|qid2|question1|question2|is_duplicate",
        ((number, 2 * number, 2 * number + 1, *row) for number, row in numbered),
    )


def write_stsb(path: Path, rows: Iterable[Row]) -> None:
    """Write STS-B."""
    _table(
        path,
        "index|genre|filename|year|old_index|source1|source2|sentence1|sentence2|score",
        (
            (number, "main-sandbox", "events", "made", f"{number:04}", "none", "none", *row)
            for number, row in enumerate(rows)
        ),
    )


def write_mnli(path: Path, rows: Iterable[Row], genre: str, votes: int) -> None:
    """Write MNLI with `votes` equal votes a row (the release: one in train, five in dev) and flat parses."""
    labels = "|".join(f"label{vote}" for vote in range(1, votes + 1))
    _table(
        path,
        "index|promptID|pairID|genre|sentence1_binary_parse|sentence2_binary_parse|sentence1_parse|sentence2_parse"
        f"|sentence1|sentence2|{labels}|gold_label",
        (
            (
                number, number, f"{number}{label[0]}", genre, f"( {one} )", f"( {two} )", f"(ROOT {one})",
                f"(ROOT {two})", one, two, *[label] * votes, label,
            )
            for number, (one, two, label) in enumerate(rows)
        ),
    )  # fmt: skip


def write_qnli(path: Path, rows: Iterable[Row]) -> None:
    """Write QNLI."""
    _table(path, "index|question|sentence|label", ((number, *row) for number, row in enumerate(rows)))


def write_rte(path: Path, rows: Iterable[Row]) -> None:
    """Write RTE."""
    _table(path, "index|sentence1|sentence2|label", ((number, *row) for number, row in enumerate(rows)))


def write_scitail(path: Path, rows: Iterable[Row]) -> None:
    """Write SciTail's table: premise, hypothesis, label; no header."""
    _table(path, "", rows)


def write_boolq(path: Path, rows: Iterable[Row]) -> None:
    """Write BoolQ."""
    _objects(
        path,
        (
            {"question": question, "passage": passage, "idx": number, "label": answer == "true"}
            for number, (question, passage, answer) in enumerate(rows)
        ),
    )


def write_cb(path: Path, rows: Iterable[Row]) -> None:
    """Write CB."""
    _objects(
        path,
        (
            {"premise": premise, "hypothesis": hypothesis, "label": label, "idx": number}
            for number, (premise, hypothesis, label) in enumerate(rows)
        ),
    )


def write_wic(path: Path, rows: Iterable[tuple[str, str, str, bool]]) -> None:
    """Write WiC, with the characters at which the word begins and ends."""

    def row(number: int, word: str, one: str, two: str, same: bool) -> dict[str, object]:
        (start1, end1), (start2, end2) = position(one, word), position(two, word)
        return {
            "word": word, "sentence1": one, "sentence2": two, "idx": number, "label": same,
            "start1": start1, "start2": start2, "end1": end1, "end2": end2, "version": 1.1,
        }  # fmt: skip

    _objects(path, (row(number, *example) for number, example in enumerate(rows)))


def write_wsc(path: Path, rows: Iterable[Reference]) -> None:
    """Write WSC, with the words at which the two spans begin."""
    _objects(
        path,
        (
            {
                "text": row.text,
                "target": {
                    "span2_index": row.span2_index, "span1_index": row.span1_index,
                    "span1_text": row.span1_text, "span2_text": row.span2_text,
                },
                "idx": number,
                "label": row.label,
            }
            for number, row in enumerate(rows)
        ),
    )  # fmt: skip


def write_xsum(path: Path, rows: Iterable[Row], first: int) -> None:
    """Write XSUM, one object a line, numbered from `first`."""
    _objects(
        path,
        (
            {"document": document, "summary": short, "id": str(first + number)}
            for number, (document, short) in enumerate(rows)
        ),
    )
