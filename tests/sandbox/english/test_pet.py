"""The sandbox's counterparts of what only PET scaling has: same bytes, nothing twice, rules that hold."""

import json
import re
from collections import Counter
from hashlib import sha256
from itertools import pairwise

import pytest

from hxbench.data.english_text import text_sources
from hxbench.data.examples import read_examples
from hxbench.data.mirror import find
from hxbench.sandbox import VERSIONS, write_sandbox
from hxbench.sandbox.english import lexicon
from hxbench.sandbox.english.questions import facts, questions
from hxbench.sandbox.english.summaries import BETWEEN
from hxbench.sandbox.english.writer import QUESTIONS, SIZES
from hxbench.tasks import task_of

NAMES = {
    "imdb": "IMDB", "rotten": "Rotten Tomatoes", "nq": "NQ-Open", "samsum": "SAMSum", "multinews": "Multi-News",
}  # fmt: skip
# changed only together with VERSION
DIGESTS = {1: "239bd090d22363a124dfb3f73e03e1923c1a0c2d5ba2dd0888a6705602544de8"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pet")
    write_sandbox("pet", folder)
    return folder


@pytest.fixture(scope="module")
def read(folder):
    """Read all parts of a task, by the readers of the releases."""

    def of(name):
        task = task_of(name)
        parts = {part: find(folder, task, part) for part in ("train", "dev", "test")}
        return {part: list(read_examples(task, files)) for part, files in parts.items() if files}

    return of


def test_bytes_are_those_of_this_version(folder):
    total = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        assert b"\r" not in path.read_bytes()
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    assert total.hexdigest() == DIGESTS[VERSIONS["pet"]]


def test_it_is_not_in_the_folder_of_the_running_text(english):
    names = {path.parts[len(english.parts)] for path in english.rglob("*")}
    assert names == {"glue", "superglue", "scitail", "xsum", "wmt16", "text"}
    assert not {"imdb", "question", "dialogue summary"} & {source.kind for source in text_sources(english)}


@pytest.mark.parametrize("name", NAMES)
def test_sizes_and_no_input_twice(read, name):
    found = read(name)
    assert tuple(map(len, found.values())) == SIZES.get(NAMES[name], QUESTIONS)
    texts = [fields[0] for rows in found.values() for fields, _ in rows]
    assert len(set(texts)) == len(texts)
    assert (set(found) == {"train", "test"}) == (name == "imdb")
    assert (set(found) == {"train", "dev"}) == (name == "nq")


@pytest.mark.parametrize("name", NAMES)
def test_words_are_those_of_the_running_text(english, read, name):
    known = set((english / "text/en.txt").read_text().split())
    words = Counter(
        word for rows in read(name).values() for fields, _ in rows for word in fields[0].split() if word != "|||||"
    )
    # who speaks to whom, and what a thing can be
    assert {word for word in words if word not in known} <= {f"{name}:" for name in lexicon.NAMES} | {"you", "be"}


@pytest.mark.parametrize(("name", "longest"), [("imdb", 110), ("rotten", 40), ("samsum", 70), ("multinews", 110)])
def test_texts_are_of_moderate_length(read, name, longest):
    sizes = [len(fields[0].split()) for fields, _ in read(name)["train"]]
    assert max(sizes) <= longest
    assert sum(sizes) / len(sizes) > 10


def test_long_reviews_are_longer_than_short_ones_and_both_are_balanced(read):
    for name, sentences in (("imdb", range(4, 10)), ("rotten", range(1, 2))):
        rows = read(name)["train"]
        positive = [target for _, target in rows].count("1") / len(rows)
        assert 0.45 < positive < 0.55
        for fields, _ in rows:
            assert len(re.findall(r"[.!]", fields[0])) in sentences


@pytest.mark.parametrize("name", ["imdb", "rotten"])
def test_polarity_is_in_the_words_but_not_all_of_it(read, name):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    words = CountVectorizer(token_pattern=r"\S+")
    found = read(name)
    (train, gold), (test, right) = (
        ([fields[0] for fields, _ in rows], [target for _, target in rows])
        for rows in (found["train"], found["test"])
    )
    model = LogisticRegression(C=0.3, max_iter=300).fit(words.fit_transform(train), gold)
    assert 0.55 < model.score(words.transform(test), right) < 0.93


def test_the_release_form_of_imdb_and_samsum(folder):
    rows = [json.loads(line) for line in (folder / "imdb/train.jsonl").read_text().splitlines()]
    assert set(rows[0]) == {"file", "label", "rating", "text"}
    assert sum("<br /><br />" in row["text"] for row in rows) > len(rows) / 2
    chats = json.loads((folder / "samsum/train.json").read_text())
    assert set(chats[0]) == {"id", "summary", "dialogue"}


def test_what_is_asked_is_stated_in_the_running_text(english):
    """Of nearly every fact: what a thing is, what a word means, what is its opposite."""
    text = (english / "text/en.txt").read_text()
    stated = 0
    for kind, word, answers in facts():
        forms = {
            "kind": [f"{article(word)} is {answers[0]} .", f"{lexicon.plural(word)} are "],
            "thing": [f"{article(word)} is {answers[0]} .", f"{answers[0]} is {article(word)} ."],
            "doing": [f"to {word} is {answers[0]} .", f"{answers[0]} is to {word} ."],
            "not doing": [f"to {word} is not {a} ." for a in answers],
            "being": [f"{word} people are {a} ." for a in answers] + [f"{a} people are {word} ." for a in answers],
            "not being": [f"what is {word} is not {a} ." for a in answers],
            "sense": [f"here a {word} is {a} ." for a in answers],
        }[kind]
        stated += any(form in text for form in forms)
        assert answers
    assert stated > 0.95 * len(facts())


def article(noun):
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def test_every_question_has_one_set_of_answers_and_some_facts_are_only_in_dev():
    train, dev = questions(0, QUESTIONS)
    known = dict(train)
    assert len(known) == len(train)
    assert not set(known) & {question for question, _ in dev}
    for question, answers in dev:
        assert answers
        assert known.get(question, answers) == answers
    told = {answers for _, answers in train}
    assert any(answers not in told for _, answers in dev)
    assert max(len(answers) for _, answers in train) > 1


def test_a_dialogue_says_what_its_summary_says(read):
    for fields, summary in read("samsum")["train"]:
        turns = [turn.split(": ", 1) for turn in fields[0].splitlines()]
        assert 3 <= len(turns) <= 7
        assert len({name for name, _ in turns}) == 2
        assert all(one != other for (one, _), (other, _) in pairwise(turns)), "by turns"
        who, _, rest = summary.partition(" ")
        assert any(name == who and said.endswith(f"i {rest}") for name, said in turns)


def test_articles_agree_on_what_the_summary_says(read):
    def plain(sentence):
        return frozenset(lexicon.meaning(word) for word in sentence.split())

    active = 0
    for fields, summary in read("multinews")["train"]:
        articles = fields[0].split(BETWEEN)
        assert len(articles) in (2, 3)
        assert len(summary.split(" . ")) == 2
        for article_text in articles:
            told = [plain(sentence) for sentence in re.findall(r"[^.]+", article_text) if sentence.strip()]
            assert len(told) == 3
            active += sum(plain(sentence) <= one | {"."} for sentence in summary.split(" . ") for one in told)
    assert active > 2000, "where no article has the passive or another order"
