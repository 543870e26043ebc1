"""Copying runs between stores."""

import pytest

from hxbench import recipe
from hxbench.errors import InputError
from hxbench.store import Store


def _finished(store: Store) -> str:
    spec = recipe.resolve("mbert", setting="multi")
    with store.open_run(spec) as writer:
        writer.write_metrics(
            [{"split": "test", "task": "pos", "language": "qab", "metric": "accuracy", "value": 50.0}]
        )
        (writer.folder / "checkpoint").mkdir()
        (writer.folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
        writer.finish()
    return spec.run_id


def test_a_copy_has_everything_but_the_checkpoint(tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here)
    folder = here.copy(run_id, there)
    assert there.get(run_id).metrics() == here.get(run_id).metrics()
    assert not (folder / "checkpoint").exists()
    assert (here.get(run_id).folder / "checkpoint").exists()
    assert here.copy(run_id, there) == folder  # again: what is there is kept


def test_an_unfinished_run_is_not_copied(tmp_path):
    here = Store(tmp_path / "here")
    spec = recipe.resolve("mbert", setting="multi")
    with here.open_run(spec):
        pass
    with pytest.raises(InputError, match="not finished"):
        here.copy(spec.run_id, Store(tmp_path / "there"))
