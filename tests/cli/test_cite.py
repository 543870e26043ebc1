"""What is to be cited."""

import re
from pathlib import Path

import yaml
from command_line import hxbench

from hxbench import __version__


def test_all_papers_are_cited_with_the_suite():
    answer = hxbench("cite")
    assert answer.code == 0
    entries = re.findall(r"^@(\w+)\{([\w-]+),$", answer.out, re.MULTILINE)
    assert [kind for kind, _ in entries] == ["software", *["inproceedings"] * 3]
    assert f'version = "{__version__}"' in answer.out
    root = Path(__file__).parents[2]
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    newest, released = re.search(r"^## (\S+) \((.*)\)$", changes, re.MULTILINE).groups()
    assert __version__ == citation["version"] == newest
    assert citation["date-released"] == released
    assert f'year = "{released[:4]}"' in answer.out
    printed = set(re.findall(r'url = "(.*)"', answer.out))
    assert printed == {paper["url"] for paper in citation["references"]}
    assert answer.out.count("{") == answer.out.count("}")


def test_one_paper_is_cited_by_name():
    answer = hxbench("cite", "pha")
    assert "Zhao, Hao" in answer.out
    assert "Ruder" not in answer.out


def test_an_unknown_paper_is_refused():
    answer = hxbench("cite", "pah")
    assert answer.code == 2
    assert "pha" in answer.err
