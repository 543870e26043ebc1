"""What the runs of a table stand on that a reader has to know: a drawn head for MLM, corpora that stand in."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from hxbench.report.artifact.table import format_value
from hxbench.report.results import provenance_of
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord


def said_of_ground(records: Iterable[RunRecord], title_of: Callable[[str], str]) -> list[str]:
    """Return a sentence on drawn heads and one on stand-ins, as far as the runs' provenance tells."""
    known = [
        (spec, provenance_of(r)) for r in records if isinstance(spec := r.spec, RunSpec) and not spec.few_shot
    ]
    return [text for text in (_head(known, title_of), _stand_ins(known)) if text]


def _head(known: list[tuple[RunSpec, dict[str, Any]]], title_of: Callable[[str], str]) -> str:
    """Return how runs that model language got the head that their backbone lacks, and what it costs."""
    drawn = [(spec, facts) for spec, facts in known if facts.get("drawn") and facts.get("mlm")]
    if not drawn:
        return ""
    shares: dict[str, list[float]] = defaultdict(list)
    for spec, facts in drawn:
        updates = facts.get("updates_by_task")
        if isinstance(updates, dict) and sum(updates.values()):
            shares[title_of(spec.method)].append(100 * updates.get("mlm", 0) / sum(updates.values()))
    costs = [f"{name} {_range(values)}" for name, values in shares.items()]
    parameters = {size for spec, _ in drawn if (size := _parameters(spec))}
    told = f", {format_value(max(parameters), 'parameters')} parameters" if parameters else ""
    return (
        "the backbone has no head for MLM: each run draws one from its seed (dense layer, LayerNorm, output bias"
        f"{told}) and trains it; the decoder is the word embeddings."
        + (f" Of the updates MLM takes: {', '.join(costs)}." if costs else "")
    )


def _parameters(spec: RunSpec) -> int:
    """Return the size of a drawn head of BERT's architecture but for the tied decoder; 0 where it is not known."""
    shape = spec.backbone.shape or {}
    hidden, vocabulary = shape.get("hidden_size"), shape.get("vocab_size")
    known = isinstance(hidden, int) and isinstance(vocabulary, int)
    return hidden * hidden + 3 * hidden + vocabulary if known else 0  # type: ignore[operator]


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def _stand_ins(known: list[tuple[RunSpec, dict[str, Any]]]) -> str:
    """Return which corpora are others under an official name."""
    by_note: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, facts in known:
        told = facts.get("stand_ins")
        for place, note in told.items() if isinstance(told, dict) else ():
            pair, _, split = str(place).partition(" ")
            by_note[pair, str(note)].add(split)
    order = ["train", "dev", "test"]
    words = [
        f"{pair} {', '.join(sorted(splits, key=lambda s: (s not in order, order.index(s) if s in order else 0)))} "
        f"({note})"
        for (pair, note), splits in sorted(by_note.items())
    ]
    return f"stand-ins under official names, not for absolute scores: {'; '.join(words)}." if words else ""
