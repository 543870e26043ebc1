import pytest

from hxbench.data.described import columns_of, reading_of
from hxbench.data.examples import READER_VERSION, read_examples
from hxbench.data.mirror import find
from hxbench.errors import InputError
from hxbench.tasks import task_of, text_tasks
from hxbench.tasks.description import shipped_corpus


def read(path, task, **options):
    return list(read_examples(task_of(task), [path], **options))


def of(mirror, task, part="train"):
    task = task_of(task)
    return list(read_examples(task, find(mirror, task, part)))


def test_each_format(mirror):
    assert of(mirror, "cola") == [(['He said " no .'], "1"), (["They was here."], "0")]
    assert of(mirror, "sst2")[1] == (["film 1"], "1")
    assert of(mirror, "mrpc") == [(['He " said so .', "So he said ."], "1")]
    assert of(mirror, "stsb") == [(["A plane.", "An air plane."], "3.800")]
    assert of(mirror, "mnli")[0] == (["All sleep.", "One sleeps."], "0")
    assert of(mirror, "mnli", "dev") == [(["Matched.", "No."], "2")]
    assert of(mirror, "mnli", "mismatched") == [(["Other.", "No."], "1")]
    assert of(mirror, "qnli") == [(["Who?", "He."], "1")]  # GLUE's own layout, without glue/
    assert of(mirror, "boolq", "dev")[:2] == [(["is 0", "It is."], "1"), (["is 1", "It is."], "0")]
    assert of(mirror, "wic") == [(["My place.", "No place.", "place"], "1")]
    assert of(mirror, "cb") == [(["It was.", "it is"], "2"), (["It was.", "it is"], "1")]
    assert of(mirror, "scitail")[:2] == [(["train 0.", "H."], "1"), (["train 1.", "H."], "0")]
    marked = "* Mark * told Pete many lies about himself, which Pete included in his book. # He # should know."
    assert of(mirror, "wsc") == [([marked], "0")]


def test_generation_leaves_out_what_has_an_empty_side(mirror):
    assert of(mirror, "xsum", "test") == [([f"Long test {n}.\nMore."], "Short.") for n in range(3)]
    assert of(mirror, "roen", "test") == [([f"unu test {n}"], f"one test {n}") for n in range(3)]
    assert of(mirror, "enro", "test") == [([f"one test {n}"], f"unu test {n}") for n in range(3)]


def test_marks_can_be_left_out(mirror):
    ((fields, _),) = read(mirror / "superglue/WSC/train.jsonl", "wsc", marks=False)
    assert fields[0].startswith("Mark told")


def test_every_task_is_described():
    for task in map(task_of, text_tasks()):
        entry = shipped_corpus(task.name)
        for form in (entry.format, "parquet"):
            columns = columns_of(reading_of(entry, form), task)
            assert len(columns.fields) == len(task.fields)
            assert tuple(columns.labels.values()) == tuple(range(len(task.labels)))
        if task.name in ("mnli", "qnli", "rte", "cb", "boolq"):  # whose files have the words of the task
            assert not entry.labels
    assert READER_VERSION == 1


RTE = "index\tsentence1\tsentence2\tlabel\n0\tA.\tB.\tentailment\n"
QQP = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t1\t2\tA?\tB?\t0\n"


