"""Texts to be answered: the fields of a task in JSON lines or as text, and one sentence for every bad line."""

import json

import pytest

from hxbench.data.readers import Options
from hxbench.data.user_texts import LABELLED, Unanswered, form_of, read_unanswered
from hxbench.errors import InputError
from hxbench.tasks import task_of

RTE, SST2 = task_of("rte"), task_of("sst2")
WANTED = r'expected one object a line, \{"sentence1": "…", "sentence2": "…"\}\.$'


def examples(tmp_path, content, task, given=None, options=None):
    path = tmp_path / "in"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_unanswered(path, form_of(path, task, given), task, options))


def test_fields_are_read_in_the_order_of_the_task_and_others_left_aside(tmp_path):
    content = '\n{"sentence2": " b c ", "label": 1, "sentence1": "a"}\n\n{"sentence1": "d\\ne", "sentence2": "f"}'
    found = examples(tmp_path, content, RTE)
    assert [(one.line, one.fields) for one in found] == [(2, ["a", "b c"]), (4, ["d\ne", "f"])]
    assert found[0].given == {"sentence2": " b c ", "label": 1, "sentence1": "a"}
    assert examples(tmp_path, content, RTE)[0].size == 3


def test_text_is_an_example_a_line_where_a_task_has_one_field(tmp_path):
    assert examples(tmp_path, "a b\r\n \n { c\n", SST2) == [Unanswered(1, ["a b"]), Unanswered(3, ["{ c"])]
    assert examples(tmp_path, '{"sentence": "a"}', SST2)[0].fields == ["a"]
    assert examples(tmp_path, '{"sentence": "a"}', SST2, "text") == [Unanswered(1, ['{"sentence": "a"}'])]


GOOD = '{"sentence1": "a", "sentence2": "b"}\n'
BAD = {
    GOOD + "{": r"line 2: '\{' \(not readable as JSON\); expected a JSON object\.$",
    GOOD + "[1]": r"line 2: '\[1\]'; expected a JSON object\.$",
    GOOD + '{"sentence1": "a"}': rf"line 2: no sentence2; {WANTED}",
    GOOD + '\n{"sentence1": "a", "sentence2": 7}': rf"line 3: sentence2 is '7'; {WANTED}",
    GOOD + '{"sentence1": null, "sentence2": "b"}': rf"line 2: sentence1 is 'None'; {WANTED}",
    GOOD + '{"sentence1": "a", "sentence2": " "}': rf"line 2: sentence2 is empty; {WANTED}",
    GOOD + '{"sentence1": "a", "sentence1": "b"}': r"line 2: .* \(the key sentence1 is there twice\); expected",
    GOOD + '{"sentence1": ' + "[" * 100 + "]" * 100 + "}": r"line 2: .* \(nested more than 50 deep\); expected",
    GOOD.encode() + b"{\xff": "line 2: byte 0xff",
    "": "has 2 texts, which JSON lines or a table give",
    "a b\n": "an example of RTE has 2 texts, which JSON lines or a table give",
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
        ("\n \n", "jsonl", "holds no example; expected a JSON Lines file with at least one"),
        ("a", "conllu", "unknown input format 'conllu'"),
        ("a", "jsnol", r"unknown input format 'jsnol'\. Did you mean jsonl"),
    ],
)
def test_files_without_examples_and_other_forms_are_refused(content, given, said, tmp_path):
    with pytest.raises(InputError, match=said):
        examples(tmp_path, content, SST2, given)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="does not exist; expected a text or JSON lines file"):
        form_of(tmp_path / "none", SST2)


def table(tmp_path, form, rows):
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        import pyarrow
        from pyarrow.parquet import write_table

        write_table(pyarrow.Table.from_pylist(rows), path)
    elif form in ("jsonl", "json"):
        path.write_text("\n".join(map(json.dumps, rows)) if form == "jsonl" else json.dumps(rows))
    else:
        mark = "\t" if form == "tsv" else ","
        path.write_text("\n".join(mark.join(map(str, row)) for row in (rows[0], *(row.values() for row in rows))))
    return path


@pytest.mark.parametrize("form", LABELLED)
def test_examples_with_their_labels_from_any_table(form, tmp_path):
    rows = [{"id": n, "sentence1": "a", "sentence2": "b", "gold": word} for n, word in enumerate(("yes", "no"))]
    path = table(tmp_path, form, rows)
    assert form_of(path, RTE, labelled=True) == form
    options = Options(tags="gold", label_map={"yes": "entailment", "no": "not_entailment"})
    found = list(read_unanswered(path, form, RTE, options))
    assert [(one.fields, one.target) for one in found] == [(["a", "b"], "0"), (["a", "b"], "1")]
    unit = "row 1" if form == "parquet" else r"line [12]"
    said = rf"{unit}: unknown label 'yes'; expected entailment or not_entailment, or a map .*\(--map yes=LABEL\)"
    with pytest.raises(InputError, match=said):
        list(read_unanswered(path, form, RTE, Options(tags="gold")))
    with pytest.raises(InputError, match="label"):
        list(read_unanswered(path, form, RTE, Options(tags="label")))


@pytest.mark.parametrize(
    ("task", "value", "target"),
    [
        ("boolq", True, "1"), ("boolq", "false", "0"), ("stsb", 3.8, "3.8"), ("stsb", "7", "score '7'"),
        ("xsum", " short ", "short"), ("xsum", 1, "gold is '1'; expected a text"),
        ("nq", ["a", "b"], "a\nb"), ("nq", "a", "answer is 'a'"),
        ("rte", None, "no gold; expected the right answer"),
    ],
)  # fmt: skip
def test_right_answers_of_every_type(task, value, target, tmp_path):
    task = task_of(task)
    row = json.dumps({**dict.fromkeys(task.fields, "a"), "gold": value})
    try:
        (found,) = examples(tmp_path, row, task, "jsonl", Options(tags="gold"))
    except InputError as error:
        assert target in str(error)  # noqa: PT017
    else:
        assert found.target in (target, f"{target}00")


def test_a_file_without_labels_cannot_be_scored(tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(InputError, match="its format cannot be told; name it with --format: jsonl, json"):
        form_of(tmp_path / "a.txt", SST2, labelled=True)
    with pytest.raises(InputError, match="unknown input format 'text'"):
        form_of(tmp_path / "a.txt", SST2, "text", labelled=True)
