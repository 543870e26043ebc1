"""What `hxbench data check` finds in corpora before anything is trained on them."""

import json

import pytest
import yaml
from command_line import hxbench

from hxbench.errors import InputError
from hxbench.runs.compose import Composer
from hxbench.runs.data_check import check_data, opened
from hxbench.spec.languages import languages_for
from hxbench.tasks.description import DataFile

TOPIC = {"type": "classification", "fields": ["text"], "labels": ["x", "y", "z"], "metrics": ["accuracy"]}
FILES = {part: f"{{code}}-{part}.jsonl" for part in ("train", "dev", "test")}
TWO = {
    "title": "Two",
    "tasks": {"t": TOPIC},
    "corpora": [{"task": "t", "languages": ["en", "is"], "files": FILES}],
}


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch):
    """No task and no language that another test has described."""
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})


def write(folder, rows, **fields):
    for name, labels in rows.items():
        lines = [json.dumps({"text": text, "label": label}) for text, label in labels]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "my.yaml").write_text(yaml.safe_dump(fields))
    return folder / "my.yaml"


ROWS = {
    "en-train": [("a", "x"), ("b", "y")], "en-dev": [("c", "x")], "en-test": [("a", "x"), ("d", "z"), ("a", "y")],
    "is-train": [("e", "x"), ("f", "y"), ("g", "z")], "is-dev": [("h", "z")], "is-test": [("h", "y")],
}  # fmt: skip


def found(path, tokenizer=None):
    corpora, data, _ = opened(path, "lab", None, lambda *_: None, offline=True)
    return check_data(corpora, data.model_copy(update={"max_length": 4}), tokenizer, lambda *_: None)


def test_counts_labels_overlaps_and_settings(tmp_path, tokenizer):
    languages = {"xx": {"name": "Nowhere"}}
    checked = found(write(tmp_path, ROWS, **TWO, languages=languages, sources={"t": ["en"]}), tokenizer)
    english, icelandic = checked.held
    assert (str(english.pair), english.rows) == ("t-en", {"train": 2, "dev": 1, "test": 3})
    assert english.labels["test"] == {"x": 1, "y": 1, "z": 1}
    assert english.shared == {"train and dev": 0, "train and test": 2, "dev and test": 0}
    assert icelandic.shared["dev and test"] == 1
    assert english.limit == 0
    assert 0 <= english.unknown < 1
    [setting] = checked.settings
    assert (setting.name, list(map(str, setting.sources)), len(setting.targets)) == ("single, t", ["t-en"], 2)
    assert checked.remarks == [
        "t-en: label z of test is in no training set, and can never be right.",
        "t-en: label z of the task is not in its training set.",
        "t-en: 2 of 3 texts of test are in train, too.",
        "t-is: 1 of 1 texts of test is in dev, too.",
        "xx is described, and no labelled corpus is in it.",
    ]


def test_a_training_set_that_is_small_for_its_development_set(tmp_path):
    files = {part: f"en-{part}.jsonl" for part in ("train", "test")}
    rows = {"en-train": [(f"{n}", "xyz"[n % 3]) for n in range(30)], "en-test": [("d", "x")]}
    path = write(tmp_path, rows, **TWO | {"corpora": [{"task": "t", "files": files}]})
    checked = found(path)
    assert [one.rows for one in checked.held] == [{"train": 27, "dev": 3, "test": 1}]
    assert checked.remarks[0] == (
        "t-en: without a dev file 1,000 of its 30 training examples would become the development set: give it "
        "one, or train with --set data.dev_from_train=3, as is counted here."
    )
    corpora, _, _ = opened(path, "lab", None, lambda *_: None, offline=True)
    with pytest.raises(
        InputError, match=r"1000 of them; give the corpus a dev file, or train with --set data\.dev"
    ):
        corpora.load("t", "en", "train")


@pytest.mark.parametrize(("more", "said"), [({}, ["aa"]), ({"sources": {"pos": ["aa"]}}, []), ("mlm", [])])
def test_a_language_that_nothing_is_learned_of(tmp_path, more, said):
    """Hyper-X would be scored under an embedding as it was drawn."""
    (tmp_path / "a.conllu").write_text("1\tw\t_\tNOUN" + "\t_" * 6 + "\n\n")
    (tmp_path / "a.txt").write_text("w\n")
    entries = [{"task": "pos", "language": "aa", "files": {"train": "a.conllu"}}]
    if more == "mlm":
        entries, more = [*entries, {"task": "mlm", "language": "aa", "files": {"train": "a.txt"}}], {}
    path = write(tmp_path, {}, extends="hyperx", languages={"aa": {"name": "A"}}, corpora=entries, **more)
    assert [one[:2] for one in found(path).remarks if "has no raw text (task mlm)" in one] == said


def test_sentences_over_the_limit(tmp_path, tokenizer):
    rows = {**ROWS, "en-test": [("one two three four five six", "x")]}
    assert found(write(tmp_path, rows, **TWO), tokenizer).held[0].limit == 1


