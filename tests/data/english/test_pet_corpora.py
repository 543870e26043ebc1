"""The tasks that only PET scaling has, from files in the layouts of their releases."""

import json

import pytest
from english_files import lines, write

from hxbench.data import Corpora, Origin
from hxbench.data.examples import read_examples
from hxbench.data.mirror import find
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of, tasks_in

WHOLE = ("train", "dev", "test")


def reviews(count, start=0):
    return lines(
        *(
            {"file": f"{n}.txt", "label": ("neg", "pos")[n % 2], "rating": 5, "text": f"film {n}<br /><br />end"}
            for n in range(start, start + count)
        )
    )


def chats(*rows):
    return "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n"


@pytest.fixture
def mirror(tmp_path):
    root = tmp_path / "mirror"
    write(root, "imdb/train.jsonl", reviews(12))
    write(root, "imdb/test.jsonl", reviews(4, 100))
    for place, count in (("train", 3), ("validation", 2), ("test", 1)):
        write(root, f"rotten_tomatoes/{place}/rt-polarity.neg", "".join(f"bad {n} . \n" for n in range(count)))
        write(root, f"rotten_tomatoes/{place}/rt-polarity.pos", "".join(f"good {n} . \n" for n in range(count)))
    questions = [{"question": f"who {n}", "answer": ["A. B", " a  b ", "A. B"]} for n in range(6)]
    write(root, "nq_open/NQ-open.train.jsonl", lines(*questions))
    write(root, "nq_open/NQ-open.dev.jsonl", lines(*questions[:4]))
    chat = {"id": "1", "summary": "They met. ", "dialogue": "A: Hi\r\nB: Ho"}
    for name in ("train", "val", "test"):
        write(root, f"samsum/{name}.json", chats(chat, {**chat, "id": name}))
    news = {"document": "One. NEWLINE_CHAR NEWLINE_CHAR Two. ||||| ||||| Three. |||||", "summary": "– All."}
    write(root, "multi_news/train.jsonl", lines(news, news))
    write(root, "multi_news/val.jsonl", lines(news))
    write(root, "multi_news/test.jsonl", lines(news))
    return root


def of(mirror, name, part="train"):
    task = task_of(name)
    return list(read_examples(task, find(mirror, task, part)))


def test_each_format(mirror):
    assert of(mirror, "imdb")[:2] == [(["film 0  end"], "0"), (["film 1  end"], "1")]
    # by turns, so that the first of them are of both classes
    assert of(mirror, "rotten", "dev") == [
        (["bad 0 ."], "0"), (["good 0 ."], "1"), (["bad 1 ."], "0"), (["good 1 ."], "1"),
    ]  # fmt: skip
    assert of(mirror, "nq", "dev")[0] == (["who 0"], "A. B\na b")
    assert of(mirror, "samsum", "dev") == [(["A: Hi\nB: Ho"], "They met.")] * 2
    assert of(mirror, "multinews", "dev") == [(["One. \n \n Two. ||||| Three."], "– All.")]


def test_classes_of_unequal_number_all_come(tmp_path):
    write(tmp_path, "rotten_tomatoes/train/rt-polarity.neg", "a\nb\nc\n")
    write(tmp_path, "rotten_tomatoes/train/rt-polarity.pos", "d\n")
    assert of(tmp_path, "rotten") == [(["a"], "0"), (["d"], "1"), (["b"], "0"), (["c"], "0")]


@pytest.fixture
def pet(mirror):
    def of(**options):
        return Corpora(Origin("mirror", mirror), DataSpec(origin="mirror", **options, collection="english"))

    return of


def test_splits(pet):
    c = pet(dev_from_train=5)
    assert {c.splits(name, "en") for name in tasks_in("pet") if name not in tasks_in("pha")} == {WHOLE}
    films = [[int(f[0].split()[1]) for f in c.load("imdb", "en", s)["fields"]] for s in WHOLE]
    assert sorted(films[0] + films[1]) == list(range(12)), "what it is selected by comes from the training set"
    assert (len(films[1]), films[2]) == (5, [100, 101, 102, 103])
    assert [len(c.load("rotten", "en", s)) for s in WHOLE] == [6, 4, 2]
    assert [len(c.load("nq", "en", s)) for s in WHOLE] == [6, 2, 2], "halved below the limit"
    asked = sorted(f[0] for s in ("dev", "test") for f in c.load("nq", "en", s)["fields"])
    assert asked == [f"who {n}" for n in range(4)]
    assert [len(pet(split_limit=9, dev_from_train=1).load("nq", "en", s)) for s in WHOLE] == [5, 1, 4]
    assert [len(c.load("multinews", "en", s)) for s in WHOLE] == [2, 1, 1]
    for rule in ("size", "names"):
        assert [len(pet(split_rule=rule).load("samsum", "en", s)) for s in WHOLE] == [2, 2, 2]


def test_a_capped_split_of_rotten_tomatoes_has_both_classes(pet):
    assert pet(train_sentences=4).load("rotten", "en", "train")["target"] == ["0", "1", "0", "1"]


