"""What a plan takes, where no run of the store is like those to do."""

import json

import pytest
from command_line import hxbench
from miniature import spec_for

from hxbench.errors import InputError
from hxbench.runs.scheduler import speed
from hxbench.runs.scheduler.speed import Forecaster, updates_of
from hxbench.spec import recipe
from hxbench.spec.run_spec import FewShotSpec


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """A machine of one GFLOP a second and no GPU, with an empty cache; what was measured of it."""
    calls = []
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(speed, "_measured", lambda *what: calls.append(what) or 1e9)
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    return calls


def test_a_cpu_is_measured_and_a_gpu_that_is_not_here_assumed(measured):
    training = spec_for("mbert").training
    assert Forecaster().speed(100, training) == 1e9
    assert measured == [(128, "fp32", 1)]
    assert "speed of this machine (CPU" in Forecaster().basis(training)
    for one, gpu in ((training, True), (training.model_copy(update={"cpu_threads": None}), False)):
        assert Forecaster(gpu=gpu).speed(100, one) == pytest.approx(7.8e12)
        assert Forecaster(gpu=gpu).basis(one) == "an assumed GPU of 7.8 TFLOP/s, as none is here"
    assert len(measured) == 1


def test_a_measurement_is_of_training():
    found = speed._measured(64, "fp32", 1)
    assert 1e7 < found < 1e13


def test_the_time_is_that_of_the_updates(measured):
    one = recipe.resolve("pet-lora", setting="single", task="rte", profile="paper", size="bert-base")
    twice = one.model_copy(update={"training": one.training.model_copy(update={"updates": 40_000})})
    here, there = Forecaster().of(one), Forecaster().of(twice)
    assert there.seconds == pytest.approx(2 * here.seconds, rel=0.05)
    # two passes and a little through 85 million weights, two FLOPs each, for 32 texts of 32 tokens, on a GPU
    by_hand = 20_000 * (32 * 32 * 2 * 85e6 * 2 / 7.8e12 + 0.005)
    assert by_hand < here.seconds < 1.5 * by_hand
    assert here.weights < 2_000_000
    full = recipe.resolve("pet-ft", setting="single", task="rte", profile="paper", size="bert-base")
    assert Forecaster().of(full).weights > 400_000_000


def test_a_method_that_looks_at_weights_is_planned_without_a_time(measured):
    counted = recipe.resolve("lora", setting="single", task="rte", profile="demo", backbone_name="minilm-l6")
    assert Forecaster().of(counted).seconds > 0
    assert Forecaster().of(counted.model_copy(update={"options": {"type": "SHIRA"}})) is None
    with pytest.raises(InputError, match="C3A of peft does not work on BERT: The block size"):
        Forecaster().of(counted.model_copy(update={"options": {"type": "C3A"}}))


def test_virtual_tokens_are_read_like_those_of_a_text(measured):
    prompt, lora = (
        recipe.resolve(name, setting="single", task="rte", profile="paper", size="bert-base")
        for name in ("pet-prompt", "pet-lora")
    )
    one, other = Forecaster(), Forecaster()
    begun_with_prompt = [one.of(spec).seconds for spec in (prompt, lora)]
    begun_with_lora = [other.of(spec).seconds for spec in (lora, prompt)]
    assert begun_with_prompt[::-1] == pytest.approx(begun_with_lora, rel=0.05)
    # without the constant time of an update: 100 virtual tokens before 32 of a text
    long, short = (
        seconds - 0.005 * updates_of(spec) for seconds, spec in zip(begun_with_prompt, (prompt, lora), strict=True)
    )
    assert long / short == pytest.approx((100 + 32) / 32, rel=0.05)


def test_updates_of_epochs():
    few = spec_for("mbert", training={"updates": None, "epochs": 4, "batch_size": 8})
    shot = few.model_copy(update={"few_shot": FewShotSpec(task="pos", language="ar", k=20)})
    assert updates_of(shot) == 4 * 3
    assert updates_of(spec_for("mbert")) == spec_for("mbert").training.updates


@pytest.mark.parametrize(
    "words",
    [
        ("run", "hyperx/table2", "--profile", "paper"),
        pytest.param(("run", "hyperx/table2", "--profile", "lab"), marks=pytest.mark.matrix),
        pytest.param(("run", "pha/table1", "--profile", "paper"), marks=pytest.mark.matrix),
        pytest.param(
            ("sweep", "scaling", "--profile", "paper", "--size", "t5-large", "--seed", "1"),
            marks=pytest.mark.matrix,
        ),
        pytest.param(("train", "pha", "--suite", "glue", "--profile", "paper"), marks=pytest.mark.matrix),
        ("fewshot", "mbert", "--profile", "lab", "--k", "5"),
    ],
    ids=" ".join,
)
def test_papers_are_planned_with_nothing_on_the_machine(words, measured, monkeypatch, tmp_path):
    monkeypatch.setattr("socket.socket.connect", None)
    answer = hxbench(*words, "--dry-run", "--json", "--store", tmp_path / "none")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert found["to_do"] == len(found["runs"]) > 0
    assert found["unknown"] == 0
    assert found["bytes"]["store"] > 0
    assert all(one["here"] is False and one["size"] > 1e6 for one in found["backbones"])
    assert list(found["device_hours"]) == ["GPU" if "paper" in words else "CPU core"]
    assert min(found["device_hours"].values()) > 0
    assert not any(tmp_path.iterdir()), "a dry run writes nothing"


def test_a_plan_says_what_is_lacking_offline(measured):
    words = ("pet-lora", "--setting", "single", "--task", "rte", "--profile", "paper", "--offline", "--dry-run")
    answer = hxbench("train", *words)
    assert "Backbone t5-v1_1-base is not on this machine" in answer.out
    assert "lacks" in answer.out
    assert "rte" in answer.out
    words = ("train", "mbert", "--profile", "lab", "--offline", "--dry-run", "--json")
    assert "--data-source DIR names it" in json.loads(hxbench(*words).out)["lacking"][0]
