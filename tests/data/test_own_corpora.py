"""A user's corpora through a file of their own: the rows of what ships, other formats, and what is refused."""

import json

import pytest
import yaml
from hub_server import parquet, serve

from hxbench.data import Corpora, Origin
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks.data_file import read_data_file

CONLLU = "1\tgóðan\t_\t{}\tlk\t_\t0\troot\t_\tLemma=góður\n2\tdag\t_\tNOUN\tno\t_\t1\tdep\t_\tLemma=dagur\n\n"
COMMIT = "c0ffee00" * 5
COLA = "gj04\t1\t\tA b .\ngj04\t0\t*\tB a .\n"


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(root, name, content):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(content, encoding="utf-8")


CB = lines(*({"premise": f"p {n}", "hypothesis": "h", "label": "neutral", "idx": n} for n in range(6)))
PUD = "ud-2.7/UD_Icelandic-PUD/is_pud-ud"
TICKETS = {
    "title": "Tickets", "type": "classification", "fields": ["subject", "text"], "labels": ["bug", "wish"],
    "metrics": ["accuracy"],
}  # fmt: skip


@pytest.fixture
def mirror(tmp_path):
    root = tmp_path / "mirror"
    for part in ("train", "test"):
        write(root, f"ud-2.7/UD_Icelandic-PUD/is_pud-ud-{part}.conllu", CONLLU.format("ADJ") * 3)
        write(root, f"wikiann/is/{part}", "is:Jón\tB-PER\nis:á\tO\n\n" * 4)
    write(root, "text/is.txt", "eitt\ntvö\n")
    write(root, "glue/CoLA/train.tsv", COLA * 5)
    write(root, "glue/CoLA/dev.tsv", COLA * 3)
    write(root, "superglue/CB/train.jsonl", CB)
    write(root, "superglue/CB/val.jsonl", CB * 2)
    return root


def described(tmp_path, *corpora, **more):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"corpora": list(corpora), **more}, allow_unicode=True))
    return read_data_file(path)


def own(tmp_path, *corpora, origin=None, options=None, **more):
    origin = origin or Origin("mirror")
    found = described(tmp_path, *corpora, **more)
    return Corpora(origin, DataSpec(origin=origin.kind, described=found.described, **(options or {})), found)


def treebank(**files):
    return {"task": "pos", "language": "is", "format": "conllu", "files": files}


@pytest.mark.parametrize(
    ("collection", "entry"),
    [
        ("multilingual", treebank(train=f"{PUD}-train.conllu", test=f"{PUD}-test.conllu")),
        ("multilingual", {"task": "ner", "format": "wikiann", "languages": {"is": {}},
                          "folders": ["other", "wikiann/{code}"], "files": {"train": "train", "test": "test"}}),
        ("multilingual", {"task": "mlm", "language": "is", "files": {"train": "text/is.txt"}}),
        ("english", {"task": "cola", "header": ["source", "label", "mark", "sentence"], "target": "label",
                     "labels": {"0": "unacceptable", "1": "acceptable"}, "folders": ["glue/{title}"],
                     "files": {"train": "train.tsv", "dev": "dev.tsv"}}),
        ("english", {"task": "cb", "folders": ["superglue/CB"],
                     "files": {"train": "train.jsonl", "dev": "val.jsonl"}}),
    ],
    ids=["treebank", "names", "raw text", "tab-separated", "JSON lines"],
)  # fmt: skip
def test_the_same_corpus_has_the_same_rows(tmp_path, mirror, collection, entry):
    options = {"collection": collection, "dev_from_train": 2}
    ships = Corpora(Origin("mirror", mirror), DataSpec(origin="mirror", **options))
    mine = own(tmp_path, entry, folder="mirror", options=options)
    task, code = entry["task"], "is" if collection == "multilingual" else "en"
    assert mine.splits(task, code) == ships.splits(task, code) != ()
    for split in ships.splits(task, code):
        found, expected = mine.load(task, code, split), ships.load(task, code, split)
        assert found.features == expected.features
        assert found[:] == expected[:]


