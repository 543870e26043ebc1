"""Every kind of method with every way to answer: it learns, moves what it declares, answers, and can be restored.

A cell that does not work says a reason from a closed list, before anything is loaded.
"""

from typing import get_args

import numpy as np
import pytest
import torch
from tiny_families import SIZE, tiny

from hxbench.answering import COLUMNS
from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.methods import kinds, method_class
from hxbench.methods.method import Reason, Setup, seed_everything
from hxbench.methods.prompt import EarlierPrompts
from hxbench.runs.assemble import with_options
from hxbench.spec.recipe import resolve
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import collate

FAMILY = {"encoder": "bert", "encoder-decoder": "t5", "decoder": "bloom"}
TASKS = {"token": ("pos", "ner")}
TEXTS = ("rte", "sst2")
SMALL = {
    "hyperx": {"embedding": 4, "source_hidden": 8, "projected": 4, "bottleneck": 4, "initial_std": 0.1},
    "psf": {"latent": 4, "rank": 2, "generator_hidden": 8, "generator_layers": 2, "initial_std": 0.2},
    "madx": {"language_bottleneck": 4, "task_bottleneck": 4},
    "pha": {"bottleneck": 4, "d_prime": 6, "retriever_hidden": 6, "mixed": 4, "contrastive_weight": 0},
    "hyperdecoder": {"bottleneck": 4},
    "hyperformer": {"embedding": 4, "source_hidden": 8, "projected": 4, "reduction": 4},
    "adapter": {"bottleneck": 4},
    "pet-adapter": {"bottleneck": 4},
    "pet-lora": {"rank": 2},
    "apet": {"budget": 400, "mode": "modules"},
    **{kind: {"tokens": 3, "sample_from": 20} for kind in ("prompt", "spot", "attempt", "mpt", "mpt-source")},
    "pet-prompt": {"tokens": 3, "start": "words"},
    "peft": {"type": "LORA", "r": 2, "lora_alpha": 4},
}
WAYS = [*COLUMNS.values()]
CELLS = [(kind, *way) for kind in kinds() for way in WAYS]
WORKING = [(kind, *way) for kind, *way in CELLS if not method_class(kind).refusal({}, *way)]
# of every kind one way to answer, so that each way comes up; make test-all has all of them
SAMPLE = {}
for place, kind in enumerate(dict.fromkeys(kind for kind, *_ in WORKING)):
    able = [tuple(way) for one, *way in WORKING if one == kind]
    SAMPLE[kind] = able[place % len(able)]


def built(kind, name, backbone, seed=1, options=None):
    """Return a method on a tiny backbone of a family that answers in this way."""
    method = method_class(kind)
    said = {"answering": name} if name == "class" and backbone.family.stacks == "decoder" else {}
    own = SMALL.get(kind, {}) if options is None else options
    options = validated(method.Options, {**own, **said}, kind)
    seed_everything(seed)
    made = method(Setup(backbone, TASKS.get(name, TEXTS), ("en", "is"), seed=seed), options)
    if hasattr(made, "_taken"):  # what earlier runs would have trained
        made._taken = {"en", "is"}
    for prompts in filter(lambda one: isinstance(one, EarlierPrompts), made.modules()):
        prompts.missing.clear()
    made.freeze()
    made.start_training(30)
    return made


def batch_of(name):
    draw = np.random.default_rng(0)
    rows = [draw.integers(3, SIZE, n) for n in (5, 9, 3, 12, 7, 4)]
    task = TASKS.get(name, TEXTS)[0]
    if name == "token":
        return collate(rows, [row % 5 for row in rows], padding=0, task=task, language="en", by_token=True)
    if name == "class":
        return collate(rows, [np.array([n % 2]) for n in range(6)], padding=0, task=task)
    return collate(rows, [np.array([3 + n % 2, 1]) for n in range(6)], padding=0, task=task)


