"""The stored rows of many runs as one pandas DataFrame, each row with all that identifies its run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError
from hxbench.store.checks import DamagedRun
from hxbench.store.record import RunRecord

if TYPE_CHECKING:
    import pandas as pd

TEXT, COUNT, NUMBER = "string", "Int64", "float64"  # a missing text is not "", a missing count not 0
# What identifies a run. `own_task` and `own_language` are those of a model of one alone.
RUN_COLUMNS = {
    "run": TEXT, "paper": TEXT, "ground": TEXT, "profile": TEXT, "method": TEXT, "variant": TEXT, "setting": TEXT,
    "suite": TEXT, "together": TEXT, "own_task": TEXT, "own_language": TEXT, "partition": TEXT, "seed": COUNT,
    "backbone": TEXT, "weights": TEXT, "origin": TEXT, "own_data": TEXT, "lr": NUMBER, "changes": TEXT,
    "shot_task": TEXT, "shot_language": TEXT, "k": COUNT, "draw": COUNT,
}  # fmt: skip
# What a row says. `n` is how many sentences or examples its value is over.
ROW_COLUMNS = {
    "split": TEXT, "task": TEXT, "language": TEXT, "role": TEXT, "metric": TEXT, "value": NUMBER, "n": COUNT,
    "step": COUNT, "words": COUNT, "words_cut": COUNT, "cut": COUNT, "unreadable": COUNT, "embedding": TEXT,
    "on_plateau": "bool",
}  # fmt: skip


def identity_of(record: RunRecord) -> dict[str, Any]:
    """Return the values of `RUN_COLUMNS` of a run; what another version of hxbench did not say is missing."""
    spec = record.spec
    fields: Any = spec.get if isinstance(spec, dict) else lambda name: getattr(spec, name, None)

    def within(part: str, name: str) -> Any:
        one = fields(part)
        return one.get(name) if isinstance(one, dict) else getattr(one, name, None)

    changes, title = "", None
    if not isinstance(spec, dict):
        changes = " ".join(word for name, word in spec.conditions.items() if word and name != "partition")
        title = spec.data.described.title if spec.data.described else None
    return {
        "run": record.id,
        "ground": record.ground,
        **{name: fields(name) for name in ("paper", "profile", "method", "variant", "setting", "suite")},
        "together": "+".join(fields("together") or ()) or None,
        "own_task": fields("task"),
        "own_language": fields("language"),
        "partition": fields("partition"),
        "seed": fields("seed"),
        "backbone": within("backbone", "name"),
        "weights": within("backbone", "weights"),
        "origin": within("data", "origin"),
        "own_data": title,
        "lr": within("training", "lr"),
        "changes": changes,
        **{name: within("few_shot", name[5:]) for name in ("shot_task", "shot_language")},
        **{name: within("few_shot", name) for name in ("k", "draw")},
    }


def run_frame(records: Iterable[RunRecord]) -> "pd.DataFrame":
    """Return `RUN_COLUMNS`, a row a run."""
    import pandas as pd

    runs = [identity_of(record) for record in records]
    return pd.DataFrame({name: _column([one[name] for one in runs], kind) for name, kind in RUN_COLUMNS.items()})


def frame(records: Iterable[RunRecord], problems: list[str]) -> "pd.DataFrame":
    """Return the rows of the runs' metrics with `RUN_COLUMNS` and `ROW_COLUMNS`, run by run as they are stored.

    Of a run whose metrics are damaged there is no row; `problems` gets a sentence that says so.
    """
    import numpy as np
    import pandas as pd

    rows: dict[str, list[Any]] = {name: [] for name in ROW_COLUMNS}
    whole: list[RunRecord] = []
    lengths: list[int] = []
    stored = [(name, "sentences" if name == "n" else name) for name in ROW_COLUMNS if name != "on_plateau"]
    for record in records:
        try:
            metrics = record.metrics()
        except DamagedRun as error:
            problems.append(str(error))
            continue
        for name, key in stored:
            rows[name] += [row.get(key) for row in metrics]
        plateaus = record.plateaus
        rows["on_plateau"] += [row.get("task") in plateaus for row in metrics]
        whole.append(record)
        lengths.append(len(metrics))
    of_rows = pd.DataFrame({name: _column(rows[name], kind) for name, kind in ROW_COLUMNS.items()})
    of_runs = run_frame(whole).take(np.repeat(np.arange(len(whole)), lengths)).reset_index(drop=True)
    return pd.concat([of_runs, of_rows], axis=1)


def predictions_frame(record: RunRecord, task: str | None, language: str | None) -> "pd.DataFrame":
    """Return what a run predicted of the tasks and languages that are wanted, a row a sentence.

    Raises `InputError` for a run that is kept without predictions of these.
    """
    import pandas as pd

    parts = []
    tested = [row for row in record.metrics() if row.get("split") == "test"]
    for pair in dict.fromkeys((row["task"], row["language"]) for row in tested):
        if (task or pair[0], language or pair[1]) == pair:
            try:
                columns = record.predictions(*pair)
            except DamagedRun:
                raise
            except InputError:
                continue  # not of every pair
            parts.append(pd.DataFrame({"task": pair[0], "language": pair[1], **columns}))
    if not parts:
        raise InputError(f"run {record.id} has no predictions of these: it is kept without them.")
    return pd.concat(parts, ignore_index=True)


def _column(values: list[Any], kind: Any) -> Any:
    import pandas as pd

    return pd.array(values, dtype=kind)
