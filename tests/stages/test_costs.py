"""Costs are counted on the meta device, where nothing is imported: its tensors would have no values."""

import json
import subprocess
import sys

import pytest

# Each import that happens while the meta device is the default one, as the interpreter's audit tells it. The state
# is read from the module itself: asking torch would import in the midst of an import.
WATCH = """
import json, sys

imported = []

def watch(event, arguments):
    state = sys.modules.get("torch.utils._device")
    device = getattr(state, "CURRENT_DEVICE", None)
    if event == "import" and device is not None and device.type == "meta":
        imported.append(arguments[0])

sys.addaudithook(watch)
from hxbench.cli.app import main

try:
    main()
except SystemExit as end:
    assert not end.code, end.code
import torch.utils._device
assert hasattr(torch.utils._device, "CURRENT_DEVICE")
print(json.dumps(imported))
"""


@pytest.mark.parametrize("method", ["hyperx-base", "pha"])
def test_no_class_is_imported_under_the_meta_device(method):
    done = subprocess.run(
        [sys.executable, "-c", WATCH, "cost", method], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    ours = ("transformers.models", "hxbench", "peft")
    assert [name for name in json.loads(done.stdout.splitlines()[-1]) if name.startswith(ours)] == []
