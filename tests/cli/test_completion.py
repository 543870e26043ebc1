"""What a shell is told to complete, without torch."""

import os
import subprocess
import sys

import pytest

from hxbench.cli import completion
from hxbench.runs.scheduler.launcher import PLACES


def complete(words, *, store=None):
    """Return what `bash` is told for the last of the words."""
    given = {
        "_HXBENCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1),
    }  # fmt: skip
    environment = os.environ | given | ({"HXBENCH_STORE": str(store)} if store else {})
    code = "import sys; sys.argv[:] = ['hxbench']\nfrom hxbench.cli.app import main\n"
    code += "try: main()\nfinally: assert not {'torch', 'pandas', 'transformers'} & set(sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


CASES = [
    ("hxbench train hyperx-", ["hyperx-base", "hyperx-small"]),
    ("hxbench runs show 0a", ["0a1b2c3d4e5f"]),
    ("hxbench train mbert --profile ", ["demo", "lab", "paper"]),
    ("hxbench run pha/table1", ["pha/table1"]),
    ("hxbench sweep sc", ["scaling"]),
    ("hxbench train mbert --task po", ["pos"]),
    ("hxbench fewshot mbert --language t", ["ta", "tr"]),
    ("hxbench list sites --backbone mb", ["mbert"]),
    ("hxbench train mbert --on s", ["slurm"]),
]


@pytest.mark.parametrize(
    ("words", "values"),
    [*CASES[:2], *(pytest.param(*case, marks=pytest.mark.matrix) for case in CASES[2:])],
)
def test_values(words, values, tmp_path):
    for name in ("0a1b2c3d4e5f", "1a1b2c3d4e5f", ".work-0affffffffff"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert complete(words, store=tmp_path) == values


def test_what_cannot_be_read_completes_nothing(tmp_path):
    (tmp_path / "runs").write_text("a file")
    assert complete("hxbench runs show 0", store=tmp_path) == []


def test_names_are_as_where_they_are_read():
    assert completion.PLACES == PLACES
