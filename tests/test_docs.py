"""What the pages of the documentation show works: Python runs, and the command line takes the commands."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import typer.main
from command_line import write_profile
from miniature import write_mirror

from hxbench.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
# whose blocks are files of packages: tests/methods/test_own_method.py and tests/report/test_own_paper.py read them
INSTALLED = ("method.md", "paper.md")
EXECUTED = [page for page in PAGES if "```python" in page.read_text("utf-8") and page.name not in INSTALLED]


def test_there_are_pages():
    names = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES}
    listed = set(re.findall(r"^ +- (?:[^:\n]+: )?([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert names == listed, "the site has a place for each page"
    assert {page.name for page in EXECUTED} >= {"one-run.md", "family.md", "treebank.md", "task.md", "files.md"}


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch, capsys):
    write_mirror(tmp_path / "mirror")
    write_profile(tmp_path, tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("hxbench.tasks.declared_tasks.known", {})
    monkeypatch.setattr("hxbench.spec.languages.declared_languages.known", {})
    text = page.read_text(encoding="utf-8")
    for name, block in re.findall(r"^```yaml\n# ([\w-]+\.yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(block, encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{page.name}, block {number + 1}", "exec"), names)
        assert capsys.readouterr().out, "each block shows something"
    for path in re.findall(r"`(hxbench/[\w/]+\.py)`", text):
        assert (ROOT / path).is_file(), path


def test_links_between_files_lead_somewhere():
    """Those of pages lead to pages, which mkdocs checks too; those of the README and its like to any file."""
    read = [*PAGES, *ROOT.glob("*.md"), *(ROOT / "results").glob("*/README.md")]
    links = [
        (page, link)
        for page in read
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
        if not link.startswith(("https://", "#"))
    ]
    assert len(links) > 60
    assert not [link for page, link in links if not (page.parent / link.partition("#")[0]).exists()]


def shown_commands():
    """Every `$ hxbench …` of the pages and the README, with where it stands."""
    for page in (*PAGES, ROOT / "README.md"):
        for block in re.findall(
            r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for line in block.replace("\\\n", " ").splitlines():
                _, dollar, typed = line.partition("$ ")
                found = re.search(r"(?:^|\| )hxbench .*", typed) if dollar else None
                found = found or (re.search(r"-m (hxbench .*)", typed) if dollar else None)
                if found:
                    yield (
                        page.name,
                        shlex.split(found[0].removeprefix("| ").removeprefix("-m "), comments=True)[1:],
                    )


SHOWN = list(shown_commands())


def test_the_pages_show_commands():
    assert len(SHOWN) > 60


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=[f"{page}-{' '.join(words)[:60]}" for page, words in SHOWN])
def test_the_command_line_takes_what_is_shown(page, words):
    for sign in (">", "<", "|"):
        words = words[: words.index(sign)] if sign in words else words
    command = typer.main.get_command(app)
    context = command.make_context("hxbench", list(words))
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, name
        context = command.make_context(name, rest, parent=context)


def test_generated_pages_have_their_parts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import generate

    try:
        for page in (ROOT / "docs" / "reference").glob("*.md"):
            text = page.read_text(encoding="utf-8")
            made = generate.on_page_markdown(text)
            assert "<!-- generated" not in made
            assert (made != text) == ("<!-- generated" in text)
        line = generate.command_line()
        assert "## `hxbench train`" in line
        assert "--setting" in line
        assert "`extends`" in generate.data_file()
    finally:
        sys.modules.pop("generate")