def test_the_command(tmp_path):
    rows = {**ROWS, "en-test": [("d", "x")]}
    path = write(tmp_path, rows, **TWO)
    done = hxbench("data", "check", path)
    assert done.code == 0, done.err
    assert done.out.endswith("2 things to look at.\n")
    said = json.loads(hxbench("data", "check", path, "--json").out)
    assert said["settings"] == [{"setting": "single, t", "sources": ["t-en", "t-is"], "targets": ["t-en", "t-is"]}]
    (tmp_path / "en-test.jsonl").write_text('{"text": "d", "label": "w"}')
    wrong = hxbench("data", "check", path)
    assert wrong.code == 2
    assert wrong.err.endswith("en-test.jsonl, line 1: label 'w'; expected x or y or z.\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty", "", "holds no example; expected"),
        ("folder", None, "en-test.jsonl is a directory"),
        ("score", '{"text": "a", "label": NaN}', "en-test.jsonl, line 1: "),
        ("number", '{"text": 3, "label": "x"}', "line 1: text is '3'; expected a text."),
        ("lacks", '{"txt": "a", "label": "x"}', "line 1: no text in column text; expected some."),
        ("broken", '{"text": ', "en-test.jsonl, line 1"),
    ],
    ids=lambda value: value if value and value.isidentifier() else "",
)
def test_a_file_that_is_none(tmp_path, name, content, said):
    path = write(tmp_path, ROWS, **TWO)
    place = tmp_path / "en-test.jsonl"
    place.unlink()
    place.mkdir() if content is None else place.write_text(content)
    done = hxbench("data", "check", path)
    assert done.code == 2, done.err
    assert said in done.err
    assert "en-test.jsonl" in done.err


def test_of_thousands_of_labels_a_message_names_some(tmp_path):
    many = TOPIC | {"labels": [f"l{n}" for n in range(10_000)]}
    path = write(
        tmp_path, {"a": [("a", "m")]}, tasks={"t": many}, corpora=[{"task": "t", "files": {"test": "a.jsonl"}}]
    )
    done = hxbench("data", "check", path)
    assert done.code == 2
    assert "label 'm'; expected one of l0, l1," in done.err
    assert len(done.err) < 600


def test_the_schema_has_every_field():
    schema = json.loads(hxbench("data", "schema").out)
    assert set(schema["properties"]) == set(DataFile.model_fields)
    text = json.dumps(schema)
    assert all(f'"{name}": {{' in text for name in ("LanguageEntry", "CorpusEntry", "HubPlace"))
    task = schema["properties"]["tasks"]["additionalProperties"]
    assert task == {"$ref": "#/$defs/TaskEntry"}


def test_relatives_stand_for_a_language_before_its_line_of_descent(tmp_path):
    languages = {
        "aa": {"name": "A", "family": "IE, Germanic", "relatives": ["ar", "ta"]}, "bb": {"name": "B"},
        "cc": {"name": "C"},
    }  # fmt: skip
    entries = [{"task": "pos", "language": code, "files": {"test": f"{code}.conllu"}} for code in languages]
    path = write(tmp_path, {}, extends="hyperx", languages=languages, corpora=entries)
    _, data, _ = opened(path, "lab", None, lambda *_: None, offline=True)
    composer = Composer.__new__(Composer)
    composer.languages = languages_for("mirror", data.described)
    composer.known = ["en", "ar", "kk", "cc"]
    assert composer.relatives("aa") == ["ar"]  # and not en, with which it shares a line of descent
    assert composer.relatives("bb") == []  # not cc, of which nothing is said either
    composer.known = ["en", "kk"]
    assert composer.relatives("aa") == ["en"]


def test_what_ships_is_looked_at_where_its_place_is_named(tmp_path, monkeypatch):
    """Test sentences of one's own that another corpus trains on are named; without `data_source` none is."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    treebank = tmp_path / "mirror" / "ud-2.7" / "UD_Turkish-IMST"
    treebank.mkdir(parents=True)
    words = {"train": "a b c d e f g h i j", "dev": "k", "test": "l"}
    for split, some in words.items():
        text = "".join(f"1\t{word}\t_\tNOUN" + "\t_" * 6 + "\n\n" for word in some.split())
        (treebank / f"tr_imst-ud-{split}.conllu").write_text(text)
    (tmp_path / "own.conllu").write_text("".join(f"1\t{w}\t_\tNOUN" + "\t_" * 6 + "\n\n" for w in "azbl"))
    path = write(
        tmp_path, {}, extends="hyperx", languages={"tr-own": {"name": "Own Turkish"}},
        corpora=[{"task": "pos", "language": "tr-own", "files": {"test": "own.conllu"}}],
    )  # fmt: skip
    corpora, data, _ = opened(
        path, "lab", None, lambda *_: None, data_source=str(tmp_path / "mirror"), offline=True
    )
    checked = check_data(corpora, data, None, lambda *_: None, ships=True)
    assert "pos-tr-own: 2 of 4 texts of test are in the training set of pos-tr, which ships." in checked.remarks
    assert not any("which ships" in one for one in found(path).remarks)


def test_a_file_that_stands_alone_has_no_other_source(tmp_path):
    path = write(tmp_path, ROWS, **TWO)
    shown = hxbench("data", "check", path, "--data-source", tmp_path)
    assert (shown.code, shown.out) == (2, "")
    assert "my.yaml says itself where its files are" in shown.err


@pytest.mark.parametrize(
    "command", [["data", "check"], ["prepare", "--data"], ["train", "mbert", "--dry-run", "--data"]]
)
def test_a_pair_of_the_other_side_is_refused_by_every_command(tmp_path, command):
    entry = {"task": "pos", "language": "is", "files": {"train": "not-looked-at.conllu"}}
    path = write(tmp_path, {}, extends="hyperx", partitions={"b": {"pos": ["is"]}}, corpora=[entry])
    shown = hxbench(*command, path)
    assert (shown.code, shown.out) == (2, "")
    assert "partitions: pos-is is on the other side as it ships" in shown.err
