"""Texts to be answered: the fields of a task in JSON lines or as text, and one sentence for every bad line."""

import pytest

from hxbench.data.user_texts import Unanswered, form_of, read_unanswered
from hxbench.errors import InputError
from hxbench.tasks import task_of

RTE, SST2 = task_of("rte"), task_of("sst2")
WANTED = r'expected one object a line, \{"sentence1": "…", "sentence2": "…"\}\.$'


def examples(tmp_path, content, task, given=None):
    path = tmp_path / "in"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_unanswered(path, form_of(path, task, given), task))


def test_fields_are_read_in_the_order_of_the_task_and_others_left_aside(tmp_path):
    content = '\n{"sentence2": " b c ", "label": 1, "sentence1": "a"}\n\n{"sentence1": "d\\ne", "sentence2": "f"}'
    assert examples(tmp_path, content, RTE) == [Unanswered(2, ["a", "b c"]), Unanswered(4, ["d\ne", "f"])]
    assert examples(tmp_path, content, RTE)[0].size == 3


def test_text_is_an_example_a_line_where_a_task_has_one_field(tmp_path):
    assert examples(tmp_path, "a b\r\n \n { c\n", SST2) == [Unanswered(1, ["a b"]), Unanswered(3, ["{ c"])]
    assert examples(tmp_path, '{"sentence": "a"}', SST2) == [Unanswered(1, ["a"])]
    assert examples(tmp_path, '{"sentence": "a"}', SST2, "text") == [Unanswered(1, ['{"sentence": "a"}'])]


GOOD = '{"sentence1": "a", "sentence2": "b"}\n'
BAD = {
    GOOD + "{": rf"line 2: the line: not readable as JSON; {WANTED}",
    GOOD + "[1]": rf"line 2: no JSON object; {WANTED}",
    GOOD + '{"sentence1": "a"}': rf"line 2: no sentence2; {WANTED}",
    GOOD + '\n{"sentence1": "a", "sentence2": 7}': rf"line 3: sentence2 is '7'; {WANTED}",
    GOOD + '{"sentence1": null, "sentence2": "b"}': rf"line 2: sentence1 is 'None'; {WANTED}",
    GOOD + '{"sentence1": "a", "sentence2": " "}': rf"line 2: sentence2 is empty; {WANTED}",
    GOOD + '{"sentence1": "a", "sentence1": "b"}': rf"line 2: the line: .*; {WANTED}",
    GOOD + '{"sentence1": ' + "[" * 100 + "]" * 100 + "}": rf"line 2: the line: nested .*; {WANTED}",
    GOOD.encode() + b"{\xff": "line 2: byte 0xff",
    "": "has 2 texts, which JSON lines give",
    "a b\n": "an example of RTE has 2 texts, which JSON lines give",
}


@pytest.mark.parametrize("content", BAD)
def test_a_bad_line_is_named(content, tmp_path):
    with pytest.raises(InputError, match=BAD[content]) as error:
        examples(tmp_path, content, RTE)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "given", "said"),
    [
        ("", None, "holds no example; expected a text file with at least one"),
        ("\n \n", "jsonl", "holds no example; expected a JSON lines file with at least one"),
        ("a", "conllu", "unknown input format 'conllu'"),
        ("a", "json", r"unknown input format 'json'\. Did you mean jsonl"),
    ],
)
def test_files_without_examples_and_other_forms_are_refused(content, given, said, tmp_path):
    with pytest.raises(InputError, match=said):
        examples(tmp_path, content, SST2, given)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="does not exist; expected a text or JSON lines file"):
        form_of(tmp_path / "none", SST2)