@pytest.mark.parametrize(
    ("kind", "name", "stacks"),
    [pytest.param(*cell, marks=() if SAMPLE[cell[0]] == cell[1:] else pytest.mark.matrix) for cell in WORKING],
)
def test_a_cell_works(kind, name, stacks):
    check(kind, name, lambda: tiny(FAMILY[stacks]))


def check(kind, name, fresh, steps=30, options=None):
    """Train a method on a backbone that `fresh` makes anew every time, restore it, and take it off again."""
    method, batch = built(kind, name, fresh(), options=options), batch_of(name)
    before = {key: value.detach().clone() for key, value in method.named_parameters()}
    declared = {id(p) for p in method.trained().values()}
    optimiser = torch.optim.Adam(method.trained().values(), lr=0.02)
    losses = []
    method.train()
    for step in range(1, steps + 1):
        seed_everything(3)
        loss = method(batch)
        loss.backward()
        optimiser.step()
        method.updated(step)
        optimiser.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 1e-3, "it learns"
    method.eval()
    logits = method.logits(batch)
    drawn = kind in ("apet", "peft")  # what is frozen depends on the seed
    again = built(kind, name, fresh(), seed=1 if drawn else 2, options=options).eval()
    with torch.no_grad():
        for key, parameter in again.named_parameters():  # of frozen parts that are drawn, the run has the same
            if key in before and not parameter.requires_grad and not key.startswith("model."):
                parameter.copy_(before[key])
        for key, parameter in again.trained().items():
            parameter.copy_(method.trained()[key])
    assert torch.allclose(again.logits(batch), logits, atol=1e-5), "it can be restored"
    if kind != "apet":  # which writes into the backbone until it is removed
        moved = {key for key, p in method.named_parameters() if not torch.equal(before[key], p)}
        own = {id(p) for some in method.parts().values() for p in some}
        assert own & {id(dict(method.named_parameters())[key]) for key in moved}, "what is its own moves"
        assert {id(dict(method.named_parameters())[key]) for key in moved} <= declared, "what it declares moves"
    answers = method.generate(batch, 2)
    assert len(answers) == (batch.count if name == "token" else 6)
    trained = set() if kind == "peft" else {id(p) for p in method.trained().values()}
    changed = {key for key, p in method.model.named_parameters(remove_duplicate=False) if id(p) in trained}
    method.remove()
    for key, value in fresh().model.state_dict().items():
        if key not in changed:
            assert torch.equal(method.model.state_dict()[key], value), "the backbone is given back"


@pytest.mark.parametrize(("kind", "name", "stacks"), [cell for cell in CELLS if cell not in WORKING])
def test_a_cell_that_does_not_work_has_its_reason_before_anything_is_loaded(kind, name, stacks):
    reason = method_class(kind).refusal({}, name, stacks)
    assert reason in get_args(Reason)
    backbone = {"encoder": "minilm-l6", "encoder-decoder": "t5-small", "decoder": "bloom-560m"}
    base = resolve("mbert" if name == "token" else "ft", setting="single", task=TASKS.get(name, TEXTS)[0],
                   backbone_name=backbone[stacks])  # fmt: skip
    spec = base.model_copy(update={"kind": kind, "options": {"answering": name}, "method": "mine"})
    with pytest.raises(InputError, match=f"mine {reason}"):
        with_options(spec)


def test_the_sample_has_every_kind_and_every_way():
    assert set(SAMPLE.values()) == set(WAYS)
    assert set(SAMPLE) == {kind for kind, *_ in WORKING}
    assert len(WAYS) == 6, "heads on encoders and on decoders, and two ways to write"
    able = lambda kind: {tuple(way) for one, *way in WORKING if one == kind}  # noqa: E731
    for kind in ("finetune", "adapter", "pet-lora", "pet-bitfit", "prompt", "apet", "hyperx", "hyperformer",
                 "hyperdecoder"):  # fmt: skip
        assert able(kind) == set(WAYS), kind
    assert able("madx") == {("token", "encoder"), ("class", "encoder")}
    assert able("pha") == set(WAYS)
    assert task_of("pos").type == "tagging"
