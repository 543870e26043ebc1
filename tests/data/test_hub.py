import errno
import json
import os
import subprocess
import sys

import pytest
from hub_server import parquet, serve

from hxbench import places
from hxbench.data import Corpora, Origin, wikipedia
from hxbench.data.hub import UD_ENDPOINT
from hxbench.errors import InputError
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import DataSpec

LANGUAGES = language_set("hyperx")
WIKIANN = "unimelb-nlp/wikiann"
COMMIT = "c0ffee00" * 5
CONLLU = "1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
ARTICLE = "Heading\nArticle {n} begins here. It has two sentences.\n"


def names(*words):
    return parquet(tokens=[[word] for word in words], ner_tags=[[1]] * len(words), langs=[["x"]] * len(words))


@pytest.fixture
def site(monkeypatch):
    with serve() as site:
        for code, splits in {"en": ("train", "dev", "test"), "br": ("test",)}.items():
            language = LANGUAGES[code]
            for split in splits:
                place = (
                    f"{language.treebank}/{language.treebank_revision}/{language.treebank_stem}-ud-{split}.conllu"
                )
                site.raw[place] = CONLLU.format(word=f"{code}-{split}").encode()
        site.commits = {WIKIANN: COMMIT, wikipedia.REPOSITORY: wikipedia.REVISION}
        site.datasets[WIKIANN] = {
            f"{config}/{split}-00000-of-00001.parquet": names(config, split)
            for config in ("en", "zh-yue")
            for split in ("train", "validation", "test")
        }
        shards = [
            parquet(4, id=[str(n) for n in block], text=[ARTICLE.format(n=n) for n in block])
            for block in (range(10), range(10, 20))
        ]
        site.datasets[wikipedia.REPOSITORY] = {
            f"20231101.zh-yue/train-{n:05d}-of-00002.parquet": shard for n, shard in enumerate(shards)
        }
        monkeypatch.setenv("HF_ENDPOINT", site.url)
        monkeypatch.setenv("HXBENCH_UD_ENDPOINT", f"{site.url}/ud")
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield site


def hub(offline=False, **options):
    return Corpora(Origin("hub", offline=offline), DataSpec(origin="hub", **options))


def test_treebanks(site):
    corpora = hub()
    assert corpora.missing([("pos", "en"), ("pos", "br")]) == [("pos", "en"), ("pos", "br")]
    corpora.fetch([("pos", "en"), ("pos", "br")])
    assert corpora.missing([("pos", "en"), ("pos", "br")]) == []
    before = len(site.requests)
    assert corpora.splits("pos", "en") == ("train", "dev", "test")
    assert corpora.splits("pos", "br") == ("test",)  # the release has no other: 404, remembered
    assert corpora.load("pos", "br", "test")["words"] == [["br-test"]]
    with pytest.raises(InputError, match="the release has no train split of ud for br"):
        corpora.load("pos", "br", "train")
    assert len(site.requests) == before
    asked = {path for _, path, _, _ in site.requests}
    assert f"/ud/UD_English-EWT/{LANGUAGES['en'].treebank_revision}/en_ewt-ud-train.conllu" in asked


def test_treebank_without_any_file(site):
    with pytest.raises(InputError) as caught:
        hub().fetch([("pos", "tr")])
    for part in ("UD_Turkish-IMST has none of", "tr_imst-ud-train.conllu", LANGUAGES["tr"].treebank_revision):
        assert part in str(caught.value)
    assert hub().missing([("pos", "tr")]) == [("pos", "tr")]


def test_broken_treebank_file_resumes(site, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 7)
    site.break_once["en_ewt-ud-dev.conllu"] = 7
    assert hub().load("pos", "en", "dev")["words"] == [["en-dev"]]
    assert [request[2] for request in site.gets("en_ewt-ud-dev.conllu")] == [None, "bytes=7-"]


def test_wikiann(site):
    seen = []
    corpora = hub()
    corpora.fetch([("ner", "yue")], lambda *call: seen.append(call))
    assert corpora.splits("ner", "yue") == ("train", "dev", "test")
    assert corpora.load("ner", "yue", "dev")[:] == {"words": [["zh-yue"], ["validation"]], "tags": [[1], [1]]}
    size = len(site.datasets[WIKIANN]["zh-yue/train-00000-of-00001.parquet"])
    assert ("zh-yue/train-00000-of-00001.parquet", size, size) in seen


