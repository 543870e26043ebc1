"""Tables 1 and 2: what recipes say, and what runs count beside what is printed."""

from pet_store import NAMED, count_of, made_into, size_of

from hxbench.report.artifact.published import published
from hxbench.report.papers.pet.rows import ENDS


def test_table_1_is_made_of_the_recipes(made):
    (table,) = made_into(made, "table1").tables
    (block,) = table.blocks
    texts = {row.title: [cell.text for cell in row.cells] for row in block.rows}
    assert list(texts) == ["Prompt", "BitFit", "LoRA", "Adapter"]
    assert [operation for operation, _ in texts.values()] == ["CONCAT", "ADD", "CONCAT", "PLUG"]
    assert texts["LoRA"][1] == "Low-rank branches beside query and value of self-attention"


def test_table_2_has_what_the_runs_count_beside_the_papers(made):
    (table,) = made_into(made, "table2").tables
    (block,) = table.blocks
    assert [(c.group, c.title) for c in table.columns] == [
        ("BERT", "SMALL"), ("BERT", "LARGE"), ("BLOOM", "560M"), ("BLOOM", "7.1B"), ("T5", "SMALL"), ("T5", "XXL"),
    ]  # fmt: skip
    for row, budget in zip(block.rows, NAMED, strict=True):
        for cell, backbone in zip(row.cells, ENDS, strict=True):
            runs = [s for s in made.specs if s.options.get("budget") == budget and size_of(s) == backbone.size]
            assert cell.mean == (count_of(runs[0]) if runs else None)
            assert (cell.marks == ("*",)) == (not runs)
            printed = published("pet").value("Table 2", backbone.printed, row.title, "tunable_parameters")
            assert cell.published == printed is not None
    assert table.commands == (f"hxbench run pet/figure4 --profile {made.profile} --store {made.store.root}",)
