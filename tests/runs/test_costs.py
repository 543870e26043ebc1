"""Costs are counted on the meta device, where nothing is imported: its tensors would have no values."""

import json
import subprocess
import sys

import pytest

# The interpreter's audit tells of each import. torch is there and asked once before, as asking imports, too.
WATCH = """
import json, sys

import torch

imported = []

def watch(event, arguments):
    if event == "import" and torch.get_default_device().type == "meta":
        imported.append(arguments[0])

with torch.device("meta"):
    assert torch.get_default_device().type == "meta"
    sys.addaudithook(watch)
    import this
assert imported == ["this"], imported
imported.clear()

from hxbench.cli.app import main

try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(imported))
"""


@pytest.mark.parametrize(
    ("method", "backbone"),
    [
        ("hyperx-base", "mbert"),
        pytest.param("madx", "mbert", marks=pytest.mark.matrix),
        ("pha", "t5-base"),
        pytest.param("prompt", "t5-base", marks=pytest.mark.matrix),
        pytest.param("mpt", "t5-base", marks=pytest.mark.matrix),
        ("pet-lora", "bert-base"),
        pytest.param("pet-lora", "t5-base", marks=pytest.mark.matrix),
        pytest.param("pet-lora", "bloom-560m", marks=pytest.mark.matrix),
        pytest.param("lora", "bert-base", marks=pytest.mark.matrix),
        ("prefix-tuning", "bloom-560m"),
    ],
)
def test_nothing_is_imported_under_the_meta_device(method, backbone):
    command = [sys.executable, "-c", WATCH, "cost", method, "--backbone", backbone]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
