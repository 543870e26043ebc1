"""Checkpoints: what is saved comes back, what is damaged is named, what is half there does not count."""

import copy

import pytest
import torch
from tiny_families import FAMILIES, OPTIONS, tiny, tuned
from torch import nn

from hxbench import manifest
from hxbench.errors import InputError
from hxbench.spec.run_spec import TrainingSpec
from hxbench.training.checkpoint import ResumeStates, load_weights, save_weights
from hxbench.training.optimiser import adamw

SPEC = TrainingSpec(updates=10, lr=1e-2)


class Model:
    """Two parameters, of which a batch may reach one only, as with the head of a task."""

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.parameters = {"body": nn.Parameter(torch.randn(3, 4)), "head": nn.Parameter(torch.randn(2))}
        self.optimiser = adamw(self.parameters, SPEC)

    def step(self, head=False):
        self.optimiser.zero_grad(set_to_none=True)
        loss = (self.parameters["body"] ** 2).sum()
        if head:
            loss = loss + (self.parameters["head"] ** 4).sum()
        loss.backward()
        self.optimiser.step()

    def values(self):
        return {name: p.detach().clone() for name, p in self.parameters.items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def state_of(tmp_path, step=3, best=None, **numbers):
    model, states = Model(), ResumeStates(tmp_path / "resume")
    for _ in range(3):
        model.step()
    states.save(step, model.parameters, model.optimiser, best, {"loss_sum": 0.1 + 0.2, **numbers})
    return model, states


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_weights_come_back(tmp_path):
    model, other = Model(0), Model(1)
    save_weights(tmp_path / "checkpoint", model.parameters)
    load_weights(tmp_path / "checkpoint", other.parameters)
    assert equal(model.values(), other.values())
    model.step()
    save_weights(tmp_path / "checkpoint", model.parameters)
    load_weights(tmp_path / "checkpoint", other.parameters)
    assert equal(model.values(), other.values())
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"], "nothing temporary is left"


def test_a_killed_attempt_leaves_nothing_behind_for_good(tmp_path):
    left = tmp_path / ".checkpoint.12345.tmp"
    left.mkdir()
    (left / "model.safetensors").write_text("half")
    save_weights(tmp_path / "checkpoint", Model().parameters)
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_damaged_weights_are_named(tmp_path):
    save_weights(tmp_path / "checkpoint", Model().parameters)
    flip(tmp_path / "checkpoint" / "model.safetensors")
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        load_weights(tmp_path / "checkpoint", Model().parameters)


def test_weights_of_something_else_are_refused(tmp_path):
    save_weights(tmp_path / "checkpoint", Model().parameters)
    with pytest.raises(InputError, match=r"do not fit this method \(tensors 1 left over, such as head\)"):
        load_weights(tmp_path / "checkpoint", {"body": Model().parameters["body"]})
    with pytest.raises(InputError, match=r"head has shape \(2,\), not \(5,\)"):
        load_weights(tmp_path / "checkpoint", Model().parameters | {"head": nn.Parameter(torch.zeros(5))})
    with pytest.raises(InputError, match="no complete checkpoint"):
        load_weights(tmp_path / "nothing", Model().parameters)


def as_before(name):
    """Return what an earlier version called a trained parameter of a method of PET scaling."""
    if name == "soft.embedding.weight":
        return "tuning.tokens"
    if name.startswith("heads.rte."):
        return name.replace("heads.rte.", "head.")
    return name if name.startswith(("model.", "pooler.")) else f"tuning.{name}"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [*OPTIONS, "apet"])
