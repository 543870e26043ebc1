"""Which heads are the own ones of the library, family by family; the others lie beside the body."""

import pytest
import torch
from stock_models import ENCODERS, stock

from hxbench.methods.exported import Exported, ExportedOptions
from hxbench.methods.method import Setup
from hxbench.runs.export import _logits, _probe
from hxbench.runs.stock_model import stock_model
from hxbench.spec.settings import Pair

POOLED = ("roberta", "xlm-roberta", "mpnet")  # and BERT
OTHER_TOKENS = ("modernbert",)  # whose head has a layer of its own


class Tokenizer:
    """As much of one as a probe needs."""

    all_special_ids, sep_token_id = (0, 1, 2, 3), 3

    def __len__(self):
        return 40


@pytest.mark.parametrize("name", ENCODERS)
def test_the_head_of_a_family_is_the_librarys_or_lies_beside(name):
    cells = {
        ("pos", "first"): name not in OTHER_TOKENS,
        ("rte", "pooled"): name in POOLED,
        ("rte", "first"): False,
    }
    for (task, head), own in cells.items():
        backbone = stock(name)
        backbone.tokenizer = Tokenizer()
        method = Exported(Setup(backbone, (task,)), ExportedOptions(head=head)).eval()
        with torch.no_grad():
            for parameter in method.answering.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        probe = _probe(method, Pair(task, "en"))
        found = stock_model(method, task, probe, _logits(method, probe))
        assert bool(found.head) == own, (task, head)
        assert (found.loads == "AutoModel") == (not own)
        if own:
            assert found.model.config.id2label[0] == {"pos": "ADJ", "rte": "entailment"}[task]
