"""What the parsed files of a stored run may hold: whoever wrote them, nothing else reaches a reader.

The functions take values, not paths, so that every form of a store checks alike. Each raises `DamagedRun` with a
sentence that names the run.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hxbench.errors import InputError, reason
from hxbench.printing import shown
from hxbench.store.plateau import FIELD as LABEL_LOSSES

STATES = ("running", "interrupted", "failed", "done")
_SCORED = ("test", "test-composed")
_LONGEST = 200  # characters of a name
_COUNTS = ("step", "sentences", "words", "words_cut", "cut", "unreadable")


class DamagedRun(InputError):  # noqa: N818 - named beside RunBusy
    """A file of a stored run is missing, does not fit the others or cannot be read."""


def damaged(run_id: str, what: str) -> DamagedRun:
    """Return the error that says what is wrong with a run."""
    return DamagedRun(f"run {shown(run_id)}: {what}.")


@contextmanager
def reading(run_id: str, name: str) -> Iterator[None]:
    """Let a file that cannot be read or parsed be a `DamagedRun`; `FileNotFoundError` passes through."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise damaged(run_id, f"{name} cannot be read ({reason(error)})") from None
    except ValueError as error:  # which names the file
        raise damaged(run_id, reason(error)) from None


def parsed(run_id: str, load: Callable[[str, str], Any], text: str, what: str) -> Any:
    """Return what `load` (of JSON or YAML) makes of a text."""
    with reading(run_id, what):
        return load(text, what)


def is_name(value: object) -> bool:
    """Return whether a value may stand where a name is printed."""
    return isinstance(value, str) and len(value) <= _LONGEST and value.isprintable()


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _checked(
    run_id: str, where: str, fields: Mapping[str, Any], names: Iterable[str], right: Any, what: str
) -> None:
    for name in names:
        value = fields.get(name)
        if value is not None and not right(value):
            raise damaged(run_id, f"{where}: {name} is {shown(value)}, no {what}")


def checked_status(run_id: str, status: object) -> dict[str, Any]:
    """Return the content of `status.json`."""
    if not isinstance(status, dict):
        raise damaged(run_id, "status.json holds no mapping")
    if status.get("state", "interrupted") not in STATES:
        raise damaged(run_id, f"status.json: {shown(status['state'])} is no state of a run")
    _checked(run_id, "status.json", status, ("step", "updates", "best_step"), _is_count, "count")
    _checked(run_id, "status.json", status, ("wall_seconds", "scoring_seconds"), _is_number, "number")
    _checked(run_id, "status.json", status, ("started", "updated", "finished"), is_name, "time")
    _checked(run_id, "status.json", status, ("error",), lambda value: isinstance(value, str), "text")
    _checked(run_id, "status.json", status, (LABEL_LOSSES,), _are_label_losses, "losses and entropies by task")
    return status


def _are_label_losses(value: object) -> bool:
    from hxbench.tasks import task_names

    return isinstance(value, dict) and all(
        task in task_names()
        and isinstance(told, dict)
        and told.keys() == {"loss", "entropy"}
        and all(_is_number(one) and one >= 0 for one in told.values())
        and told["entropy"] > 0
        for task, told in value.items()
    )


def is_language(code: str) -> bool:
    """Return whether a language has this code."""
    return not unknown_languages([code])


def unknown_languages(codes: Iterable[str]) -> set[str]:
    """Return those that are no language's code."""
    from hxbench.spec.languages import declared_languages, language_set  # which read descriptions by pydantic

    return {*codes}.difference(language_set("hyperx"), language_set("sandbox"), declared_languages.known)


def _objects(run_id: str, name: str, rows: Iterable[object]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a file, each with where it stands."""
    for number, row in enumerate(rows, 1):
        where = f"{name}, line {number}"
        if not isinstance(row, dict):
            raise damaged(run_id, f"{where}: expected a JSON object")
        yield where, row


def checked_rows(run_id: str, rows: Iterable[object], *, finished: bool = True) -> list[dict[str, Any]]:
    """Return the rows of `metrics.jsonl`; a finished run has some."""
    checked: list[dict[str, Any]] = []
    for where, row in _objects(run_id, "metrics.jsonl", rows):
        _checked(run_id, where, row, ("split", "task", "language", "metric", "role", "embedding"), is_name, "name")
        _checked(run_id, where, row, _COUNTS, _is_count, "count")
        _checked(run_id, where, row, ("value",), _is_number, "number")
        lacking = [name for name in ("task", "language", "metric") if row.get(name) is None]
        if row.get("split") in _SCORED and lacking:
            raise damaged(run_id, f"{where}: a score without its {lacking[0]}")
        if row.get("split") == "cost" and row.get("metric") is None:
            raise damaged(run_id, f"{where}: a cost without its metric")
        if (row.get("split"), row.get("metric")) == ("dev", "score") and row.get("step") is None:
            raise damaged(run_id, f"{where}: a validation score without its step")
        checked.append(row)
    if finished and not checked:
        raise damaged(run_id, "metrics.jsonl is empty")
    return with_known_names(run_id, checked)


def with_known_names(run_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of `metrics.jsonl` whose tasks and languages there are today, where all else was checked."""
    from hxbench.tasks import task_names

    scored = [row for row in rows if row.get("split") in _SCORED]
    unknown = {row["task"] for row in scored} - {*task_names()}
    foreign = unknown_languages({row["language"] for row in scored})
    if unknown or foreign or any("composed_of" in row for row in rows):
        for number, row in enumerate(rows, 1):  # which one
            where = f"metrics.jsonl, line {number}"
            if row.get("split") in _SCORED and row["task"] in unknown:
                raise damaged(run_id, f"{where}: the task {shown(row['task'])} is unknown")
            if row.get("split") in _SCORED and row["language"] in foreign:
                raise damaged(run_id, f"{where}: the language {shown(row['language'])} is unknown")
            if (made := row.get("composed_of")) is not None and not (
                isinstance(made, dict | list) and all(isinstance(code, str) and is_language(code) for code in made)
            ):
                raise damaged(run_id, f"{where}: composed_of names no languages")
    return rows


def checked_history(run_id: str, rows: Iterable[object]) -> list[dict[str, Any]]:
    """Return the rows of `history.jsonl`."""
    checked: list[dict[str, Any]] = []
    for where, row in _objects(run_id, "history.jsonl", rows):
        _checked(run_id, where, row, row, _is_number, "number")
        checked.append(row)
    return checked


def checked_provenance(run_id: str, facts: object) -> dict[str, Any]:
    """Return the content of `provenance.json`."""
    if not isinstance(facts, dict):
        raise damaged(run_id, "provenance.json holds no mapping")
    _checked(run_id, "provenance.json", facts, ("device", "data_source", "hxbench"), is_name, "name")
    trained = facts.get("trained_on", {})
    if not isinstance(trained, dict) or not all(is_name(name) for pair in trained.items() for name in pair):
        raise damaged(run_id, "provenance.json: trained_on is no mapping of names")
    read = facts.get("mlm", [])
    if not isinstance(read, list) or not all(is_name(name) for name in read):
        raise damaged(run_id, "provenance.json: mlm is no list of names")
    return facts