def test_a_checkpoint_of_before_fits(kind, family, tmp_path):
    options = {"budget": 300} if kind == "apet" else {"head": "pooled"}
    old, new = (tuned(kind, tiny(family), chance=chance, **options).trained() for chance in (1, 2))
    optimiser = adamw(old, SPEC)
    sum((p**2).sum() for p in old.values()).backward()
    optimiser.step()
    before = {as_before(name): p for name, p in old.items()}
    assert before.keys() != old.keys() or (kind, family) in {
        ("pet-ft", "t5"), ("pet-ft", "bloom"), ("pet-lora", "t5"),
    }  # fmt: skip
    save_weights(tmp_path / "checkpoint", before)
    load_weights(tmp_path / "checkpoint", new)
    assert equal(new, old)
    states = ResumeStates(tmp_path / "resume")
    states.save(3, before, optimiser, best := {n: p.detach() + 1 for n, p in before.items()}, {})
    fresh = adamw(new, SPEC)
    _, restored, _ = states.load(new, fresh)
    assert equal(restored, {name: best[as_before(name)] for name in old})
    assert all(
        torch.equal(fresh.state[p]["exp_avg"], optimiser.state[old[name]]["exp_avg"]) for name, p in new.items()
    )


def test_a_method_may_still_call_its_own_parts_so(tmp_path):
    """Only what is not wanted under its saved name is looked for under another one."""
    kept = {
        name: nn.Parameter(torch.randn(2)) for name in ("tuning.bias", "bias", "head.weight", "heads.pos.weight")
    }
    save_weights(tmp_path / "checkpoint", kept)
    other = {name: nn.Parameter(torch.zeros(2)) for name in kept}
    load_weights(tmp_path / "checkpoint", other)
    assert equal(other, kept)


@pytest.mark.parametrize("with_best", [True, False])
def test_a_resumed_optimiser_goes_on_as_if_nothing_had_been(tmp_path, with_best):
    best = Model(5).values() if with_best else None
    model, states = state_of(tmp_path, best=best, history=[{"step": 1, "loss": 0.1}])
    other = Model(7)
    other.step(head=True)
    numbers, restored, _ = states.load(other.parameters, fresh := adamw(other.parameters, SPEC))
    assert numbers == {"step": 3, "loss_sum": 0.1 + 0.2, "history": [{"step": 1, "loss": 0.1}]}
    assert (restored is None) == (best is None)
    assert best is None or equal(restored, best)
    other.optimiser = fresh
    assert other.parameters["head"] not in fresh.state, "a head that no batch has reached has no moments"
    for head in (False, True, True):
        model.step(head)
        other.step(head)
        assert equal(model.values(), other.values())


def test_only_the_newest_state_stays(tmp_path):
    model, states = state_of(tmp_path)
    model.step()
    states.save(12, model.parameters, model.optimiser, None, {})
    assert [p.name for p in (tmp_path / "resume").iterdir()] == ["resume-000000012"]
    other = Model(1)
    assert states.load(other.parameters, other.optimiser)[0] == {"step": 12}
    assert equal(model.values(), other.values())
    states.clear()
    assert states.load(other.parameters, other.optimiser) is None
    assert not (tmp_path / "resume").exists()


def test_an_incomplete_state_does_not_count(tmp_path):
    model, states = state_of(tmp_path)
    before = copy.deepcopy(model.values())
    newer = tmp_path / "resume" / "resume-000000009"
    newer.mkdir()
    (newer / "model.safetensors").write_text("half")
    temporary = tmp_path / "resume" / ".resume.123.tmp"
    temporary.mkdir()
    (temporary / "manifest.json").write_text("{}")
    other = Model(1)
    assert states.load(other.parameters, other.optimiser)[0]["step"] == 3
    assert equal(before, other.values())
    model.step()
    states.save(9, model.parameters, model.optimiser, None, {})
    assert states.load(other.parameters, other.optimiser)[0]["step"] == 9, "and is replaced by a complete one"
    assert [p.name for p in (tmp_path / "resume").iterdir()] == ["resume-000000009"]


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimiser.safetensors", "best.safetensors", "numbers.json"]
)
def test_a_flipped_byte_in_a_state_is_named(tmp_path, name):
    _, states = state_of(tmp_path, best=Model(5).values())
    folder = tmp_path / "resume" / "resume-000000003"
    assert manifest.is_complete(folder)
    flip(folder / name)
    other = Model(1)
    before = other.values()
    with pytest.raises(InputError, match=name.replace(".", r"\.") + " is damaged"):
        states.load(other.parameters, other.optimiser)
    assert equal(before, other.values()), "nothing was taken from it"
