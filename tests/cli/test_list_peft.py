"""`hxbench list methods --peft`: the shipped table on a terminal, and as JSON."""

import json

from command_line import hxbench

from hxbench.methods import peft_options
from hxbench.methods.peft_options import table


def test_the_table_is_printed_in_80_columns_with_a_reason_for_what_does_not_work():
    answer = hxbench("list", "methods", "--peft")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 80
    end = lines.index("")
    assert [line.split()[0] for line in lines[1:end]] == list(table().types)
    assert " ".join(next(line for line in lines if line.startswith("LORA ")).split()) == "LORA" + " works" * 4
    assert ["ADAPTION_PROMPT", *["on", "decoder"] * 2, "no", "works"] in [line.split() for line in lines[1:end]]
    assert "needs keys and values of one stack: CARTRIDGE, PREFIX_TUNING" in lines[end:]
    refused = {name for name, one in table().types.items() if set(one.answers.values()) != {"works"}}
    assert refused == {name for line in lines[end + 1 :] for name in line.partition(": ")[2].split(", ")}


def test_as_json_every_cell_works_or_has_its_reason():
    rows = json.loads(hxbench("list", "methods", "--peft", "--json").out)
    for row in rows:
        assert {name: said for name, said in row.items() if name != "type"} == table().types[row["type"]].answers


def test_another_version_is_said_plainly(monkeypatch):
    monkeypatch.setattr(peft_options, "is_of_this_version", lambda: False)
    answer = hxbench("list", "methods", "--peft")
    assert answer.code == 0
    assert answer.err.startswith(f"The table is of peft {table().peft}, and ")
    assert "LORA" in answer.out


def test_two_tables_at_once_are_refused():
    answer = hxbench("list", "methods", "--peft", "--matrix")
    assert answer.code == 2
    assert "give one of them" in answer.err
