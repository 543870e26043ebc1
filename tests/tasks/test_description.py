"""What a user's description of data means for runs, and every sentence that refuses one."""

import pickle

import pytest
import yaml

from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.spec import languages, recipe
from hxbench.spec.experiment import few_shot_runs
from hxbench.spec.recipe import FewShotRecipe
from hxbench.spec.run_spec import DataSpec, RunSpec, tagging_tasks
from hxbench.spec.settings import Model, Pair, models, source_pairs, target_pairs, text_pairs
from hxbench.tasks import declared_tasks, task_of
from hxbench.tasks.data_file import read_data_file
from hxbench.tasks.encoding.templates import source_text, target_text

TOPIC = {"type": "classification", "fields": ["text"], "labels": ["x", "y"], "metrics": ["accuracy"]}
WORDS = {"type": "tagging", "labels": ["x", "y"], "metrics": ["accuracy"]}
TABLE = {"task": "t", "files": {"train": "a.jsonl"}}
TREEBANK = {"task": "pos", "language": "is-saga", "files": {"train": "a.conllu", "test": "b.conllu"}}
HUB = {"dataset": "me/x", "splits": {"train": "train"}}
SAGA = {"is-saga": {"name": "Old Icelandic", "read": True, "relatives": ["is", "fo"]}}


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch):
    """No task and no language that another test has described."""
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})


def read(folder, name="my.yaml", /, **fields):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(fields, allow_unicode=True), encoding="utf-8")
    return read_data_file(path)


def task(**changes):
    return {"tasks": {"t": TOPIC | changes}, "corpora": [TABLE]}


def rated(**scores):
    of_numbers = {"type": "regression", "labels": [], "metrics": ["pearson"]}
    return task(**of_numbers, scores=scores)


def words(**changes):
    return {"tasks": {"t": WORDS | changes}, "corpora": [TREEBANK | {"task": "t", "language": "is"}]}


def corpus(**changes):
    return {"tasks": {"t": TOPIC}, "corpora": [TABLE | changes]}


def saga(**more):
    return {"extends": "hyperx", "languages": SAGA, "corpora": [TREEBANK], **more}