def test_a_folder_with_one_of_them_is_one_of_english_data(mirror, tmp_path):
    (tmp_path / "other").mkdir()
    (mirror / "nq_open").rename(tmp_path / "other/nq_open")
    c = Corpora(Origin("mirror", tmp_path / "other"), DataSpec(origin="mirror", collection="english"))
    assert c.splits("nq", "en") == WHOLE
    assert c.splits("samsum", "en") == ()
    with pytest.raises(InputError, match=r"no train split of SAMSum; looked for samsum/train\.json"):
        c.load("samsum", "en", "train")
    with pytest.raises(InputError, match=r"no dev split of Multi-News; looked for .*validation.* or .*val\.jsonl"):
        c.load("multinews", "en", "dev")


CHAT, ASKED = '{"dialogue": "A: Hi", "summary": "b"}', '{"question": "who", "answer": ["a"]}\n'


@pytest.mark.parametrize(
    ("task", "name", "content", "line", "words"),
    [
        ("imdb", "a.jsonl", '{"text": "a", "label": "pos"}\n{"label": "pos"}\n', 2, "no text in column text"),
        ("imdb", "a.jsonl", '{"text": "<br />", "label": "pos"}\n', 1, "no text in column text"),
        ("imdb", "a.jsonl", '{"text": "a"}\n', 1, "no label; expected neg or pos"),
        ("imdb", "a.jsonl", '{"text": "a", "label": "unsup"}\n', 1, "label 'unsup'; expected neg or pos"),
        ("rotten", "rt-polarity.neg", "a\n \nb\n", 2, "no text in column text"),
        (
            "nq",
            "a.jsonl",
            ASKED + '{"question": "who", "answer": []}\n',
            2,
            "answer is '[]'; expected a list of at",
        ),
        ("nq", "a.jsonl", '{"question": "who", "answer": [" "]}\n', 1, "expected a list of at least one text"),
        ("nq", "a.jsonl", '{"question": "who", "answer": "a"}\n', 1, "answer is 'a'; expected a list of at least"),
        ("nq", "a.jsonl", '{"question": "who", "answer": [1]}\n', 1, "answer is '[1]'"),
        ("nq", "a.jsonl", '{"question": "who"}\n', 1, "no answer; expected a list of at least one text"),
        ("nq", "a.jsonl", '{"question": " ", "answer": ["a"]}\n', 1, "no text in column question"),
        ("samsum", "a.json", f'[\n{CHAT},\n{CHAT[:-5]}""}},\n{CHAT[:-5]}""}}\n]', 4, "no text in column summary"),
        ("samsum", "a.json", f'[\n\n{CHAT.replace("A: Hi", "")},\n{{"summary": "b"}}]', 4, "column dialogue"),
        ("samsum", "a.json", f"[{CHAT}\n{CHAT}]", 2, "expected a JSON file with one list of objects"),
        ("samsum", "a.json", f"[{CHAT},\n", 2, "expected a JSON file with one list of objects"),
        ("samsum", "a.json", f"[{CHAT}", 1, "expected a JSON file with one list of objects"),
        ("samsum", "a.json", f"[{CHAT}]\n]", 2, "expected a JSON file with one list of objects"),
        ("samsum", "a.json", f"[{CHAT},\n7]", 2, "'7]'; expected a JSON file with one list of objects"),
        ("samsum", "a.json", CHAT, 1, "expected a JSON file with one list of objects"),
    ],
)
def test_bad_input(tmp_path, task, name, content, line, words):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list(read_examples(task_of(task), [path]))
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert words in str(caught.value)


def test_other_bad_files(tmp_path):
    empty = write(tmp_path, "a.json", "[ ]\n")
    with pytest.raises(InputError, match="holds no example; expected a JSON file with at least one"):
        list(read_examples(task_of("samsum"), [empty]))
    empty.write_bytes(b'[\n{"dialogue": "\xff"}]')
    with pytest.raises(InputError, match="line 2: byte 0xff is not UTF-8"):
        list(read_examples(task_of("samsum"), [empty]))
    paths = [write(tmp_path, "rt-polarity.neg", "a\n"), tmp_path / "rt-polarity.pos"]
    with pytest.raises(InputError, match=r"rt-polarity\.pos does not exist; expected a text file"):
        list(read_examples(task_of("rotten"), paths))


@pytest.mark.parametrize(("task", "known", "name"), [("samsum", 1, "a.json"), ("multinews", 8, "a.jsonl")])
def test_the_empty_rows_that_releases_have(tmp_path, task, known, name):
    column = task_of(task).fields[0]
    rows = [{column: "", "summary": "b"}] * known + [{column: "a", "summary": "b"}]
    make = chats if name == "a.json" else lines
    path = write(tmp_path, name, make(*rows))
    assert list(read_examples(task_of(task), [path])) == [(["a"], "b")]
    path.write_text(make(*rows, {column: "", "summary": "b"}))
    with pytest.raises(InputError, match=f"no text in column {column}"):
        list(read_examples(task_of(task), [path]))
