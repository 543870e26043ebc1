"""PET's artifacts in every format, from a filled store, an empty one and a profile without all backbones."""

from pathlib import Path

import pytest
from pet_store import ARTIFACTS, made_into, made_profile, plausible

from hxbench import report
from hxbench.report.draw import pictures
from hxbench.report.render import FORMATS, renderer, terminal
from hxbench.store import Store

# a table and a figure in the short suite
SAMPLED = [pytest.param(name, marks=[pytest.mark.matrix] * (n % 4 > 0)) for n, name in enumerate(ARTIFACTS)]


@pytest.mark.parametrize("name", SAMPLED)
def test_every_format_has_it_and_no_line_is_too_long(made, name):
    one = made_into(made, name)
    for kind in FORMATS:
        text = renderer(kind)(list(one.tables))
        assert "PET scaling" in text or kind == "csv"
    lines = renderer("terminal")(list(one.tables)).splitlines()
    commands = [line for line in lines if line.startswith("  hxbench")]
    assert max(len(line) for line in lines if line not in commands) <= 80
    for figure in one.figures:
        drawn = pictures(figure, ["svg"])
        assert drawn == pictures(figure, ["svg"])
        assert len(drawn["svg"]) > 10_000


@pytest.mark.parametrize("name", SAMPLED)
def test_an_empty_store_has_the_printed_numbers_and_a_command(tmp_path, name, monkeypatch):
    monkeypatch.setenv("HXBENCH_STORE", str(tmp_path / "nothing"))
    store = Store(tmp_path / "nothing")
    one = report.make(ARTIFACTS[name], report.read_results("pet", store))
    text = terminal.render(list(one.tables), all_rows=True)
    wanted = {"figure2": "5.1", "figure4": "10.9", "table2": "2.4m", "figure5": "8.2k to 41k"}.get(name, "")
    assert wanted in text
    assert ("hxbench run pet/" in text) == (name not in ("table1", "rates")), "of rates the demo has no tries"
    for figure in one.figures:
        assert pictures(figure, ["png"])["png"].startswith(b"\x89PNG")


def test_sizes_that_a_profile_lacks_say_so(tmp_path):
    profile = Path(made_profile(tmp_path, name="t5"))
    lines = profile.read_text().splitlines(keepends=True)
    profile.write_text("".join(line for line in lines if "bert-" not in line and "bloom-" not in line))
    results = report.read_results("pet", Store(tmp_path / "nothing"), str(profile))
    for name in ("figure2", "figure4", "figure5", "table2"):
        (text,) = {
            r for t in report.make(ARTIFACTS[name], results).tables for r in t.remarks if "in place of" in r
        }
        assert text.startswith("profile t5 has nothing in place of BERT SMALL, ")
        assert "T5" not in text


def test_scores_of_the_made_up_runs_differ(made):
    """Otherwise the tests above would take one run for another."""
    assert len({plausible(spec) for spec in made.specs}) == len(made.specs)