def test_wikiann_broken_connection_resumes(site, monkeypatch):
    # The client keeps what came in blocks of this size, 10 MB by default: more than any file of WikiANN.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 50)
    file = "zh-yue/train-00000-of-00001.parquet"
    site.break_once[file] = 100
    assert hub().load("ner", "yue", "train")["words"] == [["zh-yue"], ["train"]]
    assert [request[2] for request in site.gets(file)] == [None, "bytes=100-"]


def test_wikipedia_fetches_only_what_is_needed(site, cache):
    seen = []
    corpora = hub(text_sentences=5)
    corpora.fetch([("mlm", "yue")], lambda *call: seen.append(call))
    text = corpora.load("mlm", "yue", "train")["text"]
    assert text == [s for n in range(3) for s in (f"Article {n} begins here.", "It has two sentences.")][:5]
    assert corpora.splits("mlm", "yue") == ("train",)
    assert seen == [("20231101.zh-yue", 5, 5)]
    shards = [path for _, path, _, _ in site.gets(".parquet")]
    assert shards
    assert all("train-00000" in path and wikipedia.REVISION in path for path in shards)
    assert all(request[2] for request in site.gets(".parquet"))  # ranges only, never the whole shard
    (file,) = (cache / "hub/text").glob("*.txt")
    assert file.name == f"20231101.zh-yue-{wikipedia.REVISION[:12]}-hxbench-1-5.txt"


def test_wikipedia_over_shards(site):
    text = hub(text_sentences=1000).load("mlm", "yue", "train")["text"]
    assert len(text) == 40
    assert text[-2] == "Article 19 begins here."


def test_wikipedia_broken_connection(site, cache, monkeypatch):
    whole = hub(text_sentences=30).load("mlm", "yue", "train")["text"]
    monkeypatch.setenv("HXBENCH_CACHE", str(cache.with_name("other")))
    site.break_once["train-00000-of-00002.parquet"] = 50
    assert hub(text_sentences=30).load("mlm", "yue", "train")["text"] == whole


def test_wikipedia_goes_on_after_a_kill(site, cache, monkeypatch):
    whole = hub(text_sentences=30).load("mlm", "yue", "train")["text"]
    monkeypatch.setenv("HXBENCH_CACHE", str(cache.with_name("other")))
    calls = []

    def killed(name, done, total):
        calls.append(done)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub(text_sentences=30).fetch([("mlm", "yue")], killed)
    (part,) = (cache.with_name("other") / "hub/text").glob("*.part")
    part.write_bytes(part.read_bytes() + b"half a sent")  # written after the last note
    calls.append(None)
    hub(text_sentences=30).fetch([("mlm", "yue")], killed)
    assert calls == [8, 16, None, 20, 28, 30]
    assert hub(text_sentences=30).load("mlm", "yue", "train")["text"] == whole


def test_wikipedia_without_the_language(site):
    with pytest.raises(InputError) as caught:
        hub().fetch([("mlm", "en")])
    for part in (wikipedia.REPOSITORY, "20231101.en/*.parquet", wikipedia.REVISION):
        assert part in str(caught.value)


def test_of_many_missing_files_their_number_is_told(site):
    pairs = [(task, code) for task in ("pos", "ner", "mlm") for code in LANGUAGES]
    with pytest.raises(InputError) as caught:
        hub(offline=True).fetch(pairs)
    said = str(caught.value)
    assert said.startswith("offline (--offline), and the cache ")
    for part in (
        "48 of ud (en_ewt-ud-train.conllu of",
        "48 of wikiann (en/train",
        "16 of text (20231101.en/*.parquet of",
    ):
        assert part in said
    assert said.count(" and 45 more)") == 2
    assert said.count(".conllu") == said.count("wikiann at") == said.count("20231101") == 3
    assert site.requests == []


@pytest.mark.parametrize("name", ["HXBENCH_UD_ENDPOINT", "HF_ENDPOINT"])
def test_an_endpoint_without_a_scheme_is_refused_before_anything_comes(site, monkeypatch, name):
    monkeypatch.setenv(name, "mirror.example")
    with pytest.raises(InputError, match=f"{name} is 'mirror.example': .* begins with http:// or https://"):
        hub().fetch([("pos", "br"), ("ner", "yue")])
    assert site.requests == []