def test_it_adds_to_what_ships(tmp_path, mirror):
    write(tmp_path, "mine/eng.conllu", CONLLU.format("INTJ"))
    language = {"eng": {"name": "Engish", "read": True}}
    entry = treebank(train="eng.conllu") | {"language": "eng"}
    c = own(tmp_path, entry, extends="hyperx", folder="mine", languages=language, origin=Origin("mirror", mirror))
    assert c.splits("pos", "eng") == ("train",)
    assert c.splits("pos", "is") == ("train", "test")
    assert list(c.languages)[-1] == "eng"
    assert len(c.languages) == 17
    assert c.missing([("pos", "eng"), ("ner", "eng"), ("pos", "en")]) == [("ner", "eng"), ("pos", "en")]
    with pytest.raises(InputError, match="no train split of wikiann for eng"):
        c.load("ner", "eng", "train")


def test_alone_it_needs_no_mirror(tmp_path):
    write(tmp_path, "is.conllu", CONLLU.format("ADJ"))
    c = own(tmp_path, treebank(test="is.conllu") | {"train_on": "test"})
    assert (list(c.languages), c.collection.tasks) == (["is"], ("pos",))
    assert c.splits("pos", "is") == ("test",)
    assert c.train_on("pos", "is") == "test"
    with pytest.raises(InputError, match=r"my\.yaml has no dev split of ud for is"):
        c.load("pos", "is", "dev")
    with pytest.raises(InputError, match="unknown task 'ner'"):
        c.splits("ner", "is")


KINDS = [{"kind": "B", "subject": "s", "text": "t"}, {"kind": "wish", "subject": "s", "text": "u"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", lines(*KINDS)),
        ("t.csv", 'kind,subject,text\nB,s,t\nwish,s,"u"\n'),
        ("t.tsv", "kind\tsubject\ttext\nB\ts\tt\nwish\ts\tu\n"),
        ("t.json", json.dumps(KINDS)),
    ],
)  # fmt: skip
def test_a_task_of_ones_own_in_any_language(tmp_path, name, content):
    write(tmp_path, name, content)
    entry = {
        "task": "tickets",
        "language": "is",
        "target": "kind",
        "labels": {"B": "bug"},
        "files": {"train": name},
    }
    c = own(tmp_path, entry, tasks={"tickets": TICKETS}, options={"dev_from_train": 1})
    assert c.splits("tickets", "is") == ("train", "dev")  # by the rule that ships
    rows = [row for split in ("train", "dev") for row in c.load("tickets", "is", split)]
    assert sorted((row["fields"], row["target"]) for row in rows) == [(["s", "t"], "0"), (["s", "u"], "1")]


def test_scores_of_ones_own_and_a_share_of_the_training_set(tmp_path):
    write(tmp_path, "a.jsonl", lines(*({"text": f"t {n}", "label": n} for n in range(20))))
    write(tmp_path, "b.jsonl", lines({"text": "t", "label": 101}))
    task = {"type": "regression", "fields": ["text"], "metrics": ["pearson"], "scores": {"low": 0, "high": 100}}
    entry = {"task": "grade", "files": {"train": "a.jsonl", "dev": "a.jsonl", "test": "b.jsonl"}}
    c = own(tmp_path, entry, tasks={"grade": task}, options={"train_share": 0.25})
    assert sorted(map(int, c.load("grade", "en", "dev")["target"])) == list(range(20))
    some = c.load("grade", "en", "train")["target"]
    assert len({*some}) == 5
    assert {*map(int, some)} < {*range(20)}
    assert c.fingerprint("grade", "en", "train") != c.fingerprint("grade", "en", "dev")
    with pytest.raises(InputError, match=r"b\.jsonl, line 1: score '101'; expected a score from 0 to 100"):
        c.load("grade", "en", "test")


def test_many_labels(tmp_path):
    labels = [f"l{n}" for n in range(130)]
    task = {"title": "Tags", "type": "tagging", "labels": labels, "metrics": ["accuracy"]}
    write(tmp_path, "a.txt", "1\tw\tl129\n2\tv\tl0\n\n")
    entry = {
        "task": "tags",
        "language": "is",
        "format": "columns",
        "words": 2,
        "tags": 3,
        "files": {"test": "a.txt"},
    }
    c = own(tmp_path, entry, tasks={"tags": task})
    dataset = c.load("tags", "is", "test")
    assert dataset[:] == {"words": [["w", "v"]], "tags": [[129, 0]]}
    assert dataset.features["tags"].feature.dtype == "int16"


