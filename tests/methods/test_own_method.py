"""The README's method of one's own is a method."""

import re
from pathlib import Path

from hxbench.corpora import labels
from hxbench.methods.method import Method, NoOptions

README = Path(__file__).parents[2] / "README.md"


def test_the_example_trains_the_biases_and_nothing_else(fresh_backbone):
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    names: dict = {}
    exec(blocks[0], names)
    bitfit = names["BitFit"]
    assert issubclass(bitfit, Method)
    method = bitfit(fresh_backbone, labels={"pos": len(labels("pos"))}, languages=["en"], options=NoOptions())
    method.freeze()
    trained = method.trained()
    assert any(name.startswith("heads.pos") for name in trained)
    assert {name.rpartition(".")[2] for name in trained if name.startswith("model.")} == {"bias"}