def test_a_full_disk_is_no_fault_of_the_hub(site, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "/cache/x")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    with pytest.raises(InputError, match=r"cannot write .*hub: No space left on device; free"):
        hub().fetch([("ner", "yue")])
    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(InputError, match=r"cannot write .*br_keb-ud-train.conllu: No space left on device; free"):
        hub().fetch([("pos", "br")])  # at once, not after six tries


@pytest.mark.parametrize("how", ["option", "HF_HUB_OFFLINE"])
def test_offline_fails_at_once_and_names_everything(site, monkeypatch, how):
    hub().fetch([("pos", "br")])
    if how != "option":
        monkeypatch.setenv(how, "1")
    corpora = hub(offline=how == "option")
    site.requests.clear()
    assert corpora.load("pos", "br", "test").num_rows == 1  # what is in the cache works
    with pytest.raises(InputError) as caught:
        corpora.fetch([("pos", "br"), ("pos", "en"), ("ner", "yue"), ("mlm", "yue")])
    expected = ["en_ewt-ud-train.conllu of UniversalDependencies/UD_English-EWT", "en_ewt-ud-test.conllu"]
    expected += ["zh-yue/validation*.parquet of unimelb-nlp/wikiann", "20231101.zh-yue/*.parquet"]
    expected += ["hxbench prepare ud wikiann text --data-source hub"]
    for part in expected:
        assert part in str(caught.value)
    assert "UD_Breton" not in str(caught.value)
    for call in (lambda: corpora.splits("pos", "en"), lambda: corpora.load("ner", "yue", "test")):
        with pytest.raises(InputError, match="offline"):
            call()
    assert site.requests == []


def test_unreachable_hub(site, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(InputError, match=r"unimelb-nlp/wikiann at revision main could not be fetched"):
        hub().fetch([("ner", "en")])
    with pytest.raises(InputError, match=r"wikimedia/wikipedia at revision b04c8d1\w+ could not be fetched"):
        hub().fetch([("mlm", "yue")])
    monkeypatch.setenv("HF_ENDPOINT", site.url)
    hub().fetch([("ner", "yue")])
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=rf"en/train\S+ of .* at revision {COMMIT} could not be fetched"):
        hub().fetch([("ner", "en")])


def test_files_of_the_cache_that_are_empty_are_fetched_again(site):
    pairs = [("pos", "en"), ("ner", "en"), ("mlm", "yue")]
    hub().fetch(pairs)
    kept = [path for path in places.cache_dir().rglob("*") if path.suffix in (".conllu", ".parquet", ".txt")]
    assert {path.suffix for path in kept} == {".conllu", ".parquet", ".txt"}
    for path in kept:
        path.resolve().write_bytes(b"")
    corpora = hub()
    assert corpora.missing(pairs) == pairs
    corpora.fetch(pairs)
    assert all(path.stat().st_size for path in kept)
    site.datasets[WIKIANN] = dict.fromkeys(site.datasets[WIKIANN], b"")
    with pytest.raises(InputError, match=r"zh-yue/train\S+ of .* is empty on the hub"):
        corpora.fetch([("ner", "yue")])


def test_in_a_process_of_its_own_as_users_run_it(site, tmp_path):
    """The client reads its settings at import; here they come from the environment only."""
    code = """
import json
from hxbench.data import Corpora, Origin
from hxbench.spec.run_spec import DataSpec
corpora = Corpora(Origin("hub"), DataSpec(origin="hub", text_sentences=3))
pairs = [("pos", "en"), ("ner", "yue"), ("mlm", "yue")]
corpora.fetch(pairs)
print(json.dumps([[corpora.load(*pair, split).num_rows for split in corpora.splits(*pair)] for pair in pairs]))
"""
    environment = os.environ | {"HXBENCH_CACHE": str(tmp_path / "fresh")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[1, 1, 1], [2, 2, 2], [3]]
    assert "%" not in done.stderr  # no bar where nobody looks


def test_release_places():
    assert UD_ENDPOINT == "https://raw.githubusercontent.com/UniversalDependencies"
    assert [wikipedia.config(LANGUAGES[code]) for code in ("gn", "hsb", "yue")] == [
        "20231101.gn",
        "20231101.hsb",
        "20231101.zh-yue",
    ]
