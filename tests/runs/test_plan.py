"""What a run trains on, selects by and scores, given what the data source holds; and what identifies its data."""

import shutil
from types import SimpleNamespace

import pytest
from miniature import NER, POS, TEXTS, TINY, resolved, spec_for

from hxbench.backbones.families import family_of
from hxbench.data import Corpora, Origin
from hxbench.errors import InputError, LackingData
from hxbench.methods import method_class
from hxbench.runs.data import RunData, drawn_examples
from hxbench.runs.inputs import DataSource
from hxbench.runs.plan import plan_run
from hxbench.spec.experiment import few_shot_spec
from hxbench.spec.languages import language_set
from hxbench.spec.recipe import load
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import Pair


def plan_of(corpora, method="hyperx-base", **changes):
    return plan_run(spec_for(method, **changes), corpora, method_class(load("methods", method).kind))


def pairs(text):
    return {Pair(*name.split("-")) for name in text.split()}


def test_partition_a_of_the_miniature(corpora):
    plan = plan_of(corpora, partition="a")
    assert plan.train == {
        Pair("ner", "en"): "train", Pair("ner", "br"): "train",
        Pair("pos", "en"): "train", Pair("pos", "ar"): "train", Pair("pos", "ug"): "train",
        Pair("pos", "fo"): "test",  # its treebank has nothing else
    }  # fmt: skip
    assert set(plan.validation) == pairs("ner-en ner-br pos-en pos-ar pos-ug")
    assert set(plan.test) == pairs("ner-en ner-ar ner-br ner-fo pos-en pos-ar pos-kk pos-br pos-ug")
    assert Pair("pos", "fo") not in plan.test, "trained on its test split"
    assert plan.mlm == TEXTS
    assert len(plan.missing) == 32 - len(POS) - len(NER)


def test_partition_b_of_the_miniature(corpora):
    plan = plan_of(corpora, partition="b")
    assert plan.train == {
        Pair("ner", "en"): "train", Pair("ner", "ar"): "train", Pair("ner", "fo"): "train",
        Pair("pos", "en"): "train", Pair("pos", "kk"): "train", Pair("pos", "br"): "test",
    }  # fmt: skip
    assert Pair("pos", "kk") not in plan.validation, "it has no development part"
    assert Pair("pos", "br") not in plan.validation + plan.test
    assert Pair("pos", "fo") in plan.test


def test_what_exists_is_scored_in_one_partition_and_english_in_both(corpora):
    a, b = (plan_of(corpora, partition=p) for p in "ab")
    existing = {Pair("ner", c) for c in NER} | {Pair("pos", c) for c in POS}
    zero_shot = [{p for p in plan.test if p not in plan.train} for plan in (a, b)]
    assert not zero_shot[0] & zero_shot[1]
    assert zero_shot[0] | zero_shot[1] == existing - pairs("ner-en pos-en")
    for plan in (a, b):
        assert pairs("ner-en pos-en") <= set(plan.test)
        spent = {p for p, split in plan.train.items() if split == "test"}
        assert spent
        assert not spent & {*plan.validation, *plan.test}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("sources", "ner-en ner-br pos-en pos-ar pos-ug"),
        ("english", "ner-en pos-en"),
        ("targets", "ner-ar ner-fo"),
        ("last", ""),
    ],
)
def test_selection_chooses_the_validation_pairs(corpora, selection, expected):
    plan = plan_of(corpora, training={"selection": selection})
    assert set(plan.validation) == pairs(expected)


@pytest.mark.parametrize(("languages", "expected"), [("all", TEXTS), ("unseen", ("fo",)), ("none", ())])
def test_mlm_languages(corpora, languages, expected):
    assert plan_of(corpora, training={"mlm_languages": languages}).mlm == expected
    assert plan_of(corpora, "mbert", training={"mlm_languages": languages}).mlm == ()


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_the_single_setting_scores_its_task_alone(corpora, task):
    plan = plan_of(corpora, setting="single", task=task)
    assert plan.train == {Pair(task, "en"): "train"}
    assert {p.task for p in plan.test} == {task}
    assert {p.language for p in plan.test} == set({"ner": NER, "pos": POS}[task])
    assert plan.validation == (Pair(task, "en"),)


