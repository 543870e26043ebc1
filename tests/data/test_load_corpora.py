import os
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context

import pytest

from hxbench.data import Corpora, Origin
from hxbench.data.readers import READERS
from hxbench.errors import InputError
from hxbench.leftovers import temporary
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import task_of, tasks_in

TREEBANK = "ud-2.7/UD_Kazakh-KTB/kk_ktb-ud"
WORDS = "1\tbir\t_\tNUM\t_\t_\t0\troot\t_\t_\n2-3\tikiüç\t_\t_\t_\t_\t_\t_\t_\t_\n"
WORDS += "2\tiki\t_\tNUM\t_\t_\t1\tdep\t_\t_\n3\tüç\t_\tX\t_\t_\t1\tdep\t_\t_\n\n"


@pytest.fixture
def mirror(tmp_path):
    for name, content in {
        f"{TREEBANK}-train.conllu": WORDS * 3,
        f"{TREEBANK}-test.conllu": WORDS,
        "wikiann/yue/test": "zh-yue:香\tB-LOC\nzh-yue:港\tI-LOC\n\n" * 5,
        "text/kk.txt": "bir\n\niki\nüç\n",
    }.items():
        path = tmp_path / "mirror" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "mirror"


def corpora(mirror, **options):
    return Corpora(Origin("mirror", mirror), DataSpec(origin="mirror", **options))


def test_one_schema_a_task(mirror):
    from datasets import Features, List, Value

    c = corpora(mirror)
    pos, ner, text = c.load("pos", "kk", "test"), c.load("ner", "yue", "test"), c.load("mlm", "kk", "train")
    tagged = Features({"words": List(Value("string")), "tags": List(Value("int8"))})
    assert pos.features == ner.features == tagged
    assert text.features == Features({"text": Value("string")})
    names = task_of("pos").labels
    assert pos[0] == {"words": ["bir", "iki", "üç"], "tags": [names.index(t) for t in ("NUM", "NUM", "X")]}
    assert ner[4] == {"words": ["香", "港"], "tags": [5, 6]}
    assert text["text"] == ["bir", "iki", "üç"]


def test_it_is_memory_mapped_in_the_cache(mirror, cache):
    dataset = corpora(mirror).load("pos", "kk", "train")
    (entry,) = dataset.cache_files
    assert entry["filename"].startswith(str(cache))
    assert dataset._fingerprint == corpora(mirror).fingerprint("pos", "kk", "train")


def test_splits_and_missing(mirror):
    c = corpora(mirror)
    assert c.splits("pos", "kk") == ("train", "test")
    assert c.splits("ner", "yue") == ("test",)
    assert c.splits("mlm", "kk") == ("train",)
    assert c.splits("ner", "kk") == ()
    pairs = [("ner", "kk"), ("pos", "kk"), ("mlm", "en")]
    assert c.missing(pairs) == [("ner", "kk"), ("mlm", "en")]
    assert c.fetch(pairs) is None
    assert list(c.languages)[:2] == ["en", "ar"]


def test_caps_take_the_first(mirror):
    c = corpora(mirror, train_sentences=2, text_sentences=2)
    assert c.load("pos", "kk", "train").num_rows == 2
    assert c.load("pos", "kk", "test").num_rows == 1
    assert c.load("mlm", "kk", "train")["text"] == ["bir", "iki"]


def test_multiword_is_passed_on(mirror):
    kept = corpora(mirror, multiword="keep").load("pos", "kk", "test")[0]
    assert kept["words"] == ["bir", "ikiüç", "iki", "üç"]
    assert task_of("pos").labels[kept["tags"][1]] == "_"