MANY = [f"l{n}" for n in range(10_000)]
REFUSED = {
    "no corpora": ({"title": "x"}, "my.yaml: corpora: Field required."),
    "unknown field": (corpus(file="a"), "unknown corpora 0 field 'file' (given: 'a'). Did you mean files"),
    "unknown part": (corpus(files={"valid": "a.jsonl"}), "corpora.0.files.valid: Input should be 'train', 'dev'"),
    "absolute": (corpus(files={"train": "/etc/passwd"}), "corpora.0.files.train: a path inside of the folder has"),
    "no list": (corpus(folders="a"), "corpora.0.folders: expected a list, as in [a, b] (given: 'a')."),
    "upwards": (corpus(folders=["a/.."]), "corpora.0.folders.0: a path inside of the folder has"),
    "hub": (corpus(hub={"dataset": "../x", "splits": {"train": "train"}}), "corpora.0.hub.dataset: String should"),
    "hub upwards": (corpus(hub=HUB | {"config": "../x"}), "corpora.0.hub.config: a path inside of the folder has"),
    "hub split": (corpus(hub=HUB | {"splits": {"train": "../x"}}), "corpora.0.hub.splits.train: a path inside of"),
    "hub branch": (corpus(hub=HUB | {"revision": "../x"}), "corpora.0.hub.revision: a path inside of the folder"),
    "capitals": (corpus(language="EN"), "corpora.0.language: a code has small letters, digits and single hyphens"),
    "Norwegian": (corpus(language=False), "no, on and off need quotation marks to be words (given: False)"),
    "no such language": (corpus(language="isx"), "corpus 1: unknown language 'isx'. Did you mean is? languages"),
    "one file": (corpus(languages=["en", "is"]), "corpora.0: a.jsonl is the same file in en and is: expected"),
    "two of a pair": ({"tasks": {"t": TOPIC}, "corpora": [TABLE, TABLE]}, "corpus 2: t-en is there twice."),
    "mismatched": (corpus(files={"mismatched": "a.jsonl"}), "corpus 1: mismatched is a part of MNLI as it ships"),
    "trained on test": (corpus(train_on="test"), "corpus 1: train_on: test is of treebanks"),
    "sides": (corpus(sides=["x"]), "corpus 1: sides are of files that go together"),
    "a scheme": (corpus(scheme="bio"), "corpus 1: scheme does not apply to a corpus of t."),
    "no such task": ({"corpora": [TABLE]}, "corpus 1: unknown task 't'."),
    "no corpus": ({"tasks": {"t": TOPIC, "u": TOPIC}, "corpora": [TABLE]}, "my.yaml: tasks: u has no corpus."),
    "a shipped task": ({"tasks": {"sst2": TOPIC}, "corpora": [TABLE]}, "tasks: sst2 ships with hxbench: give"),
    "raw text": ({"tasks": {"mlm": TOPIC}, "corpora": [TABLE]}, "tasks: mlm ships with hxbench"),
    "a path": ({"tasks": {"../t": TOPIC}, "corpora": [TABLE]}, "the name of a task has small letters, digits"),
    "a hyphen": ({"tasks": {"t-u": TOPIC}, "corpora": [TABLE]}, "tasks.t-u: the name of a task has small letters"),
    "line break": (task(labels=["x\ny", "z"]), r"task t: labels.0: a line break or another control"),
    "escape": (task(labels=["\x1b[31mx", "z"]), r"white space around it (given: '\x1b[31mx')."),
    "title": (corpus() | {"title": "\x1b[31m"}, "my.yaml: title: a line break or another control character"),
    "name": (saga(languages={"xx": {"name": "a\nb"}}), "languages.xx.name: a line break or another control"),
    "folder": (corpus() | {"folder": "a\0b"}, "my.yaml: folder: a line break or another control character"),
    "attribute": (task(template="{text.__class__}"), "task t: the template has in braces each field once: text."),
    "and a field": (task(template="{text.__class__} {text}"), "the template has in braces each field once: text."),
    "twice": (task(template="{text} {text}"), "the template has in braces each field once: text."),
    "lacks a field": (task(fields=["a", "b"], template="{a}"), "has in braces each field once: a, b."),
    "field twice": (task(fields=["a", "a"]), "task t: fields has one of them twice."),
    "label twice": (task(labels=["a", "b", "a"]), "task t: labels has one of them twice."),
    "one label": (task(labels=["a"]), "task t: a task of type classification has two labels or more."),
    "true labels": (task(labels=[True, False]), "labels.0: true, false, yes, no, on and off need quotation marks"),
    "no metric": (task(metrics=[]), "task t: metrics: Tuple should have at least 1 item"),
    "metric": (task(metrics=["pearson"]), "has the metrics accuracy, macro_f1, f1, matthews, and not pearson."),
    "f1 of three": (task(labels=["a", "b", "c"], metrics=["accuracy", "f1"]), "of several there is macro_f1."),
    "answers": (task(several_answers=True), "several_answers does not apply to a task of type classification."),
    "type": (task(type="masked-lm"), "task t: type: Input should be 'tagging', 'classification', 'regression' or"),
    "scores of classes": (task(scores={"low": 1, "high": 9}), "scores does not apply to a task of type class"),
    "no scale": (rated(low=9, high=1), "task t: scores: low is 9, and high is 1: expected a higher one"),
    "true scale": (rated(low=True, high=9), "task t: scores.low: Input should be a valid number (given: True)."),
    "step": (rated(low=0, high=1, step=0.3), "the step is 0.3: expected one that divides 0 to 1 into"),
    "fields of words": (words(fields=["text"]), "task t: fields does not apply to a task of type tagging."),
    "two metrics": (words(entities=["X"], labels=[], metrics=["f1", "accuracy"]), "of words has one metric"),
    "f1 of words": (words(metrics=["f1"]), "f1 of words counts spans: give their types in entities, or labels O,"),
    "both": (words(entities=["X"], metrics=["f1"]), "entities stand in the place of labels"),
    "accuracy": (words(entities=["X"], labels=[]), "in the place of labels, and their metric is f1."),
    "label of nothing": (corpus(labels={"a": "z"}), "labels: unknown label of t 'z'. Known: x, y."),
    "shipped language": (saga(languages={"is": {"name": "I"}}), "leave the entry out, or give yours another"),
    "relative": (saga(languages={"xx": {"name": "X", "relatives": ["isl"]}}), "languages.xx.relatives: unknown"),
    "itself": (saga(languages={"xx": {"name": "X", "relatives": ["xx"]}}), "a language is no relative of itself."),
    "source of nothing": (corpus() | {"sources": {"u": ["en"]}}, "my.yaml: sources.u: unknown task 'u'."),
    "source elsewhere": (corpus() | {"sources": {"t": ["is"]}}, "my.yaml: sources.t: there is no corpus of t-is."),
    "without training": (corpus(files={"test": "a.jsonl"}) | {"sources": {"t": ["en"]}}, "has no training set."),
    "raw source": (saga(sources={"mlm": ["is"]}), "sources.mlm: sources are of labelled tasks."),
    "side of texts": (corpus() | {"partitions": {"a": {"t": ["en"]}}}, "partitions are of tasks that tag words."),
    "a third side": (saga(partitions={"c": {"pos": ["is"]}}), "partitions.c: Input should be 'a' or 'b'"),
    "text as answer": (corpus(target="text"), "corpus 1: text is a field that is read, and the answer"),
    "answer as text": (task(fields=["label"]), "corpus 1: label is a field that is read, and the answer"),
    "two languages": (corpus(language="is", languages=["en"]), "languages stands in the place of language"),
    "column 0": (saga(corpora=[TREEBANK | {"tags": 0}]), "corpora.0.tags: a column is a name, or a number from 1"),
    "column yes": (saga(corpora=[TREEBANK | {"words": True}]), "corpora.0.words: a column is a name, or a number"),
    "outside": (words(entities=["O"], labels=[], metrics=["f1"]), "O is the label outside of all entities"),
    "two beginnings": (task(template="{text}", prefix="p"), "template and prefix both say what a text begins"),
    "both sides": (saga(partitions={s: {"pos": ["is-saga"]} for s in "ab"}), "pos-is-saga is on both sides"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(tmp_path, fields, said):
    with pytest.raises(InputError) as caught:
        read(tmp_path, **fields)
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.yaml: ")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a mapping of keys to values"),
        ("a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
         for a, b in zip("abcdefgh", "bcdefghi", strict=True)), "more than 200000 values"),
        ("corpora: !!python/object/apply:os.system ['true']", "is not plain data"),
        ("corpora: [\n", "not readable as YAML in line 2"),
        ("title: a\ntitle: b\n", "the key title is there twice"),
    ],
    ids=["empty", "laughs", "code", "broken", "twice"],
)  # fmt: skip
def test_no_such_file(tmp_path, text, said):
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(InputError, match=said):
        read_data_file(tmp_path / "my.yaml")


