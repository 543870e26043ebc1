"""What the artifacts of Hyper-X are made from: run sets by setting, names of languages, what the runs stand on."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from hxbench.report import results
from hxbench.report.artifact.table import Column, format_value
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.rows import BLOCKS, GROUPS, METRICS, PAPER, ROWS, SCORING, title_of
from hxbench.report.results import provenance_of
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import RunSet, Shown
from hxbench.spec import experiment as experiments
from hxbench.spec import recipe
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import RunSpec
from hxbench.store import RunRecord


class Results(results.Results):
    """The run sets of a profile, each read once when asked for, and what the artifacts have to say about them."""

    paper = PAPER
    scoring = SCORING

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks in the paper's order, but those whose data have fewer languages behind the others.

        The first run set of Table 2 that has runs tells: all read the same data.
        """
        for block in BLOCKS:
            for method in block.methods:
                runs = self.run_set(method.method, block.setting)
                if runs.present:
                    lacking = {task: len(runs.group(task, "ALL").lacking) for task in METRICS}
                    return tuple(sorted(METRICS, key=lambda task: lacking[task]))
        return tuple(METRICS)

    def title_of(self, method: str) -> str:
        """Return what the tables call a method."""
        return next((self.titled(row).title for row in ROWS.values() if row.method == method), title_of(method))

    def titled(self, row: MethodRow) -> MethodRow:
        """Return a row with the title that is true on a backbone that was asked for."""
        asked = row.elsewhere and recipe.backbone_asked(self._scale)
        return row.model_copy(update={"title": row.elsewhere}) if asked else row

    def remarks(
        self, shown: Iterable[Shown], *, timed: bool = False, several_backbones: bool = False
    ) -> tuple[str, ...]:
        """Return what was chosen or left out, and what the runs stand on."""
        shown = list(shown)
        texts = super().remarks(shown, timed=timed, several_backbones=several_backbones)
        return (*texts, *said_of_ground((record for one in shown for record in one.records), self.title_of))

    def plain_scores(self, runs: RunSet) -> dict[Column, Estimate]:
        """Return SEEN, UNSEEN and ALL of the tasks that the runs are of."""
        tasks = [task for task in METRICS if any(model.task in (None, task) for model in runs.models)]
        return {
            Column(group, METRICS[task][1], paper=False): runs.group(task, group)
            for task in tasks
            for group in GROUPS
        }

    def _tuned_beside(self, method: str, setting: str) -> bool:
        return setting in ("multi", "single")  # which are trained on English alone

    @staticmethod
    def has(method: str, setting: str) -> bool:
        """Return whether the recipe of a method has a setting."""
        return method in recipe.recipe_names("methods") and setting in recipe.load("methods", method).settings

    @property
    def own_codes(self) -> dict[str, tuple[str, ...]]:
        """The languages that a user describes, by the task they have a corpus of; none is in an average."""
        described = experiments.described_in(self._scale)
        if described is None:
            return {}
        own = [(task, code) for task, code in described.pairs if code in described.languages]
        return {wanted: tuple(code for task, code in own if task == wanted) for wanted in METRICS}

    def label(self, code: str) -> str:
        """Return the title of a paper language's row: its code, or that of the sandbox language in its place."""
        languages = language_set("sandbox" if self.synthetic else "hyperx").values()
        return next(language.label for language in languages if language.paper_code == code)


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