def test_a_fingerprint_names_how_it_is_read(tmp_path):
    write(tmp_path, "is.conllu", CONLLU.format("ADJ"))
    task = {"title": "Fine", "type": "tagging", "labels": ["lk", "no"], "metrics": ["accuracy"]}
    found = []
    lemma = {"tags": "misc.Lemma", "labels": {"góður": "lk", "dagur": "no"}}
    turned = lemma | {"labels": {"góður": "no", "dagur": "lk"}}
    for entry, split in (({"tags": "xpos"}, "test"), (lemma, "test"), (turned, "test"), ({"tags": "xpos"}, "dev")):
        entry |= {"task": "fine", "language": "is", "format": "conllu", "files": {split: "is.conllu"}}
        c = own(tmp_path, entry, tasks={"fine": task})
        found.append((c.fingerprint("fine", "is", split), c.load("fine", "is", split)["tags"][0]))
    assert [tags for _, tags in found] == [[0, 1], [0, 1], [1, 0], [0, 1]]
    assert len({fingerprint for fingerprint, _ in found}) == 3  # the same file as another split has the same rows


@pytest.mark.parametrize(
    ("files", "entry", "said"),
    [
        ({"a.conllu": CONLLU.format("W")}, treebank(test="a.conllu"), r"a\.conllu, line 1: unknown UPOS 'W'"),
        ({}, treebank(test="a.conllu"), r"my\.yaml: pos-is, test: .* has no a\.conllu"),
        ({"a.jsonl": '{"premise": "p", "hypothesis": " ", "label": "neutral"}\n'},
         {"task": "cb", "files": {"test": "a.jsonl"}}, r"a\.jsonl, line 1: no text in column hypothesis"),
        ({"a.jsonl": '{"premise": "p", "hypothesis": "h", "label": "perhaps"}\n'},
         {"task": "cb", "labels": {"maybe": "neutral"}, "files": {"test": "a.jsonl"}},
         r"a\.jsonl, line 1: label 'perhaps'; expected entailment or contradiction or maybe"),
        ({"a.tsv": "premise\thypothesis\tlabel\np\th\tneutral\n", "b.tsv": "premise\tlabel\n"},
         {"task": "cb", "files": {"dev": "a.tsv", "test": "b.tsv"}}, r"b\.tsv, line 1: no column hypothesis"),
    ],
)  # fmt: skip
def test_what_is_refused_in_files(tmp_path, files, entry, said):
    for name, content in files.items():
        write(tmp_path, name, content)
    with pytest.raises(InputError, match=said):
        own(tmp_path, entry).load(entry["task"], entry.get("language", "en"), "test")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (treebank(test="../a.conllu"), "plain names"),
        (treebank(test="{t}/a.conllu"), "the word {t} of {t}/a.conllu is not one of every language"),
        (treebank(), "a corpus has files or hub"),
        ({"task": "cb", "files": {"test": "a.x"}}, "nothing says the format of a.x: name it with format: tsv"),
        ({"task": "pos", "files": {"test": "a.tsv"}}, "corpus 1: a.tsv is tsv; a corpus of POS is conllu or"),
        (treebank(test="a.conllu") | {"target": "x"}, "corpus 1: target does not apply to a corpus of POS"),
        (treebank(test="a.conllu") | {"language": False}, "need quotation marks"),
        (treebank(test="a.conllu") | {"labels": {"N": "NOUM"}}, "labels: unknown label of POS 'NOUM'. Did"),
        ({"task": "cb", "fields": ["premise"], "files": {"test": "a.tsv"}}, "fields has 1 columns for premise"),
    ],
)  # fmt: skip
def test_what_is_refused_in_a_description(tmp_path, entry, said):
    with pytest.raises(InputError) as caught:
        described(tmp_path, entry)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            treebank(test="a.conllu") | {"words": 3},
            "my.yaml: pos-is: words is for columns, jsonl, json, parquet; the",
        ),
        (
            treebank(test="a.conllu") | {"delimiter": "tab"},
            "delimiter is for columns, csv; the file is read as conllu",
        ),
        (
            {"task": "cb", "files": {"train": "a.jsonl"}, "header": ["x"]},
            "my.yaml: cb-en: header is for tsv, csv; the",
        ),
    ],
    ids=["words", "delimiter", "header"],
)
def test_what_a_format_has_no_use_for(tmp_path, entry, said):
    with pytest.raises(InputError) as caught:
        own(tmp_path, entry)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"tags": "bogus"}, "a.conllu: unknown column of CoNLL-U 'bogus'"),
        ({"format": "columns", "tags": "bogus"}, "a.conllu: the column of labels is 'bogus'; expected a number"),
        ({"format": "columns", "delimiter": ";"}, "a.conllu: unknown delimiter of columns ';'"),
    ],
    ids=["treebank", "column", "delimiter"],
)
def test_a_column_that_is_none_is_told_with_its_file(tmp_path, entry, said):
    write(tmp_path, "a.conllu", CONLLU.format("ADJ"))
    with pytest.raises(InputError) as caught:
        own(tmp_path, treebank(test="a.conllu") | entry).load("pos", "is", "test")
    assert said in str(caught.value)


