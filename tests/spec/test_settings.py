"""Sources and targets of the three settings against the sets printed in Hyper-X, section 4 and Table 6."""

import pytest

from hxbench.errors import InputError
from hxbench.spec.languages import find_language, language_set
from hxbench.spec.run_spec import DataSpec
from hxbench.spec.settings import PARTITIONS, SWITCHED, Pair, partition_sources, source_pairs, target_pairs
from hxbench.tasks import TAGGING, suite_tasks

REAL, MADE = language_set("hyperx"), language_set("sandbox")
HUB, SANDBOX = DataSpec(origin="hub"), DataSpec(origin="sandbox")
# copied from the table of the partitions, English included
PRINTED = {
    "a": ("en br kk tr yo zh gn sa yue", "en ar is ta hsb fo mt ug"),
    "b": ("en ar is ta hsb fo mt ug", "en br kk tr yo zh gn sa yue"),
    "a-switched": ("en br tr yo zh gn sa mt", "en ar is ta hsb fo ug kk yue"),
    "b-switched": ("en ar is ta hsb fo ug kk yue", "en br tr yo zh gn sa mt"),
}


@pytest.mark.parametrize("partition", PRINTED)
def test_a_partition_has_exactly_the_printed_sources(partition):
    ner, pos = (set(codes.split()) for codes in PRINTED[partition])
    found = source_pairs("mixed", None, partition, HUB)
    assert len(found) == len(set(found)) == 17
    assert {p.language for p in found if p.task == "ner"} == ner
    assert {p.language for p in found if p.task == "pos"} == pos


@pytest.mark.parametrize("sides", [PARTITIONS, SWITCHED])
def test_every_pair_but_english_is_a_source_on_exactly_one_side(sides):
    counts = dict.fromkeys(target_pairs("mixed", None, HUB), 0)
    for side in sides:
        for pair in source_pairs("mixed", None, side, HUB):
            counts[pair] += 1
    assert len(counts) == 32
    assert {pair.language for pair, count in counts.items() if count == 2} == {"en"}
    assert {count for pair, count in counts.items() if pair.language != "en"} == {1}


@pytest.mark.parametrize("partition", PRINTED)
def test_sandbox_languages_take_the_side_of_those_they_imitate(partition):
    made = source_pairs("mixed", None, partition, SANDBOX)
    assert [(p.task, MADE[p.language].paper_code) for p in made] == source_pairs("mixed", None, partition, HUB)
    assert all(p.language.startswith("qa") for p in made)


def test_relatives_share_a_side_except_uyghur():
    for task in suite_tasks(TAGGING):
        a = partition_sources("a")[task]
        for pair in ("ar mt", "kk tr", "zh yue", "is fo"):
            one, other = pair.split()
            assert (one in a) == (other in a)
        assert ("ug" in a) != ("kk" in a)


@pytest.mark.parametrize("task", suite_tasks(TAGGING))
def test_the_single_setting_trains_on_english_alone(task):
    assert source_pairs("single", task, None, HUB) == [Pair(task, "en")]
    assert target_pairs("single", task, HUB) == [Pair(task, code) for code in REAL]


def test_the_multi_setting_trains_on_both_english_pairs():
    assert source_pairs("multi", None, None, HUB) == [Pair("ner", "en"), Pair("pos", "en")]
    assert len(target_pairs("multi", None, HUB)) == 32


def test_wrong_settings_are_refused_by_name():
    with pytest.raises(InputError, match=r"unknown setting 'mixd'\. Did you mean mixed"):
        source_pairs("mixd", None, None, HUB)
    with pytest.raises(InputError, match="unknown partition 'c'"):
        source_pairs("mixed", None, "c", HUB)
    with pytest.raises(InputError, match="needs a partition"):
        source_pairs("mixed", None, None, HUB)
    with pytest.raises(InputError, match="needs a task"):
        source_pairs("single", None, None, HUB)


def test_the_language_groups_are_those_of_table_2():
    groups = {g: {c for c, x in REAL.items() if x.group == g} for g in ("source", "seen", "unseen")}
    assert groups["source"] == {"en"}
    assert groups["seen"] == set("ar br is kk ta tr yo zh".split())
    assert groups["unseen"] == set("fo gn hsb mt sa ug yue".split())
    assert [x.paper_code for x in MADE.values()] == list(REAL)
    assert [x.group for x in MADE.values()] == [x.group for x in REAL.values()]
    assert list(MADE) == [f"qa{letter}" for letter in "abcdefghijklmnop"]
    assert sum(x.pretrained for x in MADE.values()) == 9


def test_find_language_knows_both_sets():
    assert find_language("yue").wikiann == "zh-yue"
    assert find_language("qab").paper_code == "ar"
    with pytest.raises(InputError, match=r"unknown language 'hbs'\. Did you mean hsb"):
        find_language("hbs")
