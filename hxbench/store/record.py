"""One run as it lies in the store, read when asked for and checked whenever it is."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hxbench import plain_data
from hxbench.errors import InputError
from hxbench.plain_data import decoded, load_json, load_yaml
from hxbench.store.arrays import counts_in, predictions_in
from hxbench.store.checks import (
    DamagedRun,
    checked_history,
    checked_provenance,
    checked_rows,
    checked_status,
    damaged,
    parsed,
    reading,
    with_known_names,
)
from hxbench.store.contents import LARGEST_FILE, check_small, read_content, read_digests, read_text
from hxbench.store.plateau import Ends, plateaus

if TYPE_CHECKING:
    from hxbench.spec.run_spec import RunSpec

_LARGEST_ROWS = 200_000_000  # bytes of a history; a row is limited as any JSON text


@dataclass(frozen=True)
class RunRecord:
    """A stored run: its id, its spec (the plain mapping if a schema of another version wrote it), its status."""

    id: str
    spec: "RunSpec | dict[str, Any]"
    status: dict[str, Any]
    place: Path | str  # its folder
    digests: Mapping[str, str] | None = None  # of its manifest; None for a run stored before there were any
    rows_fit: bool = False  # whether the metrics of these digests were checked before

    @cached_property
    def folder(self) -> Path:
        """The folder that the run lies in."""
        return Path(self.place)  # of thousands that are listed none is asked

    @property
    def state(self) -> str:
        """One of `checks.STATES`."""
        return str(self.status.get("state", "interrupted"))

    @property
    def run_spec(self) -> "RunSpec":
        """The spec, of a run that is known to be of this version: those of others have been left out."""
        assert not isinstance(self.spec, dict), f"run {self.id} is of another version"
        return self.spec

    @property
    def finished(self) -> str:
        """When it was finished, as text that sorts; nothing where that is not known."""
        return str(self.status.get("finished", ""))

    @cached_property
    def plateaus(self) -> Ends:
        """The tasks whose training ended on or above the plateau of their labels, as far as known."""
        return plateaus(self.status)

    @property
    def removal(self) -> str:
        """The command that deletes the run, in whatever store it is."""
        return f"hxbench runs rm {self.id} --store {self.root}"

    @property
    def root(self) -> Path:
        """The store that the run is in."""
        return self.folder.parents[1]

    def said(self, *names: str) -> Any:
        """Return what the spec says in a field, or in one within another, whatever version wrote it; else None."""
        found: Any = self.spec
        for name in names:
            found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        return found

    @property
    def paper(self) -> str:
        """The paper that the run is of."""
        return str(self.said("paper"))

    @property
    def ground(self) -> str:
        """The paper in whose artifacts the run belongs; of a run of another version, what its spec says."""
        return self.paper if isinstance(self.spec, dict) else self.spec.ground

    @property
    def profile(self) -> str:
        """The profile that the run is of."""
        return str(self.said("profile"))

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

    @property
    def few_shot(self) -> bool:
        """Whether it was tuned on a few examples of one pair."""
        return bool(self.said("few_shot"))

    def stored_spec(self) -> dict[str, Any]:
        """Return what is stored as `spec.yaml`, the number of its schema included."""
        text = read_text(self.id, self.folder, "spec.yaml", self.digests)
        return dict(parsed(self.id, load_yaml, text, "spec.yaml"))

    def metrics(self) -> list[dict[str, Any]]:
        """Return the rows of `metrics.jsonl`: split, task, language, metric, value, step, role."""
        if self.rows_fit:
            lines = (self._text("metrics.jsonl") or "").removesuffix("\n").replace("\n", ",")
            return with_known_names(self.id, json.loads(f"[{lines}]"))
        return checked_rows(self.id, self._rows("metrics.jsonl"), finished=self.state == "done")

    def history(self) -> list[dict[str, Any]]:
        """Return the rows of `history.jsonl`: step, loss, lr, tokens and whatever the loop logged."""
        return checked_history(self.id, self._rows("history.jsonl"))

    def provenance(self) -> dict[str, Any]:
        """Return where the run comes from: code, data, libraries, device."""
        facts = self._mapping("provenance.json")
        return {} if facts is None else checked_provenance(self.id, facts)

    def predictions(self, task: str, language: str) -> dict[str, list[Any]]:
        """Return the columns sentence, gold and predicted of a pair, one row a sentence."""
        content = self._content(f"predictions/{task}-{language}.parquet", LARGEST_FILE)
        if content is None:
            raise InputError(f"run {self.id} has no predictions for {task}-{language}.")
        return predictions_in(self.id, content)

    def sentence_counts(self) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
        """Return each test sentence's correct, predicted and gold counts by (task, language); {} without them."""
        content = self._content("sentences.parquet", LARGEST_FILE)
        return {} if content is None else counts_in(self.id, content)

    def retrieval(self) -> dict[str, Any] | None:
        """Return what the retriever made of test instances (PHA, Figures 4 and 5); None for a run without it.

        `tasks` are the trained tasks, `instances` the tasks of the instances with their numbers `n`, `analysis`
        numbers about them; the arrays are `prototypes` [tasks, d′] (none in an ablation), `features`
        [instances, d] (mean encoder output), `z` [instances, d′], and `task` [instances], the place of its task
        in `instances`.
        Raises `DamagedRun` when a file is not readable or the two do not belong together.
        """
        facts = self._mapping("retrieval.json")
        if facts is None:
            return None
        content = self._content("retrieval.safetensors", LARGEST_FILE)
        if content is None:
            raise damaged(self.id, "retrieval.safetensors is missing")
        from hxbench.store.retrieval import retrieval_in

        return retrieval_in(self.id, facts, content)

    def _content(self, name: str, largest: int) -> bytes | None:
        """Return what a file holds that a run may be without, as its manifest has it."""
        try:
            return read_content(self.id, self.folder, name, self.digests, largest)
        except FileNotFoundError:
            return None

    def _text(self, name: str, largest: int = _LARGEST_ROWS) -> str | None:
        content = self._content(name, largest)
        with reading(self.id, name):
            return None if content is None else decoded(content, name)

    def _mapping(self, name: str) -> dict[str, Any] | None:
        text = self._text(name)
        if text is None:
            return None
        value = parsed(self.id, load_json, text, name)
        if not isinstance(value, dict):
            raise damaged(self.id, f"{name} holds no mapping")
        return value

    def _rows(self, name: str) -> Iterator[Any]:
        # not splitlines(): a string may hold what that takes for the end of a line
        lines = (self._text(name) or "").removesuffix("\n").split("\n")
        for number, line in enumerate(lines if lines != [""] else [], 1):
            yield parsed(self.id, load_json, line, f"{name}, line {number}")


