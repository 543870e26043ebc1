"""What a plan says before anything is done: whether GPUs are asked for, and what forbids the network."""

import pytest
from command_line import hxbench

from hxbench.cli.plan import _gives_gpus, _of_backbone
from hxbench.runs.scheduler.launcher import launcher
from hxbench.runs.scheduler.on_slurm import OnSlurm
from hxbench.runs.scheduler.outlook import Coming


@pytest.mark.parametrize(
    ("options", "gives"),
    [
        (["--partition=gpu-short"], True),
        (["--partition", "gpu"], True),
        (["-p", "long,gpu"], True),
        (["--gpus=1"], True),
        (["--gpus-per-node=a100:2"], True),
        (["-G", "2"], True),
        (["--gres=gpu"], True),
        (["--gres=gpu:1"], True),
        (["--gres=shard:2,gpu:a100:4"], True),
        (["--time=4:00:00", "--gres=gpu:10"], True),
        (["--gres=gpu:0"], False),
        (["--gpus=0"], False),
        (["--exclude=gpu03"], False),
        (["--nodelist", "gpu03"], False),
        (["--job-name=gpu-or-not"], False),
        (["--partition=cpu", "--exclude=gpu[01-04]"], False),
        ([], False),
    ],
)
def test_gpus_are_given_where_sbatch_is_asked_for_them(options, gives):
    assert _gives_gpus(OnSlurm(tuple(options))) is gives
    assert not _gives_gpus(launcher(workers=1))


def test_what_forbids_the_network_is_named():
    away = Coming("mine", "tests/mine", False, None, 0.0, "CPU core")
    for forbidding in ("--offline", "HF_HUB_OFFLINE=1"):
        assert f"from tests/mine, which {forbidding} forbids." in _of_backbone(away, forbidding)
    assert "forbids" not in _of_backbone(away, "")


@pytest.mark.parametrize(
    ("place", "said"), [("local", ""), ("ray", " as tasks of Ray"), ("slurm", " as array jobs of Slurm")]
)
def test_a_plan_says_where_its_runs_are_to_go(place, said, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = ("train", "mbert", "--setting", "multi", "--dry-run", "--on", place, "--store", tmp_path)
    shown = hxbench(*words)
    assert shown.code == 0, shown.err
    assert f"1 run to do{said}, " in shown.out