@pytest.mark.parametrize("make", ["mkdir", "__str__"], ids=["a folder", "nothing"])
def test_no_file_at_all(tmp_path, make):
    getattr(tmp_path / "my.yaml", make)()
    with pytest.raises(InputError, match=r"my\.yaml: not a readable YAML file"):
        read_data_file(tmp_path / "my.yaml")


def test_what_is_not_refused(tmp_path):
    found = read(tmp_path, **task(labels=[1, 2], fields=["my text"], template="{my text}?"))
    assert found.described.tasks["t"].labels == ("1", "2")
    assert found.described.title == "my"
    assert source_text(found.described.tasks["t"], ["So"]) == "So?"
    assert len(read(tmp_path / "b", "b.yaml", **task() | {"tasks": {"u": TOPIC | {"labels": MANY}},
        "corpora": [TABLE | {"task": "u"}]}).described.tasks["u"].labels) == 10_000  # fmt: skip
    spans = {"tasks": {"v": {"type": "tagging", "entities": ["PER"], "metrics": ["f1"]}}}
    entry = TREEBANK | {"task": "v", "language": "is", "labels": {"LOC": "O", "P": "PER"}}
    assert read(tmp_path, **spans, corpora=[entry]).described.tasks["v"].labels == ("O", "B-PER", "I-PER")