def test_of_two_files_none_is_passed_over(tmp_path):
    write(tmp_path, "a.conllu", CONLLU.format("ADJ"))
    entry = treebank(test=["a.conllu", "b.conllu"])
    assert len(own(tmp_path, entry).load("pos", "is", "test")) == 1
    write(tmp_path, "b.conllu", CONLLU.format("ADJ"))
    with pytest.raises(
        InputError, match=r"pos-is, test: a\.conllu and b\.conllu are there, and of several paths one"
    ):
        own(tmp_path, entry).load("pos", "is", "test")


def test_true_and_false_may_be_labels(tmp_path):
    write(
        tmp_path,
        "t.jsonl",
        lines({"subject": "s", "text": "t", "bug": True}, {"subject": "s", "text": "u", "bug": False}),
    )
    entry = {"task": "tickets", "target": "bug", "labels": {"true": "bug", "false": "wish"}}
    c = own(
        tmp_path, entry | {"files": dict.fromkeys(("train", "dev", "test"), "t.jsonl")}, tasks={"tickets": TICKETS}
    )
    assert c.load("tickets", "en", "train")["target"] == ["0", "1"]


def test_no_word_and_no_link_leads_out(tmp_path):
    write(tmp_path, "secret.conllu", CONLLU.format("ADJ"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.conllu").symlink_to("../secret.conllu")
    with pytest.raises(InputError, match="leads out of"):
        own(tmp_path, treebank(test="a.conllu"), folder="mine").load("pos", "is", "test")
    entry = {**treebank(test="{place}.conllu"), "languages": {"is": {"place": "../secret"}}}
    del entry["language"]
    with pytest.raises(InputError, match="cannot be part of a file name"):
        own(tmp_path, entry, folder="mine").splits("pos", "is")


def test_a_data_set_of_the_hub(tmp_path, monkeypatch):
    place = {
        "dataset": "me/icelandic",
        "revision": COMMIT,
        "config": "{code}",
        "splits": {"train": "train", "test": "validation"},
    }
    labels = {"0": "O", "1": "B-PER"}
    entry = {
        "task": "ner",
        "languages": {"is": {}},
        "words": "tokens",
        "tags": "ner_tags",
        "labels": labels,
        "hub": place,
    }
    with serve() as site:
        site.datasets["me/icelandic"] = {
            f"is/{split}-0000{n}-of-00002.parquet": parquet(tokens=[["Jón", str(n)]], ner_tags=[[1, 0]])
            for split in ("train", "validation") for n in (1, 0)
        }  # fmt: skip
        site.commits = {"me/icelandic": COMMIT}
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        with pytest.raises(
            InputError, match=r"lacks .*is/train\*\.parquet of me/icelandic at c0ffee00c0ff"
        ) as caught:
            own(tmp_path, entry, origin=Origin("mirror", offline=True)).fetch([("ner", "is")])
        assert "with a network, the same command gets them" in str(caught.value)
        c = own(tmp_path, entry)
        assert c.missing([("ner", "is")]) == [("ner", "is")]
        assert c.splits("ner", "is") == ("train", "test")
        assert c.load("ner", "is", "test")[:] == {"words": [["Jón", "0"], ["Jón", "1"]], "tags": [[1, 0]] * 2}
        c.fetch([("ner", "is")])
        assert c.missing([("ner", "is")]) == []
        [asked] = [path for _, path, _, _ in site.requests if "/revision/" in path]
        assert asked.endswith(f"/revision/{COMMIT}")
