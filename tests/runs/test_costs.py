"""Costs are counted on the meta device, where nothing is imported: its tensors would have no values."""

import json
import subprocess
import sys

import pytest

# The interpreter's audit reports each import. torch is there and asked once before, as asking imports, too. Every
# case begins in a copy of this process, which has imported nothing for another case.
WATCH = """
import json, os, sys

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

for method, backbone in json.loads(sys.argv[1]):
    sys.stdout.flush()
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    sys.argv[1:] = ["cost", method, "--backbone", backbone]
    try:
        main()
    except SystemExit as end:
        print("\\n" + json.dumps([method, backbone, end.code or 0, imported]), flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize(
    "cases",
    [
        [("hyperx-base", "mbert"), ("pha", "t5-base"), ("pet-lora", "bert-base"), ("prefix-tuning", "bloom-560m")],
        pytest.param(
            [
                ("madx", "mbert"), ("prompt", "t5-base"), ("mpt", "t5-base"), ("pet-lora", "t5-base"),
                ("pet-lora", "bloom-560m"), ("lora", "bert-base"),
            ],
            marks=pytest.mark.matrix,
        ),
    ],
    ids=["each kind", "others"],
)  # fmt: skip
def test_nothing_is_imported_under_the_meta_device(cases):
    command = [sys.executable, "-c", WATCH, json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert found == [[*case, 0, []] for case in cases], done.stderr
