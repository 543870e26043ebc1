"""Costs are counted on the meta device, where nothing is imported: its tensors would have no values."""

import json
import subprocess
import sys

import pytest

# The interpreter's audit reports each import. torch is there and asked once before, as asking imports, too.
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

from hxbench.cli.app import main

for method, backbone in json.loads(sys.argv[1]):
    imported.clear()
    sys.argv[1:] = ["cost", method, "--backbone", backbone]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
    print(json.dumps([method, backbone, *imported]))
"""
# of two architectures, one of peft: what each imports, no other does
KINDS = [("hyperx-base", "mbert"), ("prefix-tuning", "bloom-560m")]
ALONE = [
    *KINDS, ("pha", "t5-base"), ("pet-lora", "bert-base"), ("madx", "mbert"), ("prompt", "t5-base"),
    ("mpt", "t5-base"), ("pet-lora", "t5-base"), ("pet-lora", "bloom-560m"), ("lora", "bert-base"),
]  # fmt: skip


@pytest.mark.parametrize(
    "cases", [KINDS, *(pytest.param([one], marks=pytest.mark.matrix) for one in ALONE)], ids=str
)
def test_nothing_is_imported_under_the_meta_device(cases):
    command = [sys.executable, "-c", WATCH, json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    assert found == [list(case) for case in cases]
