"""What is to be cited."""

import re

from command_line import hxbench

from hxbench import __version__


def test_all_papers_are_cited_with_the_suite():
    answer = hxbench("cite")
    assert answer.code == 0
    entries = re.findall(r"^@(\w+)\{([\w-]+),$", answer.out, re.MULTILINE)
    assert [kind for kind, _ in entries] == ["software", *["inproceedings"] * 3]
    assert f'version = "{__version__}"' in answer.out
    assert answer.out.count("{") == answer.out.count("}")


def test_one_paper_is_cited_by_name():
    answer = hxbench("cite", "pha")
    assert "Zhao, Hao" in answer.out
    assert "Ruder" not in answer.out


def test_an_unknown_paper_is_refused():
    answer = hxbench("cite", "pah")
    assert answer.code == 2
    assert "pha" in answer.err
