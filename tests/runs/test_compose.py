"""Composed language embeddings: what they are made of, and that composing changes nothing else."""

import numpy as np
import pytest
import torch
from miniature import TEXTS, resolved, spec_for

from hxbench.errors import InputError
from hxbench.runs.compose import (
    MODES,
    SPLIT,
    Composer,
    Composition,
    can_compose,
    divergence,
    parse,
    token_distribution,
)
from hxbench.runs.data import RunData
from hxbench.runs.evaluate import evaluate
from hxbench.runs.finished import lineage, restore
from hxbench.spec.languages import language_set
from hxbench.spec.settings import Pair
from hxbench.tasks.encoding.batch import Batch

HELD = ["fo", "ug"]


@pytest.fixture(scope="module")
def without(trained):
    """A run that has never seen two of the languages."""
    return trained(data={"held_out": HELD})


@pytest.fixture(scope="module")
def data(trained, corpora):
    spec, plan = resolved(spec_for(), corpora)
    return RunData(spec, plan, corpora, restore(trained())[1])


def scored(record, mirror, **words):
    given = {"tasks": None, "languages": None, "split": "test", **words}
    return list(evaluate(record, data_source=str(mirror), offline=True, report=lambda *_: None, **given))


def test_one_language_alone_gives_that_languages_predictions(trained, data):
    method, _ = restore(trained())
    ids = torch.arange(5, 37).view(2, 16)
    flat = torch.arange(32)
    logits = {}
    method.eval()

    def ask(language):
        with torch.no_grad():
            tasks = torch.zeros(2, dtype=torch.long)
            return method.logits(
                Batch("pos", language, ids, torch.ones_like(ids), tasks, flat, flat, 32, 2, 2, 32)
            )

    logits = {code: ask(code) for code in ("ar", "en", "fo")}
    for code in ("ar", "en"):
        with method.composed("fo", {code: 1.0}):
            assert torch.equal(ask("fo"), logits[code])
            assert torch.equal(ask("en"), logits["en"]), "other languages stay as they are"
        assert torch.equal(ask("fo"), logits["fo"]), "and so does it afterwards"
    with method.composed("fo", {"ar": 0.5, "en": 0.5}):
        assert not any(torch.equal(ask("fo"), one) for one in logits.values())
        pair = Pair("pos", "ug")
        tagged = data.score(method, pair, "test")
        assert tagged.predicted == trained().predictions(*pair)["predicted"]


def test_mean_family_and_nearest(data):
    composer = Composer(data, [*TEXTS, "kk"])
    pair = Pair("pos", "ug")
    mean = composer.compose("mean", pair, "test")
    assert mean.weights == dict.fromkeys(["en", "ar", "br", "kk", "fo"], 0.2)
    assert composer.compose("mean", Pair("ner", "ar"), "test").weights == dict.fromkeys(
        ["en", "br", "kk", "fo"], 0.25
    )
    assert composer.compose("family", pair, "test").weights == {"kk": 1.0}
    assert composer.compose("family", Pair("ner", "fo"), "test").weights == {"en": 1.0}
    assert composer.compose("family", Pair("ner", "br"), "test").weights == {"en": 0.5, "fo": 0.5}
    alone = composer.compose("family", Pair("ner", "ar"), "test")
    assert (len(alone.weights), alone.note) == (4, "no relative is known, so the mean")
    assert "family (no relative is known, so the mean): en, br, kk, fo" in str(alone)
    # a treebank and raw text of the made-up languages share their words
    everybody = Composer(data, [*TEXTS, "kk", "ug"])
    for code in TEXTS:
        distributions = {c: everybody._texts[c] for c in everybody.known}
        ours = everybody._distribution(Pair("pos", code), "test")
        assert min(distributions, key=lambda c: divergence(ours, distributions[c])) == code
    nearest = everybody.compose("nearest", Pair("pos", "br"), "test")
    assert list(nearest.weights.values()) == [1.0]
    assert "br" not in nearest.weights


