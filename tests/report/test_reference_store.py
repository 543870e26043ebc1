"""The store that is published: small, whole, and quick to report from."""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from rich.cells import cell_len

from hxbench import manifest
from hxbench.report import artifacts, find_artifact, make, read_results
from hxbench.report.render import terminal
from hxbench.report.reproduced import reproduced
from hxbench.store import Store

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"

# what a report imports, and what it prints, in a process of its own
CODE = """
import json, sys
sys.argv = ["hxbench", "report", "--table", "2", "--store", sys.argv[1]]
from hxbench.cli.app import main
try:
    main()
except SystemExit:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def reference():
    if not REFERENCE.is_dir():
        pytest.skip("a source distribution is without the published runs")
    return Store(REFERENCE)


def test_it_is_a_few_small_files_that_are_whole(reference):
    files = [path for path in REFERENCE.rglob("*") if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    assert len(files) < 60
    assert sum(sizes) < 25_000_000
    assert max(sizes) <= 512_000
    assert reference.pack.damaged_files() == []
    assert reference.pack.strays() == []
    assert len(reference.pack.ids) >= 5196


def test_every_paper_has_its_profiles(reference):
    found = {paper: reference.by_profile(paper) for paper in ("hyperx", "pha", "pet")}
    assert {paper: sorted(of) for paper, of in found.items()} == {key: ["demo", "lab"] for key in found}
    assert len(found["hyperx"]["lab"].plain) == 78
    record = found["hyperx"]["lab"].plain[0]
    record.checked()
    assert record.metrics()
    assert record.history()
    assert reference.problems == []


@pytest.mark.parametrize(
    ("paper", "profile"),
    [
        ("hyperx", "lab"),
        *(
            pytest.param(paper, profile, marks=pytest.mark.matrix)
            for paper, profile in product(("hyperx", "pet", "pha"), ("demo", "lab", "paper"))
            if (paper, profile) != ("hyperx", "lab")
        ),
    ],
)
def test_every_artifact_fits_eighty_columns(reference, paper, profile):
    results = read_results(paper, reference, profile)
    for name, artifact in artifacts(paper).items():
        tables = list(make(artifact, results).tables)
        for width in (60, 80):
            text = terminal.render(tables, width, all_rows=width == 80)
            lines = [line for line in text.splitlines() if "hxbench" not in line]  # a command is never broken
            assert max(map(cell_len, lines)) <= width, name


def test_the_row_of_a_run_is_the_same_in_a_copy_and_any_change_of_it_is_told(reference, tmp_path):
    some = reference.by_profile("hyperx")["demo"].plain
    ids = [
        one.id for one in some if one.spec.method == "mbert" and one.spec.setting == "mixed" and one.spec.seed == 1
    ]
    mine, table2 = Store(tmp_path), find_artifact("hyperx", "2")
    assert (
        "has no run with an id of ours" in reproduced(table2, read_results("hyperx", mine, "demo"), reference)[1]
    )
    for run_id in ids:
        reference.copy(run_id, mine)
    results = read_results("hyperx", mine, "demo")
    [table], said = reproduced(table2, results, reference)
    assert said.startswith("Reproduced digit for digit: the scores of ")
    here, there = table.blocks[0].rows
    assert [one.mean for one in here.cells] == [one.mean for one in there.cells]
    assert any(one.mean is not None for one in here.cells[3:])
    for changed in results.store.runs():
        path = changed.folder / "metrics.jsonl"
        (changed.folder / manifest.NAME).unlink()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        first = next(row for row in lines if row.get("split") == "test" and row.get("role") == "target")
        first["value"] += 1e-9
        path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    said = reproduced(table2, read_results("hyperx", Store(tmp_path), "demo"), reference)[1]
    assert said.startswith("Not reproduced digit for digit: mBERT: ")
    assert f"of {len(ids)} of {len(ids)} runs, as {ids[0]}" in said


@pytest.mark.matrix
def test_a_table_is_made_without_heavy_imports(reference):
    done = subprocess.run([sys.executable, "-c", CODE, REFERENCE], capture_output=True, text=True, timeout=300)
    assert "paired bootstrap" in done.stdout, done.stderr
    assert not {"pandas", "torch", "datasets", "transformers", "sklearn"} & {*json.loads(done.stderr)}
