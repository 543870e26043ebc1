"""Runs followed by a tracker: a stand-in for `tensorboardX`, which accelerate's own tracker writes to."""

import json
import os
from types import SimpleNamespace

import pytest
from command_line import ended, hxbench, started
from miniature import spec_for

from hxbench.cli.completion import TRACKERS
from hxbench.runs.tracking import Tracking
from hxbench.store import Store

WRITER = """
import json, pathlib

class SummaryWriter:
    def __init__(self, folder):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        self.file = open(pathlib.Path(folder, "rows.jsonl"), "a")
    def add_hparams(self, values, metric_dict):
        self.add_scalar("hparams", values, None)
    def add_scalar(self, name, value, global_step):
        print(json.dumps([global_step, name, value]), file=self.file)
    def flush(self):
        self.file.flush()
    def close(self):
        self.file.close()
"""


@pytest.mark.matrix
def test_a_tracker_is_told_what_the_store_is_told(scale, tmp_path):
    site = tmp_path / "site"
    (site / "tensorboardX").mkdir(parents=True)
    (site / "tensorboardX" / "__init__.py").write_text(WRITER)
    (site / "tensorboardx-2.6.dist-info").mkdir()
    (site / "tensorboardx-2.6.dist-info" / "METADATA").write_text("Name: tensorboardX\nVersion: 2.6\n")
    store = tmp_path / "store"
    words = scale.train("--partition", "a", "--workers", 2, "--store", store)
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    answer = ended(started(*words, "--track", "tensorboard", PYTHONPATH=path))
    assert answer.code == 0, answer.err
    (record,) = Store(store).runs()
    assert f"in the store already, run {record.id}" in hxbench(*words).err, "nothing of it is part of a run"
    (file,) = (store / "tracking").rglob("rows.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    told = {(step, name): value for step, name, value in rows}
    assert told[None, "hparams"]["run"] == record.id
    assert [[step, value] for step, name, value in rows if name == "loss"] == [
        [row["step"], pytest.approx(row["loss"])] for row in record.history()
    ]
    assert [step for step, name in told if name == "dev/mean/score"] == [8, 16, 24]
    for row in record.metrics():
        if row["split"] == "test":
            assert told[24, f"test/{row['task']}/{row['language']}/{row['metric']}"] == row["value"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wandb", "--track wandb: its package is not installed here (pip install wandb)."),
        ("wandbb", "unknown tracker 'wandbb'. Did you mean wandb"),
    ],
)
def test_a_tracker_that_is_not_there(scale, tmp_path, name, said):
    answer = hxbench(*scale.train("--track", name, "--store", tmp_path / "store"))
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert not (tmp_path / "store").exists()


def test_a_tracker_that_fails_costs_no_run(capsys):
    calls = []

    def log(values, step):
        calls.append(step)
        raise ConnectionError("nobody there")

    service = SimpleNamespace(init_trackers=lambda *_, **__: None, log=log, trackers=[])
    tracking = Tracking("wandb", spec_for("mbert"), service)
    for step in range(1, 101):
        tracking.loss(step, 100, 1.0)
    tracking.finish()
    assert calls == [50]
    assert capsys.readouterr().err.count("wandb follows mbert") == 1


def test_the_names_are_those_of_the_library():
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    assert set(map(str, LOGGER_TYPE_TO_CLASS)) <= set(TRACKERS)
