"""What a finished run was trained on, those that it builds on included."""

from dataclasses import dataclass

from hxbench.methods import method_class
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord, Store


@dataclass(frozen=True)
class Lineage:
    """The training behind a run: `trained` has the split of every labelled pair, `TASK-LANGUAGE`."""

    trained: dict[str, str]
    texts: frozenset[str]  # languages by whose raw text it was trained

    @property
    def known(self) -> set[str]:
        """The languages of any training, by labels or by raw text."""
        return {*self.labelled, *self.texts}

    @property
    def labelled(self) -> set[str]:
        """The languages with a labelled pair."""
        return {pair.partition("-")[2] for pair in self.trained}


def lineage(record: RunRecord, store: Store) -> Lineage:
    """Return the training behind a run of `store`; the run's own comes before that of earlier ones."""
    said = record.provenance()
    trained: dict[str, str] = {}
    texts = frozenset(said.get("mlm", ()))
    for earlier in record.fields.get("after", {}).values():
        before = lineage(store.finished(earlier), store)
        trained |= before.trained
        texts |= before.texts
    return Lineage(trained | said.get("trained_on", {}), texts)


def lack(spec: RunSpec, past: Lineage, language: str) -> str | None:
    """Return what the run's method would have needed to do anything for a language; None where it had it."""
    kind = method_class(spec.kind)
    if kind.needs_text and language not in past.known:
        return "raw text"
    if kind.needs_text and spec.few_shot and language != spec.few_shot.language:
        return "an adapter in this few-shot run"
    return "a labelled source" if kind.needs_labels and language not in past.labelled else None
