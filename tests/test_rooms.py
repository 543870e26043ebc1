"""The rooms of the package stand in the order of the data flow: nothing imports what comes later."""

import ast
import re
from pathlib import Path

import pytest

import hxbench

ROOT = Path(hxbench.__file__).parent
# earlier first; modules of the package itself are named one by one
ROOMS = [
    ["errors", "printing", "places", "plain_data", "processes", "leftovers", "manifest", "network", "garbage"],
    ["system_errors", "closed"],
    ["tasks"],
    ["spec"],
    ["sandbox"],
    ["data"],
    ["backbones"],
    ["modules"],
    ["answering"],
    ["methods"],
    ["training"],
    ["store"],
    ["runs"],
    ["report"],
    ["arguments"],
    ["api"],
    ["cli"],
]  # fmt: skip
RANK = {name: place for place, names in enumerate(ROOMS) for name in names}
FILES = [
    path for path in sorted(ROOT.rglob("*.py")) if path.name != "__main__.py" and path != ROOT / "__init__.py"
]


def imported(path):
    """Yield the modules of the package that a file imports when it runs, inside of functions, too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):  # what is for the type checker alone is no arrow
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hxbench":
            names = [node.module] if node.module != "hxbench" else [f"hxbench.{one.name}" for one in node.names]
            yield from names
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.startswith("hxbench."))


def room(module):
    return module.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_a_later_room(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert own in RANK, "a new room has a place in the order"
    for module in imported(path):
        if room(module) in RANK:
            assert RANK[room(module)] <= RANK[own], f"{own} imports {module}"


def test_contributing_has_the_rooms_in_this_order():
    text = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (line,) = (one for one in text.splitlines() if one.startswith("`tasks` → "))
    order = [name for names in ROOMS for name in names if (ROOT / name).is_dir()]
    assert re.findall(r"`(\w+)`", line) == order


def test_a_back_arrow_would_be_seen(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from hxbench.cli import app\n"
        "def late():\n    from hxbench.report import registry\n    from hxbench import spec\n"
    )
    assert list(imported(file)) == ["hxbench.report", "hxbench.spec"]