class ProfileRuns:
    """The finished runs on a paper's ground at a profile, the many few-shot ones apart; read when asked for."""

    def __init__(self, plain: Callable[[], list[RunRecord]], few_shot: Callable[[], list[RunRecord]]) -> None:
        self._plain, self._few_shot = plain, few_shot

    @cached_property
    def plain(self) -> list[RunRecord]:
        """The runs that are trained from the beginning."""
        return self._plain()

    @cached_property
    def few_shot(self) -> list[RunRecord]:
        """The runs that are tuned on a few examples."""
        return self._few_shot()


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; `FileNotFoundError` passes through, anything else is a `DamagedRun`."""
    try:
        value = load_json(plain_data.read_text(path, _LARGEST_ROWS), path.name, _LARGEST_ROWS)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise DamagedRun(f"{path.parent}: {str(error).removesuffix('.')}.") from None
    if not isinstance(value, dict):
        raise DamagedRun(f"{path}: expected a JSON object.")
    return value


def read_record(run_id: str, folder: Path, *, finished: bool = True) -> tuple[RunRecord, dict[str, Any]]:
    """Return the run in `folder`, and what is stored as its `spec.yaml`; `DamagedRun` when it is none of this id.

    Of a finished run everything small is compared with its manifest.
    """
    from hxbench.spec.stored import KEY
    from hxbench.store.stored_spec import checked_spec

    digests = read_digests(run_id, folder) if finished else None
    try:
        status, spec = (read_text(run_id, folder, name, digests) for name in ("status.json", "spec.yaml"))
    except FileNotFoundError as error:
        raise damaged(run_id, f"{Path(error.filename).name} is missing") from None
    stored = parsed(run_id, load_yaml, spec, "spec.yaml")
    checked = checked_spec(run_id, stored)
    state = checked_status(run_id, parsed(run_id, load_json, status, "status.json"))
    record = RunRecord(run_id, checked, state, folder, digests)
    if not finished:
        return record, stored
    if record.state != "done":
        raise damaged(run_id, f"its status is {record.state}, not done")
    if digests is not None:
        check_small(run_id, folder, digests, few_shot=record.few_shot)
    elif stored.get(KEY):
        raise damaged(run_id, "its manifest is missing")
    elif not (folder / "metrics.jsonl").is_file():
        raise damaged(run_id, "metrics.jsonl is missing")
    return record, stored