def test_distributions_and_their_divergence(data):
    p, q = np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.25, 0.75])
    assert divergence(p, p) == 0
    assert divergence(p, q) == pytest.approx(1) == pytest.approx(divergence(q, p))
    expected = 0.5 * (0.5 * np.log2(0.5 / 0.25) + 0.5 * np.log2(0.5 / 0.75)) + 0.5 * np.log2(1 / 0.75)
    assert divergence(p, np.array([0, 1, 0, 0])) == pytest.approx(expected)
    text = data.encoded(Pair("mlm", "en"), "train")[1]
    found = token_distribution(text, data.vocabulary)
    tokens = [token for row in text["input_ids"] for token in row if token not in data.vocabulary.special]
    assert found.sum() == pytest.approx(1)
    assert found[tokens[0]] == pytest.approx(tokens.count(tokens[0]) / len(tokens))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("interpolate", "mean"),
        ("interpolate:mean", "mean"),
        ("interpolate:family", "family"),
        ("interpolate:nearest", "nearest"),
        ("interpolate:tr=3, kk=1", Composition("weights", {"tr": 0.75, "kk": 0.25})),
    ],
)
def test_what_may_be_asked_for(text, wanted):
    assert parse(text, language_set("hyperx")) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("interpolat", r"unknown embedding 'interpolat'. Did you mean interpolate"),
        ("interpolate:", "unknown embedding 'interpolate:'"),
        ("interpolate:familiy", "Did you mean interpolate:family"),
        ("nearest", "unknown embedding 'nearest'"),
        ("interpolate:tr=0", "'tr=0' is no language with a positive weight"),
        ("interpolate:tr=-1,kk=2", "'tr=-1' is no language with a positive weight"),
        ("interpolate:tr=inf", "positive weight"),
        ("interpolate:tr=nan", "positive weight"),
        ("interpolate:tr=x", "positive weight"),
        ("interpolate:tr=1,", "'' is no language"),
        ("interpolate:tr=1,kz=1", "unknown language 'kz'"),
        ("interpolate:tr=1,tr=2", "tr is named twice"),
    ],
)
def test_what_may_not(text, said):
    with pytest.raises(InputError, match=said):
        parse(text, language_set("hyperx"))


def test_a_run_knows_what_it_was_trained_on(trained, without, store):
    assert lineage(trained(), store).known == {*TEXTS, "ug"}
    assert lineage(without, store).known == {*TEXTS, "ug"} - {*HELD}


def test_eval_with_composed_embeddings(without, mirror):
    stored = {(r["task"], r["language"]): r["value"] for r in without.metrics() if r["split"] == "test"}
    plain = scored(without, mirror)
    assert {(s.scored.task, s.scored.language): s.scored.rows("test")[0]["value"] for s in plain} == stored
    assert all(s.composition is None for s in plain)
    one = scored(without, mirror, languages=["fo"], tasks=["pos"], embedding="interpolate:en=1,ar=3")
    assert [s.composition.weights for s in one] == [{"en": 0.25, "ar": 0.75}]
    mean = scored(without, mirror, embedding="interpolate")
    assert {(s.scored.task, s.scored.language) for s in mean} == set(stored)
    assert all(s.scored.language not in s.composition.weights for s in mean)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"embedding": "interpolate:fo=1"}, "was never trained on fo"),
        ({"embedding": "interpolate:yue=1"}, "was never trained on yue"),
        ({"embedding": "mean"}, "unknown embedding 'mean'"),
    ],
)
def test_eval_refuses_what_cannot_be_composed(words, said, without, mirror):
    with pytest.raises(InputError, match=said):
        scored(without, mirror, languages=["ug"], tasks=["pos"], **words)


def test_methods_without_language_embeddings_say_so(trained, mirror):
    record = trained("mbert")
    with pytest.raises(InputError, match="mbert has no language embeddings"):
        scored(record, mirror, embedding="interpolate")


def test_nothing_to_compose_from(trained, mirror):
    record = trained(setting="single", task="pos", training={"mlm_languages": "none"})
    with pytest.raises(InputError, match="trained on no language but en"):
        scored(record, mirror, languages=["en"], tasks=["pos"], embedding="interpolate")
    others = scored(record, mirror, embedding="interpolate")
    assert "en" not in {s.scored.language for s in others}
    assert all(s.composition.weights == {"en": 1.0} for s in others)


def test_held_out_languages_are_scored_with_every_composition(without, trained, mirror):
    rows = [row for row in without.metrics() if row["split"] == SPLIT]
    tests = {(row["task"], row["language"]) for row in without.metrics() if row["split"] == "test"}
    held = {pair for pair in tests if pair[1] in HELD}
    assert len(held) == 3
    assert {(r["task"], r["language"], r["embedding"]) for r in rows} == {(*p, way) for p in held for way in MODES}
    for row in rows:
        assert row["role"] == "target"
        assert not set(row["composed_of"]) & set(HELD)
        way = "interpolate:" + row["embedding"]
        [again] = scored(without, mirror, languages=[row["language"]], tasks=[row["task"]], embedding=way)
        assert again.scored.rows(SPLIT)[0]["value"] == row["value"]
        assert dict(again.composition.weights) == row["composed_of"]
    ordinary = [row for row in without.metrics() if row["split"] == "test"]
    assert not [row for row in ordinary if "embedding" in row]
    assert not [row for row in trained().metrics() if row["split"] == SPLIT]
    assert not [row for row in trained("mbert", data={"held_out": HELD}).metrics() if row["split"] == SPLIT]


def test_only_methods_with_language_embeddings_can():
    from hxbench.methods import method_class

    assert can_compose(method_class("hyperx"))
    assert not can_compose(method_class("finetune"))