def test_without_any_labelled_source_nothing_is_trained(mirror, tmp_path):
    shutil.copytree(mirror / "text", tmp_path / "text")
    with pytest.raises(InputError, match=r"none of the labelled sources.*ner-en"):
        plan_of(Corpora(Origin("mirror", tmp_path)))


# --- fingerprints -----------------------------------------------------------------------------------------------


@pytest.fixture
def copy(mirror, tmp_path):
    return shutil.copytree(mirror, tmp_path / "mirror")


def identity(folder, method="hyperx-base", data=None, **changes):
    spec, _ = resolved(spec_for(method, **changes), Corpora(Origin("mirror", folder), data))
    return spec.data.fingerprint, spec.backbone.fingerprint, spec.run_id


def test_the_same_data_elsewhere_give_the_same_run(mirror, copy):
    assert identity(mirror) == identity(copy)
    assert len(identity(copy)[0]) == 16


@pytest.mark.parametrize(
    "name",
    [
        "ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu",
        "ud-2.7/UD_Arabic-PADT/ar_padt-ud-dev.conllu",
        "wikiann/fo/test",
    ],
)
def test_a_changed_sentence_gives_another_run(mirror, copy, name):
    path = copy / name
    assert path.is_file()
    content = path.read_text()
    path.write_text(content.replace("NOUN", "VERB", 1).replace("\tO", "\tB-PER", 1))
    assert path.read_text() != content
    before, after = identity(mirror), identity(copy)
    assert before[0] != after[0]
    assert before[1] == after[1]
    assert before[2] != after[2]


def test_changed_running_text_gives_another_backbone_and_run(mirror, copy):
    with (copy / "text" / "en.txt").open("a") as file:
        file.write("one more line\n")
    for method in ("hyperx-base", "mbert"):
        before, after = identity(mirror, method), identity(copy, method)
        assert before[1] != after[1]
        assert before[2] != after[2]
    assert identity(mirror, "mbert")[0] == identity(copy, "mbert")[0], "which reads no raw text itself"


def test_what_a_run_does_not_read_is_not_part_of_it(mirror, copy):
    with (copy / "wikiann" / "br" / "train").open("a") as file:
        file.write("br:x\tO\n\n")
    one, other = (identity(f, "mbert", setting="single", task="pos") for f in (mirror, copy))
    assert one == other
    assert identity(mirror, "mbert", setting="single", task="ner") == identity(
        copy, "mbert", setting="single", task="ner"
    ), "a source of the mixed setting only"
    assert identity(mirror, "mbert")[0] != identity(copy, "mbert")[0]


def test_caps_and_backbones_are_part_of_a_run(mirror):
    assert identity(mirror)[0] != identity(mirror, data=DataSpec(origin="mirror", train_sentences=10))[0]
    wider = TINY.pretrain.model_copy(update={"steps": 21})
    other = spec_for(backbone=TINY.model_copy(update={"pretrain": wider}))
    corpora = Corpora(Origin("mirror", mirror))
    assert resolved(other, corpora)[0].backbone.fingerprint != identity(mirror)[1]


# --- where data come from ---------------------------------------------------------------------------------------


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HXBENCH_DATA", raising=False)


@pytest.mark.usefixtures("nowhere")
def test_the_option_wins_over_environment_memory_and_profile(mirror, tmp_path, monkeypatch):
    def choose(given=None, default="mirror"):
        return DataSource.choose(given, "lab", default)

    with pytest.raises(InputError, match=r"profile lab reads a local mirror.*--data-source"):
        choose()
    assert choose(default="sandbox") == DataSource("sandbox")
    assert choose(default="hub") == DataSource("hub")
    choose(str(mirror)).remember("lab")
    assert choose() == DataSource("mirror", mirror.resolve())
    with pytest.raises(InputError, match="profile other reads a local mirror"):
        DataSource.choose(None, "other", "mirror")
    assert choose(default="sandbox") == DataSource("sandbox"), "remembered for who reads a mirror by default"
    monkeypatch.setenv("HXBENCH_DATA", str(tmp_path))
    assert choose() == DataSource("mirror", tmp_path.resolve())
    assert choose("hub") == DataSource("hub")
    assert choose("sandbox") == DataSource("sandbox")
    with pytest.raises(InputError, match="--data-source /no/such"):
        choose("/no/such/folder")


