"""Plain data: what YAML and JSON say within limits, and one short sentence for everything else."""

import json
import os
import time

import pytest
import yaml

from hxbench import places
from hxbench.plain_data import load_json, load_yaml, read_bytes, read_text
from hxbench.printing import shown

BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{'bcdefghi'[i]}: &{'bcdefghi'[i]} [{','.join(['*' + 'abcdefgh'[i]] * 10)}]\n" for i in range(8)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: 1\nb: [x, 'y', \"z\"]\nc: {d: null, e: ~, f: }", {
            "a": 1, "b": ["x", "y", "z"], "c": dict.fromkeys("def")}),
        ("a: 1.0e-05\nb: 1e-3\nc: .5\nd: 0x1F\ne: 017\nf: 1_000", {
            "a": 1e-5, "b": "1e-3", "c": 0.5, "d": 31, "e": 15, "f": 1000}),
        ("a: yes\nb: off\nc: 'yes'", {"a": True, "b": False, "c": "yes"}),
        ("seed: 2026-11-28", {"seed": "2026-11-28"}),
        ("seed: 2026-13-45", {"seed": "2026-13-45"}),
        ("!!str a: !!str 5", {"a": "5"}),
        ("a: &a [1, 2]\nb: *a", {"a": [1, 2], "b": [1, 2]}),
        ("base: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}\nd: {<<: [*b, {z: 4}]}", {
            "base": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}, "d": {"x": 1, "y": 2, "z": 4}}),
        (f"a: {2**63 - 1}", {"a": 2**63 - 1}),
    ],
)  # fmt: skip
def test_yaml_says_what_it_always_said(text, value):
    assert load_yaml(text, "it") == value


def test_every_shipped_recipe_reads_as_the_safe_loader_reads_it():
    files = sorted(places.shipped("recipes").rglob("*.yaml"))
    assert len(files) > 50
    for file in files:
        text = file.read_text(encoding="utf-8")
        ours, theirs = (
            json.dumps(one, sort_keys=True) for one in (load_yaml(text, file.name), yaml.safe_load(text))
        )
        assert ours == theirs, file


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x [*x]", "the alias x leads nowhere or into itself"),
        ("a: *x", "the alias x leads nowhere or into itself"),
        (BOMB, "more than 200000 values"),
        ("seed: 1\nseed: 2", "the key seed is there twice"),
        ("a: {b: {c: 1, c: 1}}", "the key c is there twice"),
        ("a: !!python/object/apply:os.system [ls]", "the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: !!binary aGVsbG8=", "is not plain data"),
        ("a: .nan", ".nan is no finite number"),
        ("a: -.inf", "-.inf is no finite number"),
        ("a: 1.0e+999", "1.0e+999 is no finite number"),
        (f"a: {2**63}", "the integer 9223372036854775808 is too large"),
        ("a: " + "9" * 5000, "the number 9999999999999…999999 is too large"),
        ("a: " + "1:" * 150 + "1", "is too large"),
        ("a: 0b" + "1" * 100, "is too large"),
        ("[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("[" * 100_000, "nested more than 50 deep"),
        ("{a: " * 100_000, "nested more than 50 deep"),
        ("x: &x " + "[" * 40 + "]" * 40 + "\ny: " + "[" * 30 + "*x" + "]" * 30, "nested more than 50 deep"),
        ("a: [1", "not readable as YAML in line 2"),
        ("\t- a", "not readable as YAML in line 1"),
        ("a: \x00", "not readable as YAML"),
        ("? [1]\n: 2", "a key is not a name"),
        ("--- 1\n--- 2", "more than one document"),
        ("<<: 3", "<< merges mappings only"),
        ("a: " + "x" * 10_000_000, "larger than 10 MB"),
    ],
)  # fmt: skip
def test_yaml_that_is_refused_in_one_short_sentence(text, why):
    began = time.process_time()
    with pytest.raises(ValueError, match=r"^it: ") as refused:
        load_yaml(text, "it")
    assert why in str(refused.value)
    assert len(str(refused.value)) < 160
    assert "\n" not in str(refused.value)
    assert time.process_time() - began < 2


def test_many_aliases_of_a_small_thing_are_no_bomb():
    many = "a: &a {x: 1}\nb: [" + ",".join(["*a"] * 1000) + "]"
    assert load_yaml(many, "it")["b"] == [{"x": 1}] * 1000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"seed": 1, "seed": 2}', "the key seed is there twice"),
        ("NaN", "NaN is no finite number"),
        ('{"value": -Infinity}', "-Infinity is no finite number"),
        ("[1e999]", "1e999 is no finite number"),
        (str(2**63), "too large"),
        ("9" * 5000, "too large"),
        ("[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 50 deep"),
        ('{"a": ' * 60 + "1" + "}" * 60, "nested more than 50 deep"),
        ('{"a":', "not readable as JSON"),
        ('{\n"a": x}', "not readable as JSON in line 2"),
        ('"\\ud800"', "not UTF-8 text"),
        ('"' + "x" * 10_000_000 + '"', "larger than 10 MB"),
    ],
)
def test_json_that_is_refused_in_one_short_sentence(text, why):
    with pytest.raises(ValueError, match=r"^it: ") as refused:
        load_json(text, "it")
    assert why in str(refused.value)
    assert len(str(refused.value)) < 160


def test_json_that_is_taken():
    assert load_json('{"a": [1, 2.5, null, true, "\\u00e4"]}', "it") == {"a": [1, 2.5, None, True, "ä"]}
    assert load_json("[" * 50 + "]" * 50, "it")


def test_only_regular_files_are_read_and_none_is_waited_for(tmp_path):
    (tmp_path / "file").write_text("ä")
    assert read_text(tmp_path / "file") == "ä"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder"):
        with pytest.raises(ValueError, match=f"^{name}: not a regular file"):
            read_bytes(tmp_path / name)
    with pytest.raises(ValueError, match="not a regular file"):
        read_bytes("/dev/zero")
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "none")
    with pytest.raises(ValueError, match="file: larger than 1e-06 MB"):
        read_bytes(tmp_path / "file", 1)
    (tmp_path / "latin").write_bytes(b"\xe4")
    with pytest.raises(ValueError, match="latin: not UTF-8"):
        read_text(tmp_path / "latin")


def test_values_are_shown_on_one_line_and_not_whole():
    assert shown("a\nb\x1b[31m\u202e") == "a\\nb\\x1b[31m\\u202e"
    assert shown("x" * 5000) == "x" * 40 + "…" + "x" * 19
    assert shown(10**5000) == "int"
    assert shown("\ud800") == "\\ud800"
