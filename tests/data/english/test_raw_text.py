import json

import pytest
from english_files import lines, write

from hxbench.data.english_text import read_raw_text, text_sources
from hxbench.errors import InputError
from hxbench.tasks import task_of, tasks_in


def read(root):
    return list(read_raw_text(text_sources(root)))


def test_training_texts_only_and_once(mirror):
    found = read(mirror)
    assert len(found) == len(set(found))
    assert found[:3] == ['He said " no .', "They was here.", "film 0"]
    for text in ("film 11", "A plane.", "One sleeps.", "Who?", "My place.", "one train 0", "Long train 0. More."):
        assert text in found
    assert any(text.startswith("Mark told Pete") for text in found)  # without marks
    for text in (
        "film 100",
        "Sentence 0.",
        "is 0",
        "Matched.",
        "Other.",
        "dev 0.",
        "test 0.",
        "Long test 0. More.",
    ):
        assert text not in found
    for text in ("place", "unu train 0", "Short.", "0", "neutral"):  # no sentence, no English, no field
        assert text not in found


def test_order_and_other_corpora(tmp_path):
    write(tmp_path, "nq_open/NQ-open.train.jsonl", lines({"question": "who  sings", "answer": ["x"]}))
    write(tmp_path, "nq_open/NQ-open.dev.jsonl", lines({"question": "hidden", "answer": ["x"]}))
    write(
        tmp_path,
        "samsum/train.json",
        json.dumps([{"id": "1", "summary": "They met.", "dialogue": "A: Hi\r\nB: Ho"}]),
    )
    write(tmp_path, "rotten_tomatoes/train/rt-polarity.neg", "bad \n")
    write(tmp_path, "rotten_tomatoes/train/rt-polarity.pos", "good \nshared\n")
    write(tmp_path, "rotten_tomatoes/test/rt-polarity.pos", "hidden\n")
    write(tmp_path, "imdb/train.jsonl", lines({"file": "a", "text": "One.<br /><br />Two.", "rating": 9}))
    write(tmp_path, "glue/SST-2/train.tsv", "sentence\tlabel\nshared\t1\n")
    write(tmp_path, "text/en.txt", "first\n\nsecond\nfirst\n")
    assert read(tmp_path) == [
        "first", "second", "shared", "One. Two.", "good", "bad", "A: Hi B: Ho", "They met.", "who sings",
    ]  # fmt: skip
    assert text_sources(tmp_path / "nothing") == []


def test_a_task_of_pet_scaling_is_there_only_as_it_always_was(mirror):
    from hxbench.data.mirror import find

    write(mirror, "multi_news/train.jsonl", lines({"document": "News.", "summary": "New."}))
    write(mirror, "nq_open/NQ-open.train.jsonl", lines({"question": "who sings", "answer": ["x"]}))
    further = [name for name in tasks_in("pet") if name not in tasks_in("pha")]
    assert [name for name in further if find(mirror, task_of(name), "train")] == ["nq", "multinews"]
    kinds = [source.kind for source in text_sources(mirror)]
    assert kinds[-1] == "question"
    assert not set(kinds) & set(further)
    assert read(mirror)[-1] == "who sings"
    assert "News." not in read(mirror)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("samsum/train.json", "[1]", "one list of objects"),
        ("samsum/train.json", "{", "one list of objects"),
        ("samsum/train.json", '[{"dialogue": "a"}]', "line 1: no text in summary"),
        ("imdb/train.jsonl", '{"text": 1}\n', "line 1: no text in text"),
        ("imdb/train.jsonl", "text\n", "line 1: 'text' (not readable as JSON); expected a JSON object"),
    ],
)
def test_bad_input(tmp_path, name, content, words):
    path = write(tmp_path, name, content)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert str(path) in str(caught.value)
    assert words in str(caught.value)