@pytest.mark.usefixtures("nowhere")
def test_a_damaged_memory_is_no_memory(mirror, tmp_path):
    DataSource("mirror", mirror).remember("lab")
    path = tmp_path / "cache" / "data-sources.json"
    assert path.is_file()
    for content in ("{", "[]", '"x"'):
        path.write_text(content)
        with pytest.raises(InputError, match="profile lab reads a local mirror"):
            DataSource.choose(None, "lab", "mirror")


def test_a_source_opens_corpora_as_the_spec_wants_them(mirror):
    data = spec_for(data={"train_sentences": 7, "text_sentences": 9, "multiword": "keep"}).data
    corpora = DataSource("mirror", mirror).corpora(data)
    assert (corpora.origin.kind, corpora.data.multiword) == ("mirror", "keep")
    assert len(corpora.load("pos", "en", "train")) == 7
    assert len(corpora.load("pos", "en", "test")) == POS["en"][2]
    assert len(corpora.load("mlm", "en", "train")) == 9


def test_a_pair_trained_on_its_test_split_is_not_validated_even_where_it_could_be(copy):
    folder = copy / "ud-2.7" / "UD_Breton-KEB"
    shutil.copy(folder / "br_keb-ud-test.conllu", folder / "br_keb-ud-dev.conllu")
    plan = plan_of(Corpora(Origin("mirror", copy)), partition="b")
    assert plan.train[Pair("pos", "br")] == "test"
    assert Pair("pos", "br") not in plan.validation + plan.test
    other = plan_of(Corpora(Origin("mirror", copy)), partition="a", training={"selection": "targets"})
    assert Pair("pos", "br") in other.validation, "as a target it has a development part like any other"


# --- beyond the three settings ---------------------------------------------------------------------------------


def test_a_language_run_reads_running_text_alone(corpora):
    spec = spec_for("hyperx-base", setting="multi").model_copy(update={"setting": "language", "language": "br"})
    plan = plan_run(spec, corpora, method_class("hyperx"))
    assert (plan.train, plan.mlm, plan.validation, plan.test) == ({}, ("br",), (), ())
    assert plan.used() == [("mlm", "br", "train")]


@pytest.mark.parametrize(("code", "said"), [("kk", "no raw text of kk"), ("xx", "unknown language 'xx'")])
def test_a_language_run_needs_text(corpora, code, said):
    spec = spec_for("hyperx-base", setting="multi").model_copy(update={"setting": "language", "language": code})
    with pytest.raises(InputError, match=said):
        plan_run(spec, corpora, method_class("hyperx"))


def test_a_held_out_language_is_scored_and_nothing_else(corpora):
    plain = plan_of(corpora, partition="b")
    held = plan_of(corpora, partition="b", data={"held_out": ["ar"]})
    assert {p.language for p in plain.train} - {p.language for p in held.train} == {"ar"}
    assert set(plain.mlm) - set(held.mlm) == {"ar"}
    assert all(pair.language != "ar" for pair in held.validation)
    assert held.test == plain.test
    with pytest.raises(InputError, match="unknown language 'xy'"):
        plan_of(corpora, data={"held_out": ["xy"]})


def test_methods_say_which_languages_they_cannot_score(corpora):
    class NeedsText:
        uses_mlm, needs_text, needs_labels = False, True, False

    class NeedsLabels:
        uses_mlm, needs_text, needs_labels = False, False, True

    spec = spec_for("mbert", partition="a")
    plan = plan_run(spec, corpora, NeedsText)
    without = set(language_set("hyperx")) - set(TEXTS)
    assert not without & {p.language for p in (*plan.train, *plan.test, *plan.missing)}
    (note,) = plan.notes
    assert note.startswith("mbert scores no language without raw text: ")
    assert set(note.rstrip(".").partition(": ")[2].split(", ")) == without
    plan = plan_run(spec, corpora, NeedsLabels)
    labelled = {pair.language for pair in plan.train}
    assert {pair.language for pair in plan.test} <= labelled
    assert "mbert scores no language without a labelled source" in plan.notes[0]


