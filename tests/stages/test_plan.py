"""What a run trains on, selects by and scores, given what the data source holds; and what identifies its data."""

import shutil

import pytest
from miniature import NER, POS, TEXTS, TINY, resolved, spec_for

from hxbench.corpora import Corpora, Origin
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.recipe import load
from hxbench.settings import Pair
from hxbench.stages.inputs import DataSource
from hxbench.stages.plan import plan_run


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


def identity(folder, method="hyperx-base", caps=None, **changes):
    spec, _ = resolved(spec_for(method, **changes), Corpora(Origin("mirror", folder), caps=caps))
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
    assert identity(mirror, "mbert")[0] == identity(copy, "mbert")[0], "which reads no running text itself"


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
    assert identity(mirror)[0] != identity(mirror, caps={"train": 10})[0]
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
    assert (corpora.origin.kind, corpora.multiword) == ("mirror", "keep")
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