def test_of_several_answers_the_first_is_learned(tmp_path):
    given = {"type": "generation", "fields": ["q"], "metrics": ["exact_match"], "several_answers": True}
    known = read(tmp_path, tasks={"t": given}, corpora=[TABLE]).described.tasks["t"]
    assert target_text(known, "one\ntwo", 1.0) == "one"


def data(found):
    return DataSpec(origin="mirror", described=found.described)


def test_an_extending_description_adds(tmp_path):
    found = data(read(tmp_path, **saga(partitions={"a": {"pos": ["is-saga"]}})))
    ships = DataSpec(origin="mirror")
    saga_pair = Pair("pos", "is-saga")
    assert tagging_tasks(found.described) == ("ner", "pos")
    assert source_pairs("single", "pos", None, found) == [Pair("pos", "en")]
    for side, more in (("a", [saga_pair]), ("b", []), ("b-switched", [])):
        assert source_pairs("mixed", None, side, found) == source_pairs("mixed", None, side, ships) + more
    assert target_pairs("multi", None, found) == [*target_pairs("multi", None, ships), saga_pair]
    assert models("mixed", described=found.described) == (Model(None, "a"), Model(None, "b"))
    own = languages.languages_for("mirror", found.described)["is-saga"]
    assert (own.group, own.relatives, own.own, own.paper_code) == ("seen", ("is", "fo"), True, "is-saga")


def test_a_pair_that_ships_stays_on_its_side(tmp_path):
    found = data(read(tmp_path, **saga(partitions={"b": {"pos": ["is"]}})))
    assert Pair("pos", "is") in source_pairs("mixed", None, "a", found)
    with pytest.raises(InputError, match="my: partitions: pos-is is on the other side as it ships"):
        source_pairs("mixed", None, "b", found)


def test_in_switched_partitions_a_users_languages_keep_their_side(tmp_path):
    found = data(read(tmp_path, **saga(partitions={"a": {"pos": ["is-saga"]}})))
    [more] = set(source_pairs("mixed", None, "a-switched", found)) - set(
        source_pairs("mixed", None, "a-switched", DataSpec(origin="mirror"))
    )
    assert more == Pair("pos", "is-saga")


def test_a_description_alone_has_what_it_says(tmp_path):
    entries = [TREEBANK | {"language": code, "task": one} for one in ("pos", "t") for code in ("en", "is")]
    sources = {"pos": ["en"], "t": ["is"]}
    found = data(
        read(tmp_path, tasks={"t": WORDS}, corpora=entries, sources=sources, partitions={"b": {"t": ["en"]}})
    )
    assert tagging_tasks(found.described) == ("pos", "t")  # one that ships, too
    assert source_pairs("multi", None, None, found) == [Pair("pos", "en"), Pair("t", "is")]
    assert source_pairs("mixed", None, "b", found) == [Pair("pos", "en"), Pair("t", "en"), Pair("t", "is")]
    assert target_pairs("single", "t", found) == [Pair("t", "en"), Pair("t", "is")]
    assert models("mixed", described=found.described) == (Model(None, "b"),)
    for side in ("a", "b-switched"):
        with pytest.raises(InputError, match=f"my describes no partition {side}"):
            source_pairs("mixed", None, side, found)
    groups = {code: one.group for code, one in languages.languages_for("mirror", found.described).items()}
    assert groups == {"en": "source", "is": "source"}


def test_texts_in_more_than_english(tmp_path):
    entry = {"task": "cola", "language": "is", "header": ["source", "label", "mark", "sentence"]}
    own = read(tmp_path, extends="pha", corpora=[entry | {"files": {"test": "a.tsv"}}])
    assert text_pairs(["rte", "cola"], data(own)) == [Pair("rte", "en"), Pair("cola", "en"), Pair("cola", "is")]
    alone = read(tmp_path, corpora=[entry | {"files": {"train": "a.tsv"}}])
    assert text_pairs(["cola"], data(alone)) == [Pair("cola", "is")]
    assert alone.described.sources == {"cola": ("is",)}


