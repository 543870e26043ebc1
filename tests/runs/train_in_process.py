"""Trains one run of the miniature in a process of its own: `train_in_process.py MIRROR STORE FIELDS`.

FIELDS is JSON: methods, training, `dropout`, which at 0 is switched off everywhere, and `folder`, of a backbone
that answers texts. Prints a line a step, so that whoever started it can choose the moment to kill it; under
torchrun every process runs this.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from miniature import resolved, spec_for
from text_miniature import text_spec

from hxbench.data import Corpora, Origin
from hxbench.runs import backbone
from hxbench.runs.train import run
from hxbench.spec.backbone import BackboneSpec
from hxbench.store import Store


def switch_off_dropout() -> None:
    """Let every later model of this process be built without dropout."""
    from transformers import BertConfig

    from hxbench.modules.heads import Head

    Head.__init__.__defaults__ = (0.0,)
    init = BertConfig.__init__

    def calm(self, *args, **others):
        init(self, *args, **{**others, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})

    BertConfig.__init__ = calm


def main(mirror: str, store: str, text: str) -> None:
    fields = json.loads(text)
    if fields.get("dropout") == 0:
        switch_off_dropout()
    folder = fields.get("folder")
    for method in fields["methods"]:
        if folder:
            wanted = text_spec(method, BackboneSpec(name="own", folder=folder), training=fields["training"])
        else:
            wanted = spec_for(method, training=fields["training"])
        corpora = Corpora(Origin("mirror", Path(mirror)), wanted.data)
        spec, plan = resolved(wanted, corpora)
        assert backbone.is_ready(spec.backbone), "the parent has made it"

        def report(step: int, updates: int, loss: float, method: str = method) -> None:
            os.write(1, f"step {step} {method} {loss!r}\n".encode())  # at once: processes share the pipe

        run(spec, plan, corpora, Store(Path(store)), checkpoint_every=2, report=report)


if __name__ == "__main__":
    main(*sys.argv[1:])