def test_fingerprint_names_the_rows(mirror, tmp_path, monkeypatch):
    def of(task="pos", language="kk", split="train", folder=mirror, **options):
        return corpora(folder, **options).fingerprint(task, language, split)

    assert len(of()) == 16
    assert int(of(), 16) >= 0
    assert of() == of(test_sentences=1)
    assert of("mlm") != of()
    assert len({of(), of(split="test"), of(train_sentences=2), of(multiword="keep")}) == 4
    assert of("mlm", multiword="keep") == of("mlm")
    copy = tmp_path / "elsewhere"
    os.renames(mirror, copy)
    moved = of(folder=copy)
    path = copy / f"{TREEBANK}-train.conllu"
    before = path.stat()
    path.write_text(path.read_text().replace("bir", "bes"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # size and time as before
    assert of(folder=copy) != moved
    path.write_text(path.read_text().replace("bes", "bir"))
    assert of(folder=copy) == moved
    monkeypatch.setitem(READERS, "conllu", replace(READERS["conllu"], version=2))
    assert of(folder=copy) != moved


def test_fingerprint_is_remembered(mirror, monkeypatch):
    monkeypatch.setattr("hxbench.data.digest._SETTLED", -1)
    first = corpora(mirror).fingerprint("pos", "kk", "train")

    def hashed_again(*args):
        raise AssertionError("the file was read again")

    monkeypatch.setattr("hashlib.file_digest", hashed_again)
    assert corpora(mirror).fingerprint("pos", "kk", "train") == first


def test_written_once(mirror, monkeypatch):
    first = corpora(mirror).load("pos", "kk", "train")
    monkeypatch.setitem(READERS, "conllu", replace(READERS["conllu"], read=None))
    assert corpora(mirror).load("pos", "kk", "train")[:] == first[:]


def test_damaged_cache_is_made_again(mirror):
    dataset = corpora(mirror).load("pos", "kk", "train")
    rows = dataset[:]
    (entry,) = dataset.cache_files
    with open(entry["filename"], "wb") as file:
        file.write(b"damaged")
    assert corpora(mirror).load("pos", "kk", "train")[:] == rows


def test_broken_input_leaves_nothing_behind(mirror, cache):
    path = mirror / f"{TREEBANK}-train.conllu"
    path.write_text(WORDS * 2000 + "broken\n")
    with pytest.raises(InputError, match=r"kk_ktb-ud-train\.conllu, line 10001: 1 column"):
        corpora(mirror).load("pos", "kk", "train")
    assert not list((cache / "corpora/pos").iterdir())


def test_what_killed_processes_left_is_removed(mirror, cache):
    name = f"kk-test-{corpora(mirror).fingerprint('pos', 'kk', 'test')}.arrow"
    (cache / "corpora/pos").mkdir(parents=True)
    old, young, other = (cache / f"corpora/pos/.{name}.{n}.tmp" for n in ("1-00", "2-00", "0123abcd-1-0123abcd"))
    gone = subprocess.Popen(["true"])
    gone.wait()
    own = temporary(cache / "corpora/pos" / name)
    dead = own.with_name(own.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-"))
    library = cache / "corpora/pos/tmpab12_xyz"
    everything = (old, young, other, own, dead, library)
    for path in everything:
        path.touch()
    os.utime(old, (0, 0))
    os.utime(library, (0, 0))
    corpora(mirror).load("pos", "kk", "test")
    assert [path for path in everything if path.exists()] == [young, other, own]


def _load_rows(arguments):
    mirror, cache = arguments
    os.environ["HXBENCH_CACHE"] = cache
    return corpora(mirror).load("pos", "kk", "train").num_rows


def test_several_processes_at_once(mirror, cache):
    (mirror / f"{TREEBANK}-train.conllu").write_text(WORDS * 3000)
    with get_context("spawn").Pool(2) as pool:
        assert pool.map(_load_rows, [(mirror, str(cache))] * 4, chunksize=1) == [3000] * 4
    assert len(list((cache / "corpora/pos").iterdir())) == 2  # the file and its note


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("pos", "tr", "train"),
            "no train split of ud for tr; looked for ud-2.7/UD_Turkish-IMST/tr_imst-ud-train",
        ),
        (("pos", "kk", "dev"), "no dev split of ud for kk"),
        (("ner", "kk", "train"), "no train split of wikiann for kk; looked for wikiann/kk/train"),
        (("mlm", "kk", "test"), "raw text has only train"),
        (("parsing", "kk", "test"), "unknown task 'parsing'"),
        (("pos", "../kk", "test"), "unknown language '../kk'"),
        (("pos", "qaa", "test"), "unknown language 'qaa'"),
        (("pos", "kk", "validation"), "unknown split 'validation'"),
    ],
)
def test_what_is_not_there(mirror, arguments, sentence):
    with pytest.raises(InputError) as caught:
        corpora(mirror).load(*arguments)
    assert sentence in str(caught.value)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(mirror):
    os.mkfifo(mirror / f"{TREEBANK}-dev.conllu")
    with pytest.raises(InputError, match=r"dev\.conllu is no regular file; expected a CoNLL-U file"):
        corpora(mirror).load("pos", "kk", "dev")


def test_directory_in_the_place_of_a_file(mirror):
    (mirror / f"{TREEBANK}-dev.conllu").mkdir()
    assert corpora(mirror).splits("pos", "kk") == ("train", "dev", "test")
    with pytest.raises(InputError, match="is a directory; expected a CoNLL-U file"):
        corpora(mirror).load("pos", "kk", "dev")


@pytest.mark.parametrize(
    ("origin", "options", "sentence"),
    [
        (Origin("mirror"), {}, "a mirror needs a folder"),
        (Origin("cloud"), {}, "unknown data source 'cloud'"),
        (Origin("sandbox"), {"train_examples": 3, "train_share": 0.5}, "give one of them"),
    ],
)
def test_refused_options(origin, options, sentence):
    with pytest.raises(InputError) as caught:
        Corpora(origin, DataSpec(origin="mirror", **options))
    assert sentence in str(caught.value)


def test_sandbox_is_read_by_the_same_readers(cache, small_sandboxes):
    caps = dict.fromkeys(("train_sentences", "dev_sentences", "test_sentences", "text_sentences"), 20)
    c = Corpora(Origin("sandbox"), DataSpec(origin="sandbox", sandbox_seed=3, **caps))
    sources = [code for code, language in c.languages.items() if language.group == "source"]
    for task in tasks_in("hyperx"):
        assert not c.missing([(task, code) for code in c.languages])
        for code in c.languages:
            for split in c.splits(task, code) if code in sources else c.splits(task, code)[-1:]:
                dataset = c.load(task, code, split)
                assert dataset.num_rows
                if task_of(task).labels:
                    assert all(len(row["words"]) == len(row["tags"]) > 0 for row in dataset)
    assert c.splits("pos", sources[0]) == ("train", "dev", "test")
    (folder,) = (cache / "sandbox").iterdir()
    assert folder.name.endswith("-seed3")


def test_sandbox_is_not_made_for_asking_its_languages(cache):
    assert next(iter(Corpora(Origin("sandbox")).languages)) == "qaa"
    assert not cache.exists()


def test_sandbox_appears_whole_or_not_at_all(cache, monkeypatch):
    def interrupted(which, root, seed):
        (root / "ud-2.7").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("hxbench.data.corpora.write_sandbox", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Corpora(Origin("sandbox")).splits("pos", "qaa")
    assert not list((cache / "sandbox").iterdir())


def test_import_is_cheap():
    heavy = "{'datasets', 'pyarrow', 'torch', 'numpy', 'huggingface_hub', 'http.client'}"
    code = f"import sys, hxbench.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