@pytest.mark.parametrize(
    ("task", "name", "content", "line", "words"),
    [
        (
            "rte",
            "rte.tsv",
            RTE + "1\tA.\tB.\tentails\n",
            3,
            "label 'entails'; expected entailment or not_entailment",
        ),
        ("rte", "rte.tsv", RTE + "1\tA.\tB.\t-\n", 3, "label '-'"),
        ("rte", "rte.tsv", RTE + "1\tA.\t \tentailment\n", 3, "no text in column sentence2"),
        ("rte", "rte.tsv", RTE + "1\tA.\tB.\n", 3, "no label; expected entailment or not_entailment"),
        ("rte", "rte.tsv", RTE + "1\tA.\tB.\tentailment\tmore\n", 3, "5 columns; expected 4 columns"),
        ("rte", "rte.tsv", RTE.replace("sentence2", "hypothesis"), 1, "no column sentence2"),
        ("scitail", "s.tsv", "A.\tB.\tentails\nA.\tB.\tentailment\n", 2, "expected entails or neutral"),
        ("cola", "c.tsv", "gj04\t2\t\tA.\n", 1, "label '2'; expected 0 or 1"),
        ("stsb", "s.tsv", "sentence1\tsentence2\tscore\nA.\tB.\t5.2\n", 2, "score '5.2'; expected a score from 0"),
        ("stsb", "s.tsv", "sentence1\tsentence2\tscore\nA.\tB.\tnan\n", 2, "score 'nan'"),
        ("cb", "cb.jsonl", '{"premise": "A"}\n[1]\n', 1, "no text in column hypothesis"),
        ("cb", "cb.jsonl", '{"premise": "A", "hypothesis": "B", "label": "neutral"}\n[1]\n', 2, "a JSON object"),
        ("cb", "cb.jsonl", '{"premise": 7, "hypothesis": "B", "label": "neutral"}\n', 1, "premise is '7'"),
        ("boolq", "b.jsonl", '{"question": "A", "passage": "B", "label": "true"}\n', 1, "label 'true'; expected"),
        (
            "boolq",
            "b.jsonl",
            '{"question": "A", "passage": "B", "label": 1}\n',
            1,
            "label 1; expected false or true",
        ),
        ("boolq", "b.jsonl", '{"question": "A", "passage": "B"}\n', 1, "no label"),
        ("wsc", "w.jsonl", '{"text": "A b.", "label": true}\n', 1, "span1_index is 'None'"),
        (
            "wsc",
            "w.jsonl",
            '{"text": "A b.", "label": true, "target": {"span1_text": "A", "span1_index": 0,'
            ' "span2_text": "c", "span2_index": 1}}\n',
            1,
            "no span 'c' in the text",
        ),
    ],
)
def test_bad_input(tmp_path, task, name, content, line, words):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(path, task)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert words in str(caught.value)


def test_the_three_broken_rows_of_qqp(tmp_path):
    path = tmp_path / "q.tsv"
    path.write_text(QQP + "2\t3\t4\tA?\n2\t3\t4\tA?\t\t0\n2\t3\t4\t \tB?\t1\n")
    assert read(path, "qqp") == [(["A?", "B?"], "0")]
    path.write_text(path.read_text() + "5\t3\t4\tA?\t\t0\n")
    with pytest.raises(InputError, match="line 6: no text in column question2"):
        read(path, "qqp")


@pytest.mark.parametrize(("name", "content"), [("r.tsv", RTE.splitlines()[0] + "\n"), ("r.tsv", "")])
def test_files_without_examples(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match="holds no example"):
        read(path, "rte")


def test_parallel_files_of_different_length(tmp_path):
    paths = [tmp_path / "train.ro", tmp_path / "train.en"]
    paths[0].write_text("unu\ndoi\n")
    paths[1].write_text("one\n")
    with pytest.raises(InputError) as caught:
        list(read_examples(task_of("roen"), paths))
    assert str(caught.value) == f"{paths[1]}, line 2: no such line; expected one for each line of train.ro."
    paths[1].unlink()
    with pytest.raises(InputError, match=r"train\.en does not exist"):
        list(read_examples(task_of("roen"), paths))


def parquet(path, **columns):
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.table(columns), path)
    return path


def test_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    assert read(parquet(path, sentence=["A ", "B"], label=[1, 0], idx=[0, 1]), "cola") == [
        (["A"], "1"),
        (["B"], "0"),
    ]
    import pyarrow

    scores = pyarrow.array([3.8, 0.0], pyarrow.float32())
    assert [
        target for _, target in read(parquet(path, sentence1=["A"] * 2, sentence2=["B"] * 2, label=scores), "stsb")
    ] == [
        "3.800",
        "0.000",
    ]
    pairs = [{"ro": "unu", "en": "one"}, {"ro": "", "en": "two"}]
    assert read(parquet(path, translation=pairs), "enro") == [(["one"], "unu")]
    spans = {"span1_text": ["b"], "span1_index": [1], "span2_text": ["A"], "span2_index": [0]}
    assert read(parquet(path, text=["A b."], label=[1], **spans), "wsc") == [(["# A # * b *."], "1")]
    with pytest.raises(InputError, match=r"a\.parquet, row 2: label -1; expected 0 or 1"):
        read(parquet(path, sentence=["A", "B"], label=[1, -1]), "cola")
    with pytest.raises(InputError, match="expected a Parquet file with the columns sentence, label"):
        read(parquet(path, sentence=["A"]), "cola")
    path.write_bytes(b"no parquet")
    with pytest.raises(InputError, match="expected a Parquet file"):
        read(path, "cola")