def resolve(found, method="mbert", **given):
    ground = recipe.OnGround("lab", own=found)
    return recipe.resolve(method, profile=ground, setting="single", **{"task": "pos", **given})


def test_a_run_id_depends_on_what_is_described_and_not_on_where(tmp_path):
    here, there = read(tmp_path / "a", title="S", **saga()), read(tmp_path / "b", "x.yaml", title="S", **saga())
    assert resolve(here).run_id == resolve(there).run_id != resolve(None).run_id
    moved = saga(corpora=[TREEBANK | {"files": {"train": "elsewhere.conllu", "test": "c.conllu"}}])
    assert resolve(read(tmp_path, title="S", **moved)).run_id == resolve(here).run_id
    assert resolve(read(tmp_path, title="S", **saga(partitions={"b": {"pos": ["is-saga"]}}))) != resolve(here)


def test_a_stored_run_tells_what_its_tasks_and_languages_are(tmp_path, monkeypatch):
    fields = {"tasks": {"t": WORDS}, "corpora": [TREEBANK | {"task": "t"}], "languages": SAGA, "extends": "hyperx"}
    spec = resolve(read(tmp_path, **fields), task="t")
    stored = spec.model_dump(mode="json")
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})
    with pytest.raises(InputError, match="unknown task 't'"):
        task_of("t")
    again = validated(RunSpec, stored, "spec.yaml")
    assert (again.run_id, task_of("t").labels) == (spec.run_id, ("x", "y"))
    assert languages.find_language("is-saga").name == "Old Icelandic"


def test_a_spec_handed_to_another_process_tells_it_there_too(tmp_path, monkeypatch):
    fields = {"tasks": {"t": WORDS}, "corpora": [TREEBANK | {"task": "t"}], "languages": SAGA, "extends": "hyperx"}
    handed = pickle.dumps(resolve(read(tmp_path, **fields), task="t"))
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})
    pickle.loads(handed)
    assert task_of("t").labels == ("x", "y")
    assert languages.find_language("is-saga").name == "Old Icelandic"


def test_a_name_has_one_meaning(tmp_path):
    first = resolve(read(tmp_path, **{**task(), "languages": SAGA, "extends": "hyperx"}), task="t")
    other = resolve(read(tmp_path, **{**task(labels=["x", "z"]), "extends": "hyperx"}), task="t")
    first.require_meaning("this run")
    with pytest.raises(
        InputError, match="that run: the task t is described in another way, too: give one another"
    ):
        other.require_meaning("that run")
    changed = read(tmp_path, **{**saga(), "languages": {"is-saga": {"name": "Other"}}})
    with pytest.raises(InputError, match="that run: the language is-saga is described in another way, too"):
        resolve(changed).require_meaning("that run")
    with pytest.raises(ValueError, match="ships with hxbench"):
        declared_tasks.declare({"pos": task_of("t")})


def test_few_shot_runs_of_an_own_pair(tmp_path):
    protocol = FewShotRecipe(k=(5,), languages=("is-saga", "en"), tasks=("pos",))
    [one] = few_shot_runs(resolve(read(tmp_path, **saga())), protocol, draws=[0])
    assert (one.spec.few_shot.task, one.spec.few_shot.language) == ("pos", "is-saga")


@pytest.mark.parametrize("partition", [None, "a", "b", "switched"])
def test_the_mixed_setting_of_a_description_alone(tmp_path, partition):
    sides = {} if partition in (None, "b") else {"b": {"pos": ["is-saga"]}}
    found = read(tmp_path, languages=SAGA, corpora=[TREEBANK], partitions=sides)
    with pytest.raises(InputError, match=f"my describes no partition {partition or 'a or b'}: the mixed setting"):
        recipe.chosen_models("mbert", "mixed", partition=partition, profile=recipe.OnGround("lab", own=found))
