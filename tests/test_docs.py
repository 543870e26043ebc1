"""What the pages of docs show runs, block after block."""

import re
from pathlib import Path

import pytest
from command_line import write_profile
from miniature import write_mirror

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


def test_there_are_pages():
    assert [page.name for page in PAGES] == [
        "one-run.md",
        "own-backbone.md",
        "own-data.md",
        "own-files.md",
        "results.md",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch, capsys):
    write_mirror(tmp_path / "mirror")
    write_profile(tmp_path, tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("hxbench.tasks._declared", {})
    monkeypatch.setattr("hxbench.spec.languages._described", {})
    text = page.read_text(encoding="utf-8")
    for name, block in re.findall(r"^```yaml\n# ([\w-]+\.yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(block, encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page.name}, block {number + 1}", "exec"), names)
        assert capsys.readouterr().out, "each block shows something"
    root = Path(__file__).parents[1]
    for path in re.findall(r"`(hxbench/[\w/]+\.py)`", text):
        assert (root / path).is_file(), path
