"""Copying runs between stores."""

import pytest

from hxbench import recipe
from hxbench.errors import InputError
from hxbench.spec import FewShotSpec
from hxbench.store import Store

FEW = FewShotSpec(task="pos", language="qab", k=5)
COUNTS = {"task": ["pos"], "language": ["qab"], "correct": [1], "predicted": [2], "gold": [2]}


def _finished(store: Store, few_shot: FewShotSpec | None = None) -> str:
    spec = recipe.resolve("mbert", setting="multi").model_copy(update={"few_shot": few_shot})
    with store.open_run(spec) as writer:
        writer.write_sentence_counts(COUNTS)
        writer.write_history([{"step": 1, "loss": 2.0}])
        writer.write_predictions("pos", "qab", {"sentence": [0], "gold": [["X", "X"]], "predicted": [["X", "Y"]]})
        writer.write_metrics(
            [{"split": "test", "task": "pos", "language": "qab", "metric": "accuracy", "value": 50.0}]
        )
        (writer.folder / "checkpoint").mkdir()
        (writer.folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
        writer.finish()
    return spec.run_id


@pytest.mark.parametrize("few_shot", [None, FEW])
def test_a_copy_has_what_is_published_and_no_labels(tmp_path, few_shot):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    run_id = _finished(here, few_shot)
    folder = here.copy(run_id, there)
    assert there.get(run_id).metrics() == here.get(run_id).metrics()
    kept = {"spec.yaml", "status.json", "metrics.jsonl", "manifest.json"}
    kept |= set() if few_shot else {"history.jsonl", "sentences.parquet"}
    assert {path.name for path in folder.iterdir()} == kept
    assert few_shot or there.get(run_id).sentence_counts() == {("pos", "qab"): [(1, 2, 2)]}
    assert (here.get(run_id).folder / "checkpoint").exists()
    assert here.copy(run_id, there) == folder  # again: what is there is kept


def test_an_unfinished_run_is_not_copied(tmp_path):
    here = Store(tmp_path / "here")
    spec = recipe.resolve("mbert", setting="multi")
    with here.open_run(spec):
        pass
    with pytest.raises(InputError, match="not finished"):
        here.copy(spec.run_id, Store(tmp_path / "there"))
