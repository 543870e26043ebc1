"""One run as it lies in the store, read when asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench.errors import InputError
from hxbench.store.checks import STATES, DamagedRun
from hxbench.store.files import read_json_lines

if TYPE_CHECKING:
    from hxbench.spec import RunSpec

__all__ = ["STATES", "DamagedRun", "RunRecord", "read_mapping", "read_record"]


@dataclass(frozen=True)
class RunRecord:
    """A stored run: its id, its spec (the plain mapping if a schema of another version wrote it), its status."""

    id: str
    spec: "RunSpec | dict[str, Any]"
    status: dict[str, Any]
    folder: Path

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return str(self.status.get("state", "interrupted"))

    @property
    def removal(self) -> str:
        """The command that deletes the run, in whatever store it is."""
        return f"hxbench runs rm {self.id} --store {self.folder.parents[1]}"

    @property
    def fields(self) -> Mapping[str, Any]:
        """The spec as a mapping, whatever version wrote it."""
        return self.spec if isinstance(self.spec, dict) else self.spec.model_dump(mode="json")

    @property
    def title(self) -> str:
        """What a person calls the run."""
        if not isinstance(self.spec, dict):
            return self.spec.title
        return " ".join(str(self.spec.get(key, "?")) for key in ("method", "setting", "seed", "profile"))

    def metrics(self) -> list[dict[str, Any]]:
        """Return the rows of `metrics.jsonl`: split, task, language, metric, value, step, role."""
        return self._rows("metrics.jsonl")

    def history(self) -> list[dict[str, Any]]:
        """Return the rows of `history.jsonl`: step, loss, lr, tokens and whatever the loop logged."""
        return self._rows("history.jsonl")

    def provenance(self) -> dict[str, Any]:
        """Return where the run comes from: code, data, libraries, device."""
        try:
            return read_mapping(self.folder / "provenance.json")
        except FileNotFoundError:
            return {}

    def predictions(self, task: str, language: str) -> dict[str, list[Any]]:
        """Return the columns sentence, gold and predicted of a pair, one row a sentence."""
        import pyarrow.parquet

        path = self.folder / "predictions" / f"{task}-{language}.parquet"
        if not path.is_file():
            raise InputError(f"run {self.id} has no predictions for {task}-{language}.")
        return dict(pyarrow.parquet.read_table(path).to_pydict())

    def sentence_counts(self) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
        """Return each test sentence's correct, predicted and gold counts by (task, language); {} without them."""
        import pyarrow.parquet

        path = self.folder / "sentences.parquet"
        if not path.is_file():
            return {}
        found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        try:
            columns = pyarrow.parquet.read_table(path).to_pydict().values()
        except (OSError, pyarrow.ArrowException) as error:
            raise DamagedRun(f"run {self.id}: {path.name} is not readable ({error}).") from None
        for task, language, correct, predicted, gold in zip(*columns, strict=True):
            found.setdefault((task, language), []).append((correct, predicted, gold))
        return found

    def retrieval(self) -> dict[str, Any] | None:
        """Return what the retriever made of test instances (PHA, Figures 4 and 5); None for a run without it.

        `tasks` are the trained tasks, `instances` the tasks of the instances with their numbers `n`, `analysis`
        numbers about them; the arrays are `prototypes` [tasks, d′] (none in an ablation), `features`
        [instances, d] (mean encoder output), `z` [instances, d′], and `task` [instances], the place of its task
        in `instances`.
        Raises `DamagedRun` when a file is not readable or the two do not belong together.
        """
        try:
            facts = read_mapping(self.folder / "retrieval.json")
        except FileNotFoundError:
            return None
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            arrays = load_file(self.folder / "retrieval.safetensors")
        except (OSError, SafetensorError) as error:
            raise DamagedRun(f"run {self.id}: retrieval.safetensors is not readable ({error}).") from None
        found = {**facts, **arrays}
        if missing := {"tasks", "instances", "analysis", "prototypes", "features", "z", "task"} - found.keys():
            raise DamagedRun(f"run {self.id}: its retrieval lacks {', '.join(sorted(missing))}.")
        sizes = {len(found[name]) for name in ("features", "z", "task")}
        if len(sizes) > 1 or len(found["prototypes"]) not in (0, len(found["tasks"])):
            raise DamagedRun(f"run {self.id}: retrieval.json and retrieval.safetensors do not belong together.")
        return found

    def _rows(self, name: str) -> list[dict[str, Any]]:
        try:
            return read_json_lines(self.folder / name)
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise DamagedRun(f"run {self.id}: {error}") from None


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; `FileNotFoundError` passes through, anything else is a `DamagedRun`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise DamagedRun(f"{path}: not readable ({error}).") from None
    if not isinstance(value, dict):
        raise DamagedRun(f"{path}: expected a JSON object.")
    return value


def read_record(run_id: str, folder: Path) -> RunRecord:
    """Return the run in `folder`; raises `DamagedRun` when its status or spec is missing or unreadable."""
    import yaml
    from pydantic import ValidationError

    from hxbench.spec import RunSpec

    try:
        status = read_mapping(folder / "status.json")
        text = (folder / "spec.yaml").read_text(encoding="utf-8")
        # the C loader reads a store of a thousand runs in a second, the Python one in ten
        fields = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError as error:
        raise DamagedRun(f"run {run_id}: {Path(error.filename).name} is missing in {folder}.") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DamagedRun(f"run {run_id}: spec.yaml is not readable ({str(error).splitlines()[0]}).") from None
    if not isinstance(fields, dict):
        raise DamagedRun(f"run {run_id}: spec.yaml holds no mapping.")
    try:
        spec: RunSpec | dict[str, Any] = RunSpec.model_validate(fields)
    except ValidationError:
        spec = fields
    return RunRecord(run_id, spec, status, folder)
