"""The store that is published: small, whole, and quick to report from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert len(reference.pack.ids) >= 5132


def test_every_paper_has_its_profiles(reference):
    found = {paper: reference.by_profile(paper) for paper in ("hyperx", "pha", "pet")}
    assert {paper: sorted(of) for paper, of in found.items()} == {key: ["demo", "lab"] for key in found}
    assert len(found["hyperx"]["lab"].plain) == 70
    record = found["hyperx"]["lab"].plain[0]
    record.checked()
    assert record.metrics()
    assert record.history()
    assert reference.problems == []


def test_a_table_is_made_without_heavy_imports(reference):
    done = subprocess.run([sys.executable, "-c", CODE, REFERENCE], capture_output=True, text=True, timeout=300)
    assert "paired bootstrap" in done.stdout, done.stderr
    assert not {"pandas", "torch", "datasets", "transformers", "sklearn"} & {*json.loads(done.stderr)}
