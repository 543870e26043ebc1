"""The tasks that only PET scaling has, of the same grammar and words, in the file formats of their releases."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from hxbench.sandbox import write_lines
from hxbench.sandbox.english.questions import questions
from hxbench.sandbox.english.reviews import long_review, short_review
from hxbench.sandbox.english.summaries import coverage, dialogue
from hxbench.sandbox.english.writer import draw_splits
from hxbench.sandbox.randomness import Draws

# train, then dev and test, or the one of them that the release has
SIZES: dict[str, tuple[int, ...]] = {
    "IMDB": (2500, 400),
    "Rotten Tomatoes": (3000, 200, 400),
    "SAMSum": (2000, 200, 200),
    "Multi-News": (2000, 200, 200),
}
QUESTIONS = (300, 120)  # of NQ-Open, train and dev
Row = tuple[str, str]


def write_pet(folder: Path, seed: int) -> None:
    """Write the five tasks under `folder`.

    `imdb/{train,test}.jsonl`, `rotten_tomatoes/{train,validation,test}/rt-polarity.{neg,pos}`,
    `nq_open/NQ-open.{train,dev}.jsonl`, `samsum/{train,val,test}.json` and
    `multi_news/{train,validation,test}.jsonl`.
    """

    def splits(name: str, maker: Callable[[Draws], Row], parts: str) -> Iterable[tuple[str, list[Row]]]:
        return zip(parts.split(), draw_splits(name, maker, seed, SIZES[name]), strict=True)

    for part, rows in splits("IMDB", long_review, "train test"):
        _imdb(folder / "imdb" / f"{part}.jsonl", part, rows)
    for part, rows in splits("Rotten Tomatoes", short_review, "train validation test"):
        for label in ("neg", "pos"):
            # a blank behind each sentence, as in the release
            texts = (f"{text} " for text, known in rows if known == label)
            write_lines(folder / "rotten_tomatoes" / part / f"rt-polarity.{label}", texts)
    for part, asked in zip(("train", "dev"), questions(seed, QUESTIONS), strict=True):
        objects = [{"question": question, "answer": list(answers)} for question, answers in asked]
        write_lines(folder / "nq_open" / f"NQ-open.{part}.jsonl", map(json.dumps, objects))
    for part, rows in splits("SAMSum", dialogue, "train val test"):
        _samsum(folder / "samsum" / f"{part}.json", part, rows)
    for part, rows in splits("Multi-News", coverage, "train validation test"):
        objects = [{"document": articles, "summary": summary} for articles, summary in rows]
        write_lines(folder / "multi_news" / f"{part}.jsonl", map(json.dumps, objects))


def _imdb(path: Path, part: str, rows: list[Row]) -> None:
    """Write IMDB with its line breaks in HTML: one after every fourth sentence."""
    objects = []
    for number, (text, label) in enumerate(rows):
        sentences = text.split(" . ")
        text = (
            " . ".join(sentences[:3])
            + (" .<br /><br />" if len(sentences) > 3 else "")
            + " . ".join(sentences[3:])
        )
        rating = 9 if label == "pos" else 2
        file = f"{part}/{label}/{number}_{rating}.txt"
        objects.append({"file": file, "label": label, "rating": rating, "text": text})
    write_lines(path, map(json.dumps, objects))


def _samsum(path: Path, part: str, rows: list[Row]) -> None:
    """Write SAMSum: one list of objects, one a line."""
    objects = [
        json.dumps({"id": f"{part}-{number}", "summary": summary, "dialogue": text})
        for number, (text, summary) in enumerate(rows)
    ]
    write_lines(path, ["[", *(f"{one}," for one in objects[:-1]), objects[-1], "]"])