def test_a_few_shot_run_reads_its_pair_alone(corpora):
    start = spec_for("mbert", setting="multi")
    spec = few_shot_spec(start, Pair("ner", "fo"), 30, 0, {"epochs": 2, "selection": "last"})
    plan = plan_run(spec, corpora, method_class("finetune"))
    assert plan.train == {Pair("ner", "fo"): "train"}
    assert plan.test == (Pair("ner", "fo"),)
    assert plan.validation == ()
    with pytest.raises(LackingData, match="31 examples of ner-fo are wanted, but its training split has only 30"):
        plan_run(few_shot_spec(start, Pair("ner", "fo"), 31, 0, {}), corpora, method_class("finetune"))
    with pytest.raises(LackingData, match="no training split of pos-fo"):
        plan_run(few_shot_spec(start, Pair("pos", "fo"), 5, 0, {}), corpora, method_class("finetune"))


def test_drawn_examples_are_nested_and_their_own_for_every_seed_and_draw():
    pair = Pair("ner", "fo")
    few, more = (drawn_examples(pair, 100, k, 1, 0) for k in (5, 50))
    assert list(few) == list(more[:5])
    assert len(set(more)) == 50
    others = [drawn_examples(pair, 100, 5, 2, 0), drawn_examples(pair, 100, 5, 1, 1),
              drawn_examples(Pair("pos", "fo"), 100, 5, 1, 0)]  # fmt: skip
    assert all(set(few) != set(other) for other in others)


def test_matching_labelled_updates(corpora, tokenizer):
    """Without MLM, the updates are as many as are labelled ones, on average, with text of all languages."""
    reading = SimpleNamespace(tokenizer=tokenizer, family=family_of("bert"))
    full, plan = resolved(spec_for("hyperx-base", training={"updates": 200}), corpora)
    data = RunData(full, plan, corpora, reading)
    stream_of = data.sampler().probabilities
    labelled = sum(p for p, (task, _) in zip(stream_of, data.train, strict=True) if task != "mlm")
    bare = {"updates": 200, "mlm_languages": "none", "match_labelled": True}
    less, plan = resolved(spec_for("hyperx-base", training=bare), corpora)
    assert plan.mlm == ()
    assert set(plan.counted) == set(TEXTS)
    assert RunData(less, plan, corpora, reading).updates() == round(200 * labelled) < 200
    assert less.data.fingerprint == full.data.fingerprint, "it depends on the same files"


@pytest.mark.parametrize(
    ("file", "run", "named"),
    [
        ("ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu", {"setting": "single", "task": "pos"}, "en_ewt-ud-train"),
        ("wikiann/en/train", {"setting": "single", "task": "ner"}, "wikiann/en/train"),
        ("ud-2.7/UD_English-EWT/en_ewt-ud-train.conllu", {"setting": "multi"}, "en_ewt-ud-train.conllu"),
        ("ud-2.7/UD_Arabic-PADT/ar_padt-ud-train.conllu", {"partition": "a"}, "ar_padt-ud-train.conllu"),
        ("ud-2.7/UD_Kazakh-KTB/kk_ktb-ud-train.conllu", {"partition": "b"}, "kk_ktb-ud-train.conllu"),
        ("wikiann/br/train", {"partition": "a"}, "wikiann/br/train"),
    ],
)
def test_no_other_split_stands_in_for_a_lost_training_file(file, run, named, copy):
    (copy / file).unlink()
    with pytest.raises(InputError, match=f"has no train split of .*{named}"):
        plan_of(Corpora(Origin("mirror", copy)), "hyperx-base" if "partition" in run else "mbert", **run)


def test_the_treebanks_without_a_training_part_are_those_of_the_sandbox():
    from hxbench.sandbox.multilingual.writer import POS_SIZES

    for languages in (language_set("hyperx"), language_set("sandbox")):
        alone = {language.paper_code for language in languages.values() if not language.has_train}
        assert alone == {code for code, (train, _, _) in POS_SIZES.items() if not train}


def test_a_pair_that_is_lacking_altogether_is_left_out_as_ever(copy):
    shutil.rmtree(copy / "wikiann/br")
    assert Pair("ner", "br") in plan_of(Corpora(Origin("mirror", copy))).missing
