"""The paper of docs/how-to/paper.md: its files are installed as they stand, and its table and figure are made."""

import re
from pathlib import Path

import pytest
from command_line import hxbench
from filled_store import fill

from hxbench.spec import experiment, recipe

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "paper.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```(?:python|toml|yaml)\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Write the package as if it were installed, and go to an empty folder."""
    for name, text in [*FILES, ("tongues/__init__.py", "")]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    points = re.findall(r'"(hxbench\.\w+)"\]\n(\w+) = "(\w+)"', (tmp_path / "pyproject.toml").read_text())
    info = tmp_path / "tongues-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tongues\nVersion: 1\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{name} = {at}\n" for group, name, at in points))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_paper_of_ones_own_is_planned_and_reported(installed, store):
    listed = PAGE.partition("```text\n")[2].partition("```")[0]
    assert all(name in listed for name, _ in FILES if "profiles" not in name), "the page lists its files"
    assert "tongues" in recipe.papers()
    assert len(experiment.runs_of("tongues", "main", "demo")) == 6
    assert recipe.scale("tongues-demo", "tongues").is_text
    for number, method in enumerate(("tongues-ft", "tongues-lora")):
        fill(store, method, "multi", score=lambda *_, number=number: 50.0 + number)
    where = ("--paper", "tongues", "--store", str(store.root))
    table = hxbench("report", "--table", "1", *where)
    assert table.code == 0, table.err
    assert "Tongues, Table 1: zero-shot transfer" in table.out
    assert re.search(r"LoRA +3? *.*51\.0.*51\.0", table.out), table.out
    assert "41.5" in table.out
    figure = hxbench("report", "--figure", "1", *where, "--format", "svg", "--out", str(installed / "figures"))
    assert figure.code == 0, figure.err
    (drawn,) = (installed / "figures").rglob("*.svg")
    assert "yue" in drawn.read_text() or drawn.stat().st_size > 5000
