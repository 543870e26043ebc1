"""What a finished run was trained on, those that it builds on included."""

from hxbench.methods import method_class
from hxbench.spec import RunSpec
from hxbench.store import RunRecord, Store


def trained_on(record: RunRecord, store: Store) -> dict[str, str]:
    """Return the split of every labelled pair, `TASK-LANGUAGE`, that this run or an earlier one was trained on."""
    found: dict[str, str] = {}
    for earlier in record.fields.get("after", {}).values():
        found |= trained_on(store.finished(earlier), store)
    return found | record.provenance().get("trained_on", {})


def known_languages(record: RunRecord, store: Store) -> set[str]:
    """Return the languages that this run or an earlier one was trained on, by labels or by running text."""
    known = {pair.partition("-")[2] for pair in record.provenance().get("trained_on", {})}
    known |= set(record.provenance().get("mlm", ()))
    for earlier in record.fields.get("after", {}).values():
        known |= known_languages(store.finished(earlier), store)
    return known


def lack(record: RunRecord, store: Store, language: str) -> str | None:
    """Return what the run's method would have needed to do anything for a language; None where it had it."""
    assert isinstance(record.spec, RunSpec)
    kind = method_class(record.spec.kind)
    if kind.needs_text and language not in known_languages(record, store):
        return "running text"
    if kind.needs_text and record.spec.few_shot and language != record.spec.few_shot.language:
        return "an adapter in this few-shot run"
    labelled = {pair.partition("-")[2] for pair in trained_on(record, store)} if kind.needs_labels else {language}
    return None if language in labelled else "a labelled source"
