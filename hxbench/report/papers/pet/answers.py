"""How the answers behind an artifact's scores were given: by a head, written freely, or chosen among labels."""

from collections.abc import Iterable

from hxbench.report.scores.run_set import Shown
from hxbench.spec.recipe import stacks_of
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord

HEAD, WRITTEN, LIKELIHOOD, NORMALISED = "head", "written", "likelihood", "normalised"
_SAID = {
    HEAD: "by a head over the classes",
    WRITTEN: "written freely, and wrong where they are no label",
    LIKELIHOOD: "chosen among the labels, the one that is most likely",
    NORMALISED: "chosen among the labels, by the mean log-likelihood of a label's tokens",
}


def form_of(spec: RunSpec) -> str:
    """Return how a run answers what has labels."""
    if stacks_of(spec.backbone) == "encoder" or spec.options.get("answering") == "class":
        return HEAD
    choose = spec.training.choose
    return choose if isinstance(choose, str) else WRITTEN


def forms_of(records: Iterable[RunRecord]) -> set[str]:
    """Return the forms of the answers of some runs."""
    return {form_of(record.spec) for record in records if isinstance(record.spec, RunSpec)}


def guess_is_free(records: Iterable[RunRecord]) -> bool:
    """Return whether some of these runs choose among labels, so that guessing is right now and then."""
    return bool(forms_of(records) & {LIKELIHOOD, NORMALISED})


def answered(shown: Iterable[Shown]) -> list[str]:
    """Return how the answers of what is shown were given, by backbone; nothing without runs."""
    found: dict[str, dict[str, None]] = {}
    for record in (record for one in shown for record in one.records):
        if isinstance(record.spec, RunSpec):
            found.setdefault(form_of(record.spec), {})[record.spec.backbone.name] = None
    words = [f"{_SAID[form]} ({', '.join(found[form])})" for form in _SAID if form in found]
    return [f"answers are {'; '.join(words)}."] if words else []
